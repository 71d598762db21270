# ids: any
# What containers do with volumes, and with what else is mounted; the commands are in volume.bats.
load ../lib/common

CONFIG=$REGISTRY/config
LAYERS=$REGISTRY/layers

setup_file() { own_store busybox config config:database layers; }
teardown() {
	remove_containers
	tiffin volume rm -f --all >/dev/null 2>&1 || :
	[ -z "${kept_tmp:-}" ] || return 0
	# Whatever happened, nothing is left of it.
	is_empty "$TIFFIN_ROOT/volumes"
	nothing_staged
}
teardown_file() { drop_store; }

# As root: without subordinate IDs there is no other user.
box() { tiffin run --rm --network none -u 0 "$@"; }
volumes() { tiffin volume ls -q; }
path_of() { tiffin volume inspect -f '{{.Mountpoint}}' "$1"; }

# All that can be seen of a tree; a directory's size is the file system's affair. Whom a symlink belongs to
# is nowhere recorded in a volume where one ID is mapped.
tree() { # tree PLACE OPTION…
	local place=$1 link='%u:%g '
	[ "$TIFFIN_TEST_IDS" = range ] || link=
	shift
	box "$@" "$LAYERS" sh -c "find $place | sort | while read -r f; do
		if [ -d \"\$f\" ] && [ ! -L \"\$f\" ]; then stat -c '%n %F %a %u:%g %Y' \"\$f\"
		elif [ -L \"\$f\" ]; then stat -c '%n %F $link%s %Y' \"\$f\"; readlink \"\$f\"
		else stat -c '%n %F %a %u:%g %s %Y %h' \"\$f\"; fi
		[ ! -f \"\$f\" ] || md5sum <\"\$f\"; done"
}

#--- what a volume takes ----------------------------------------------------------------------------

@test "a new volume takes the image's content, with owners, modes, links and times" {
	for place in hard modes owners special names data deep xattrs late; do
		same "$(tree /$place -v "copy-$place:/$place")" "$(tree /$place)"
		# And keeps it.
		same "$(tree /$place -v "copy-$place:/$place")" "$(tree /$place)"
	done
	same "$(getfattr --only-values -n user.tiffin "$(path_of copy-xattrs)/user")" "a value"
	same "$(getfattr --only-values -n user.on.dir "$(path_of copy-xattrs)/dir")" yes
	same "$(stat -c %i "$(path_of copy-hard)/a")" "$(stat -c %i "$(path_of copy-hard)/other/c")"
	lacks "$(ls "$TIFFIN_ROOT/volumes/copy-data")" fresh copying
}

@test "the image's volumes are anonymous ones, and go with --rm and rm -v" {
	same "$(box "$CONFIG" exec cat /vol/seed | tail -n 1)" seeded
	same "$(volumes)" ""
	tiffin create --name one --network none -u 0 "$CONFIG" exec cat /vol/seed
	id=$(volumes)
	matches "$id" '^[0-9a-f]{64}$'
	same "$(tiffin volume inspect -f '{{.Anonymous}} {{.NeedsCopyUp}}' "$id")" "true true"
	same "$(tiffin start -a one | tail -n 1)" seeded
	same "$(tiffin volume inspect -f '{{.NeedsCopyUp}}' "$id")" false
	fails 2 volume rm "$id"
	contains "$error" "volume $id is being used by the following container(s): " "volume is being used"
	same "$(tiffin volume prune -f)" "Total reclaimed space: 0B"
	tiffin rm one
	same "$(volumes)" "$id"
	tiffin create --name two --network none "$CONFIG"
	tiffin rm -v two
	same "$(volumes)" "$id"
	contains "$(tiffin volume prune -f)" "$id" "7B"
	# One that can't start leaves nothing.
	fails 127 run --rm --network none -u 0 --entrypoint /no/such "$CONFIG"
	fails 125 run --rm --network none --mount type=bind,src="$TIFFIN_ROOT/layout",dst=/bin -u 0 "$CONFIG"
	same "$(volumes)" ""
}

@test "--image-volume: tmpfs, ignore" {
	contains "$(box --image-volume=tmpfs "$CONFIG" exec grep ' /vol ' /proc/mounts)" "tmpfs /vol tmpfs"
	lacks "$(box --image-volume=ignore "$CONFIG" exec cat /proc/mounts)" " /vol "
	same "$(volumes)" ""
	fails 125 run --rm --image-volume=other "$CONFIG"
}

@test "data of a database with a user of its own is there again" {
	for n in 1 2 3; do
		same "$(tiffin run --name db --network none -v data:/var/lib/db "$REGISTRY/config:database")" \
			"started $n 999:700 999"
		tiffin rm -v db
	done
	# Without a name it is each time another.
	for _ in 1 2; do
		same "$(tiffin run --rm --network none "$REGISTRY/config:database")" "started 1 999:700 999"
	done
	same "$(volumes)" data
}

@test "nocopy leaves it empty, and it is so from then on; what is there is left as it is" {
	same "$(box -v a:/vol:nocopy "$CONFIG" exec ls /vol | tail -n 1)" "entry:exec ls /vol"
	same "$(box -v a:/vol "$CONFIG" exec ls /vol | tail -n 1)" "entry:exec ls /vol"
	same "$(box --mount type=volume,src=b,dst=/vol,volume-nocopy "$CONFIG" exec ls /vol | tail -n 1)" \
		"entry:exec ls /vol"
	tiffin volume create c
	echo mine >"$(path_of c)/own"
	same "$(box -v c:/vol "$CONFIG" exec ls /vol | tail -n 1)" own
	# Where the image has nothing, it is root's.
	same "$(box -v d:/new/place "$BUSYBOX" stat -c '%u %a' /new/place)" "0 755"
}

@test "a copy that was broken off is done again, whole" {
	tiffin volume create half
	mkdir -p "$TIFFIN_ROOT/volumes/half/copying/dir"
	echo junk >"$TIFFIN_ROOT/volumes/half/copying/dir/junk"
	same "$(box -v half:/vol "$CONFIG" exec ls /vol | tail -n 1)" seed
	same "$(ls "$TIFFIN_ROOT/volumes/half" | tr '\n' ' ')" "_data lock volume.json "
}

@test "killed or out of space in mid-copy, it counts as not yet copied" {
	[ "$TIFFIN_TEST_IDS" = single ] || skip "cannot be had here: newuidmap has no privileges under strace"
	command -v strace >/dev/null || skip "no strace"
	trap_call() { # trap_call CALL WHAT
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -o /dev/null -e "trace=$1" \
			-e "inject=$1:$2" "$TIFFIN" run --rm --network none -v v:/data "$LAYERS" ls /data 3>&- 4>&-
	}
	for trap in syncfs:signal=KILL fchown:signal=KILL:when=5 pwrite64:error=ENOSPC:when=3; do
		run trap_call "${trap%%:*}" "${trap#*:}"
		[ "$status" != 0 ]
		[[ $trap != *ENOSPC* ]] || contains "$output" "cannot copy the image's '/data' to volume v" "No space left"
		test -e "$TIFFIN_ROOT/volumes/v/fresh"
		is_empty "$TIFFIN_ROOT/volumes/v/_data"
	done
	same "$(tree /data -v v:/data)" "$(tree /data)"
	tiffin rm -fa
}

@test "several that start with one new volume at once all have it, whole" {
	want=$(box "$LAYERS" find /data | sort)
	pids=()
	for n in $(seq 6); do
		start_tiffin "$BATS_TEST_TMPDIR/$n" run --rm --network none -v new:/data "$LAYERS" find /data
		pids+=($!)
	done
	wait "${pids[@]}"
	for n in $(seq 6); do
		same "$(sort "$BATS_TEST_TMPDIR/$n")" "$want"
	done
}

@test "on a full disk the volume is an error that says so, and can be had when there is room" {
	[ -n "$TIFFIN_TEST_SMALL" ] || skip "cannot be had here: no small disk was mounted"
	kept_tmp=yes
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/volumes-store
	tiffin pull -q "$LAYERS"
	tiffin volume create full
	tiffin create --name box --network none -v full:/data "$LAYERS" find /data
	cat /dev/zero >"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	fails 125 start -a box
	contains "$error" "No space left on device"
	test -e "$TIFFIN_ROOT/volumes/full/fresh"
	rm "$TIFFIN_TEST_SMALL/filler"
	contains "$(tiffin start -a box)" /data/kept
	cat /dev/zero >"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	tiffin rm -f box
	tiffin volume rm full
	rm "$TIFFIN_TEST_SMALL/filler"
	remove_tree "$TIFFIN_ROOT"
}

#--- names, options, sharing ------------------------------------------------------------------------

@test "a volume by name is made by its first use, shared, and outlives its containers" {
	box -v data:/x "$BUSYBOX" sh -c 'echo kept >/x/file'
	same "$(box -v data:/y:ro "$BUSYBOX" cat /y/file)" kept
	run box -v data:/y:ro "$BUSYBOX" touch /y/other
	contains "$output" "Read-only file system"
	same "$(volumes)" data
	tiffin create --name user -v data:/z "$BUSYBOX" true
	same "$(tiffin inspect --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.Driver}} {{.Source}} {{.Destination}} {{.RW}}{{end}}' user)" \
		"volume data local $(path_of data) /z true"
	same "$(tiffin inspect --format '{{json .HostConfig.Binds}}' user)" '["data:/z:rw"]'
	same "$(tiffin ps -a --filter volume=data --format '{{.Names}} {{.Mounts}}')" "user data"
	same "$(tiffin volume ls -q --filter dangling=false)" data
	fails 2 volume rm data
	same "$(tiffin volume rm -f data)" data
	same "$(tiffin ps -aq)" ""
}

@test "an anonymous volume by -v and --mount" {
	tiffin create --name a -v /x --mount type=volume,dst=/y "$BUSYBOX" true
	same "$(volumes | grep -cE '^[0-9a-f]{64}$')" 2
	tiffin rm -v a
	same "$(volumes)" ""
	# By its name it is somebody's.
	id=$(tiffin volume create)
	box -v "$id:/x" "$BUSYBOX" touch /x/y
	same "$(volumes)" "$id"
}

@test "mount flags are the mount's; what excludes itself is refused" {
	options=$(box -v v:/x:ro,noexec,nosuid,nodev "$BUSYBOX" grep ' /x ' /proc/mounts)
	contains "$options" "ro,nosuid,nodev,noexec"
	while read -r option message; do
		fails 125 run --rm -v "$option" "$BUSYBOX" true
		same "$error" "Error: ${message//_/ }"
	done <<-'END'
		/nope:/x statfs_/nope:_no_such_file_or_directory
		v:/x:rw,ro invalid_options_"rw,_ro",_can_only_specify_1_'rw'_or_'ro'_option
		v:/x:z,Z invalid_options_"z,_Z",_can_only_specify_1_'z',_'Z',_or_'O'_option
		v:/x:exec,noexec invalid_options_"exec,_noexec",_can_only_specify_1_'noexec'_or_'exec'_option
		v:/x:nope invalid_option_type_"nope"
		v:x invalid_container_path_"x",_must_be_an_absolute_path
		v invalid_container_path_"v",_must_be_an_absolute_path
		:/x host_directory_cannot_be_empty
		v: container_directory_cannot_be_empty
		v:/x:/y:ro:z v:/x:/y:ro:z:_incorrect_volume_format,_should_be_[host-dir:]ctr-dir[:option]
	END
	fails 125 run --rm -v v:/x --mount type=tmpfs,dst=/x "$BUSYBOX" true
	same "$error" "Error: /x: duplicate mount destination"
	# None was made on the way.
	same "$(volumes)" v
}

@test "a relative directory, one file, a name with a colon" {
	mkdir -p "$BATS_TEST_TMPDIR/rel"
	echo one >"$BATS_TEST_TMPDIR/rel/file"
	cd "$BATS_TEST_TMPDIR"
	same "$(box -v ./rel:/x -v ./rel/file:/etc/motd:ro "$BUSYBOX" cat /x/file /etc/motd)" $'one\none'
	same "$(box -v './rel:/x\:y' "$BUSYBOX" cat /x:y/file)" one
	fails 125 run --rm -v ./none:/x "$BUSYBOX" true
	same "$error" "Error: statfs ./none: no such file or directory"
}

@test "--volumes-from: what the other has, read-only where that is said, and nothing in the way" {
	mkdir "$BATS_TEST_TMPDIR/host"
	echo host >"$BATS_TEST_TMPDIR/host/file"
	tiffin create --name donor --network none -v "$BATS_TEST_TMPDIR/host:/host" -v named:/named --tmpfs /tmpfs \
		-u 0 "$CONFIG"
	tiffin start -a donor
	same "$(box --volumes-from donor "$BUSYBOX" sh -c 'cat /host/file /vol/seed; echo a >/named/a; ls -d /tmpfs' 2>&1)" \
		$'host\nseeded\nls: /tmpfs: No such file or directory'
	same "$(box --volumes-from donor:ro "$BUSYBOX" sh -c 'cat /named/a; touch /named/b' 2>&1)" \
		$'a\ntouch: /named/b: Read-only file system'
	same "$(box --volumes-from donor -v other:/named "$BUSYBOX" ls /named)" ""
	tiffin create --name heir --volumes-from donor:z "$BUSYBOX" true
	tiffin rm -v donor
	same "$(volumes | grep -c .)" 3
	tiffin rm -v heir
	same "$(volumes | tr '\n' ' ')" "named other "
	fails 125 run --rm --volumes-from nobody "$BUSYBOX" true
	same "$error" 'Error: looking up container "nobody" for volumes-from: no container with name or ID "nobody" found: no such container'
	tiffin create --name x "$BUSYBOX" true
	fails 125 run --rm --volumes-from x:wo "$BUSYBOX" true
	contains "$error" 'invalid option "wo" specified - volumes from another container can only use z,ro,rw options'
	fails 125 run --rm --volumes-from x:ro,rw "$BUSYBOX" true
}

@test "a volume at /etc leaves the container its own hosts; one inside another is in it" {
	same "$(box -v etc:/etc "$BUSYBOX" sh -c 'grep -c localhost /etc/hosts; grep -c ^app /etc/passwd')" $'2\n1'
	box -v outer:/o -v inner:/o/i "$BUSYBOX" touch /o/i/file
	same "$(ls "$(path_of inner)") $(ls "$(path_of outer)")" "file i"
}

@test "a volume that is a directory of the host's shows that, and takes nothing" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	tiffin volume create -o type=none -o o=bind -o device="$BATS_TEST_TMPDIR/dir" there
	same "$(box -v there:/vol "$CONFIG" exec ls /vol | tail -n 1)" "entry:exec ls /vol"
	box -v there:/x "$BUSYBOX" touch /x/seen
	test -e "$BATS_TEST_TMPDIR/dir/seen"
	rm -r "$BATS_TEST_TMPDIR/dir"
	fails 125 run --rm -v there:/x "$BUSYBOX" true
	contains "$error" "volume there: '$BATS_TEST_TMPDIR/dir': No such file or directory"
}

@test "in a container with other IDs a volume is its users', as the image says, or its root's" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: other users take subordinate IDs"
	local mode
	for mode in keep-id nomap auto; do
		same "$(box "--userns=$mode" -v "$mode-a:/vol" "$CONFIG" exec stat -c %u:%g /vol /vol/seed | tail -n 2)" \
			$'0:0\n1000:1000'
		# As by podman: who has made it can write to it.
		tiffin run --rm --network none "--userns=$mode" -v "$mode-b:/new" "$BUSYBOX" touch /new/file
		tiffin run --rm --network none "--userns=$mode" -u app -v "$mode-b:/new:U" "$BUSYBOX" touch /new/file /new/more
	done
}

#--- overlays, images, tmpfs, owners ----------------------------------------------------------------

@test ":O shows a directory or a volume, and drops what is written at the end" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	echo first >"$BATS_TEST_TMPDIR/dir/file"
	same "$(box -v "$BATS_TEST_TMPDIR/dir:/x:O" "$BUSYBOX" sh -c 'cat /x/file; echo second >/x/file; rm -f /x/no; touch /x/new; cat /x/file')" \
		$'first\nsecond'
	same "$(ls "$BATS_TEST_TMPDIR/dir")$(cat "$BATS_TEST_TMPDIR/dir/file")" filefirst
	tiffin create --name again --network none -v "$BATS_TEST_TMPDIR/dir:/x:O" -v v:/y:O "$BUSYBOX" \
		sh -c 'ls /x /y; touch /x/new /y/new'
	for _ in 1 2; do
		same "$(tiffin start -a again)" $'/x:\nfile\n\n/y:'
		# In between nothing is kept.
		gone() { test ! -e "$TIFFIN_ROOT"/containers/*/overlays; }
		wait_for gone
	done
	is_empty "$(path_of v)"
}

@test ":O with a layer of the user's keeps it there" {
	mkdir "$BATS_TEST_TMPDIR"/{dir,up,work}
	echo first >"$BATS_TEST_TMPDIR/dir/file"
	o="O,upperdir=$BATS_TEST_TMPDIR/up,workdir=$BATS_TEST_TMPDIR/work"
	box -v "$BATS_TEST_TMPDIR/dir:/x:$o" "$BUSYBOX" touch /x/new
	same "$(ls "$BATS_TEST_TMPDIR/up") $(ls "$BATS_TEST_TMPDIR/dir")" "new file"
	same "$(box -v "$BATS_TEST_TMPDIR/dir:/x:$o" "$BUSYBOX" ls /x | tr '\n' ' ')" "file new "
	fails 125 run --rm -v "$BATS_TEST_TMPDIR/dir:/x:O,upperdir=$BATS_TEST_TMPDIR/up" "$BUSYBOX" true
	contains "$error" "must specify both upperdir and workdir"
	remove_tree "$BATS_TEST_TMPDIR/work"
}

@test "an image is mounted, read-only, or with a layer that goes; it is in use meanwhile" {
	m=type=image,source=$LAYERS,destination=/i
	same "$(box --mount "$m" "$BUSYBOX" sh -c 'cat /i/data/changed; touch /i/x' 2>&1)" \
		$'second\ntouch: /i/x: Read-only file system'
	same "$(box --mount "$m,rw" "$BUSYBOX" sh -c 'echo mine >/i/data/changed; cat /i/data/changed')" mine
	same "$(box --mount "$m" "$BUSYBOX" cat /i/data/changed)" second
	# Of one layer alone.
	same "$(box --mount "type=image,src=$BUSYBOX,dst=/i" "$BUSYBOX" ls /i/bin/busybox)" /i/bin/busybox
	tiffin tag "$LAYERS" localhost/mounted
	id=$(tiffin images -q --no-trunc localhost/mounted | cut -d: -f2)
	tiffin create --name user --mount "$m" "$BUSYBOX" true
	tiffin untag localhost/mounted
	fails 2 rmi "$id"
	contains "$error" "is in use by container user"
	same "$(tiffin inspect --format '{{(index .Mounts 0).Type}} {{(index .Mounts 0).Source}} {{(index .Mounts 0).RW}}' user)" \
		"image $LAYERS false"
	fails 125 run --rm --mount type=image,source=localhost/none,dst=/i "$BUSYBOX" true
	contains "$error" "localhost/none" "image not known"
}

@test "a tmpfs by --mount: size, mode, what the image has there" {
	same "$(box --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0710 "$BUSYBOX" \
		sh -c 'stat -c %a /t; df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2')" $'710\n1024'
	same "$(box --mount type=tmpfs,dst=/etc,tmpcopyup,ro "$BUSYBOX" sh -c 'cut -d: -f1 /etc/passwd | tail -n 2; touch /etc/x' 2>&1)" \
		$'app\nnobody\ntouch: /etc/x: Read-only file system'
	same "$(box --tmpfs /home:tmpcopyup "$BUSYBOX" ls /home)" app
}

@test ":U gives what is in it to the container's user" {
	box -v v:/x "$BUSYBOX" sh -c 'mkdir /x/dir; touch /x/dir/file; ln -s /etc/passwd /x/link; mkdir /x/closed; chmod 0 /x/closed'
	same "$(tiffin run --rm --network none -u 1000:1000 -v v:/x:ro,U "$BUSYBOX" sh -c 'stat -c "%u:%g" /x /x/dir /x/dir/file /x/closed /etc/passwd' | tr '\n' ' ')" \
		"1000:1000 1000:1000 1000:1000 1000:1000 0:0 "
	[ "$TIFFIN_TEST_IDS" = single ] || same "$(box -v v:/x "$BUSYBOX" stat -c %u:%g /x/link)" 1000:1000
	mkdir "$BATS_TEST_TMPDIR/dir"
	touch "$BATS_TEST_TMPDIR/dir/file"
	tiffin run --rm --network none -u app --mount "type=bind,src=$BATS_TEST_TMPDIR/dir,dst=/x,U=true" "$BUSYBOX" touch /x/new
	same "$(box -v "$BATS_TEST_TMPDIR/dir:/x" "$BUSYBOX" stat -c %U /x /x/file /x/new | tr '\n' ' ')" "app app app "
	box -v "$BATS_TEST_TMPDIR/dir:/x:U" "$BUSYBOX" true
	same "$(stat -c %U "$BATS_TEST_TMPDIR/dir/new")" "$(id -un)"
	fails 125 run --rm -v "$HOME:/x:U" "$BUSYBOX" true
	contains "$error" "chowning host path \"$HOME\" is not allowed"
}

@test "what the host mounts later is seen with rslave and rshared, and not otherwise; bind shows no mounts" {
	mkdir "$BATS_TEST_TMPDIR/shared"
	cat >"$BATS_TEST_TMPDIR/script" <<-'END'
		set -e
		mount -t tmpfs none "$1" && mount --make-shared "$1"
		mkdir "$1/dir"
		for how in rslave rprivate rshared; do
			"$TIFFIN" run -d --name "p$how" --network none -v "$1/dir:/x:$how" "$2" \
				sh -c 'until [ -e /x/go ]; do sleep 0.1; done; ls /x/sub' >/dev/null
			mkdir -p "$1/dir/sub"
			mount -t tmpfs none "$1/dir/sub"
			touch "$1/dir/sub/seen" "$1/dir/go"
			"$TIFFIN" wait "p$how" >/dev/null
			echo "$how $("$TIFFIN" logs "p$how")"
			"$TIFFIN" rm "p$how" >/dev/null
			umount "$1/dir/sub"
			rm "$1/dir/go"
		done
		mount -t tmpfs none "$1/dir/sub"
		"$TIFFIN" run --rm --network none -v "$1/dir:/x:ro" "$2" touch /x/sub/no || :
		"$TIFFIN" run --rm --network none -v "$1/dir:/x:bind" "$2" ls /x/sub || :
		"$TIFFIN" run --rm --network none -v "$1/dir:/x:O" "$2" ls /x/sub || :
	END
	# A namespace of ours, in which mounts are shared, is the host here.
	run timeout --foreground -k 1 100 unshare --user --map-root-user --mount \
		sh "$BATS_TEST_TMPDIR/script" "$BATS_TEST_TMPDIR/shared" "$BUSYBOX" 3>&- 4>&-
	contains "$output" $'rslave seen\nrprivate \nrshared seen\n' "touch: /x/sub/no: Read-only file system" \
		"other file systems are mounted beneath '$BATS_TEST_TMPDIR/shared/dir'" \
		"overlayfs: Invalid argument"
}

#--- strangers --------------------------------------------------------------------------------------

hostile() { # hostile KIND [TARGET]: loads that image; its name is in $image
	PYTHONDONTWRITEBYTECODE=1 python3 "$LIB/hostile.py" "$@" | tiffin load -q >/dev/null
	image=localhost/hostile:${1//\//-}
}

@test "a volume of the image's that leads out stays in the container (CVE-2022-23648)" {
	mkdir -p "$BATS_TEST_TMPDIR/canary/dir"
	echo secret >"$BATS_TEST_TMPDIR/canary/dir/file"
	chmod 755 "$BATS_TEST_TMPDIR/canary" "$BATS_TEST_TMPDIR/canary/dir"
	before=$(find "$BATS_TEST_TMPDIR/canary" -printf '%P %y %m %U:%G %s %i %T@\n')
	for target in "$BATS_TEST_TMPDIR/canary/dir" "../../../../../../../..$BATS_TEST_TMPDIR/canary/dir"; do
		hostile volume-link "$target"
		same "$(box "$image" sh -c "ls -A /var/work/; echo mine >/var/work/made; cat '$BATS_TEST_TMPDIR/canary/dir/made'")" mine
		hostile volume "$target"
		same "$(box "$image" sh -c "ls -A '$BATS_TEST_TMPDIR/canary/dir'; touch '$BATS_TEST_TMPDIR/canary/dir/made'")" ""
	done
	hostile volume /work
	box -v taken:/work "$image" true
	same "$(ls "$(path_of taken)" | tr '\n' ' ')" "far fifo file out "
	same "$(readlink "$(path_of taken)/far")" ../../../../../../etc
	# Over what is made for it, as whoever says -v can.
	for target in . / ..; do
		hostile volume "$target"
		fails 125 run --rm "$image" true
		contains "$error" "the image's volume '$target'" "can't be mounted on"
	done
	same "$(find "$BATS_TEST_TMPDIR/canary" -printf '%P %y %m %U:%G %s %i %T@\n')" "$before"
}
