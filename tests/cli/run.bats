# ids: range
load ../lib/common

setup_file() { own_store busybox config config:nocommand config:group config:nobody; }
teardown_file() { drop_store; }

CONFIG=$REGISTRY/config

#--- streams and exit status -----------------------------------------------------------------------

@test "the command's output is stdout, and nothing else is" {
	run --separate-stderr tiffin run --rm "$BUSYBOX" echo hi
	same "$status$output" 0hi
	same "$stderr" ""
}

@test "stdout and stderr are kept apart" {
	run --separate-stderr tiffin run --rm "$BUSYBOX" sh -c 'echo out; echo err >&2'
	same "$output" out
	same "$stderr" err
}

@test "the exit status is the command's own" {
	for code in 0 1 42 255; do
		run tiffin run --rm "$BUSYBOX" sh -c "exit $code"
		same "$status" "$code"
	done
}

@test "a command that dies of a signal gives 128 and its number" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --name dying "$BUSYBOX" sleep 100
	wait_for has_status dying ' Up '
	tiffin stop -t 0 dying
	status=0
	wait $! || status=$?
	same "$status" 137
	tiffin rm dying
}

@test "what is not found gives 127" {
	fails 127 run --rm "$BUSYBOX" no-such-command
	contains "$error" no-such-command
	fails 127 run --rm "$BUSYBOX" /no/such/path
	contains "$error" /no/such/path
}

@test "what is not executable gives 126" {
	fails 126 run --rm "$BUSYBOX" /etc/passwd
	contains "$error" /etc/passwd
	fails 126 run --rm "$BUSYBOX" /etc
	fails 126 run --rm --entrypoint /not-executable "$CONFIG"
}

@test "a script whose interpreter is missing gives 127" {
	fails 127 run --rm --entrypoint /bad-interpreter "$CONFIG"
	contains "$error" /bad-interpreter
}

@test "an unknown flag gives 125 and the nearest one" {
	fails 125 run --hostnam x "$BUSYBOX" true
	contains "$error" --hostnam
	contains "$stderr" --hostname
}

@test "no image gives 125" {
	fails 125 run
}

@test "an image without a command gives 125" {
	fails 125 run --rm "$CONFIG:nocommand"
	contains "$error" command
}

@test "stdin is empty without -i" {
	run tiffin run --rm "$BUSYBOX" cat <<<data
	same "$status$output" 0
}

@test "with -i stdin is the caller's, to the byte" {
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	tiffin run --rm -i "$BUSYBOX" cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "much output on both streams arrives whole" {
	tiffin run --rm "$BUSYBOX" sh -c 'seq 1 300000 & seq 300001 600000 >&2; wait' \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	seq 1 300000 | cmp - "$BATS_TEST_TMPDIR/out"
	seq 300001 600000 | cmp - "$BATS_TEST_TMPDIR/err"
}

@test "a reader that goes away does not hang the run" {
	run timeout 60 bash -c '"$TIFFIN" run --rm "$0" yes 2>/dev/null | head -n 1' "$BUSYBOX"
	same "$output" y
	[ "$status" -ne 124 ]
}

@test "a signal to the client reaches the command" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --rm "$BUSYBOX" \
		sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done'
	signal_when_ready "$BATS_TEST_TMPDIR/out" TERM
	same "$status" 7
}

#--- the command -----------------------------------------------------------------------------------

@test "flags after the image are the command's" {
	same "$(tiffin run --rm "$BUSYBOX" echo --rm -e --name)" "--rm -e --name"
}

@test "-- ends the flags" {
	same "$(tiffin run --rm -- "$BUSYBOX" echo hi)" hi
}

@test "arguments arrive as they are" {
	run tiffin run --rm "$BUSYBOX" printf '<%s>' "" "a b" $'new\nline' '$HOME' '*' "grün"
	same "$output" $'<><a b><new\nline><$HOME><*><grün>'
}

@test "the image's entrypoint gets the image's command" {
	same "$(tiffin run --rm "$CONFIG")" "entry:from cmd"
}

@test "a command takes the place of the image's, not of its entrypoint" {
	same "$(tiffin run --rm "$CONFIG" one two)" "entry:one two"
}

@test "--entrypoint takes the place of both" {
	same "$(tiffin run --rm --entrypoint /bin/echo "$CONFIG" given)" given
	same "$(tiffin run --rm --entrypoint /bin/echo "$CONFIG")" ""
}

@test "an empty --entrypoint leaves the command alone" {
	same "$(tiffin run --rm --entrypoint "" "$CONFIG" echo plain)" plain
}

@test "--entrypoint may be a JSON array" {
	same "$(tiffin run --rm --entrypoint '["/bin/echo","a"]' "$CONFIG" b)" "a b"
}

@test "the command is looked up in the container's PATH" {
	fails 127 run --rm -e PATH=/nowhere "$BUSYBOX" ls
}

#--- environment -----------------------------------------------------------------------------------

@test "the image's environment is set" {
	run tiffin run --rm "$CONFIG" exec env
	contains "$output" FROM_IMAGE=yes "SPACED=a b"
	grep -qx EMPTY= <<<"$output"
}

@test "-e sets, overrides and takes from the caller's environment" {
	MINE=mine run tiffin run --rm -e FROM_IMAGE=no -e "A=b c=d" -eX=y -e MINE -e NOT_SET \
		--env LONG=1 --env=EQ=2 "$CONFIG" exec env
	contains "$output" FROM_IMAGE=no "A=b c=d" X=y MINE=mine LONG=1 EQ=2
	lacks "$output" NOT_SET FROM_IMAGE=yes
}

@test "--env-file sets; -e wins over it" {
	printf '# comment\n\nONE=1\nTWO=a b # kept\nMINE\nTHREE=file\n' >"$BATS_TEST_TMPDIR/env"
	MINE=mine run tiffin run --rm --env-file "$BATS_TEST_TMPDIR/env" -e THREE=flag "$BUSYBOX" env
	contains "$output" ONE=1 "TWO=a b # kept" MINE=mine THREE=flag
	lacks "$output" comment THREE=file
}

@test "an --env-file that is missing gives 125" {
	fails 125 run --rm --env-file /no/such/file "$BUSYBOX" env
	contains "$error" /no/such/file
}

@test "PATH, HOME and HOSTNAME are set; the caller's environment stays out" {
	SECRET=leak run tiffin run --rm -h box "$BUSYBOX" env
	contains "$output" PATH=/usr/local/sbin: HOME=/root HOSTNAME=box
	lacks "$output" SECRET TIFFIN XDG_ BATS "$HOME"
}

@test "HOME is that of the user" {
	same "$(tiffin run --rm -u app "$BUSYBOX" sh -c 'echo $HOME')" /home/app
}

#--- user and directory ----------------------------------------------------------------------------

@test "the user is root unless the image says otherwise" {
	same "$(tiffin run --rm "$BUSYBOX" id -u)" 0
	same "$(tiffin run --rm "$CONFIG" exec id -u)" $'entry:exec id -u\n1000'
}

@test "-u takes names, numbers and groups, and adds the groups of /etc/group" {
	same "$(tiffin run --rm -u app "$BUSYBOX" id)" \
		"uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"
	same "$(tiffin run --rm -u 1000 "$BUSYBOX" id)" \
		"uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"
	same "$(tiffin run --rm -u app:www-data "$BUSYBOX" id)" \
		"uid=1000(app) gid=33(www-data) groups=33(www-data)"
	same "$(tiffin run --rm -u 4321 "$BUSYBOX" sh -c 'id -u; id -g; id -G')" $'4321\n0\n0'
	same "$(tiffin run --rm -u 4321:4322 "$BUSYBOX" sh -c 'id -u; id -g; id -G')" $'4321\n4322\n4322'
}

@test "the image's user may name a group" {
	same "$(tiffin run --rm "$CONFIG:group")" "uid=1000(app) gid=33(www-data) groups=33(www-data)"
}

@test "a user that the image does not have is an error" {
	run --separate-stderr tiffin run --rm -u no-such-user "$BUSYBOX" id
	matches "$status" '^12[56]$'
	contains "$stderr" "Error: " "unable to find user no-such-user" "passwd"
	run --separate-stderr tiffin run --rm "$CONFIG:nobody"
	matches "$status" '^12[56]$'
	contains "$stderr" no-such-user
}

@test "a user number out of range is refused" {
	for user in 4294967295 4294967296 2147483648 -1 65537000000; do
		run --separate-stderr tiffin run --rm -u "$user" "$BUSYBOX" id
		matches "$user $status" '12[56]$'
		lacks "$output" uid=0
	done
}

@test "-w sets the directory" {
	same "$(tiffin run --rm -w /usr/bin "$BUSYBOX" pwd)" /usr/bin
	same "$(tiffin run --rm --workdir=/etc "$BUSYBOX" pwd)" /etc
}

@test "the image's directory is made where it is missing, and belongs to the user" {
	same "$(tiffin run --rm "$CONFIG" exec sh -c 'pwd; stat -c %U .' | tail -n 2)" \
		$'/work/made/here\napp'
}

@test "a relative -w is refused" {
	fails 125 run --rm -w here "$BUSYBOX" pwd
}

#--- name, host name, record -----------------------------------------------------------------------

@test "the host name is the ID's first 12 digits, or what --hostname says" {
	matches "$(tiffin run --rm "$BUSYBOX" hostname)" '^[0-9a-f]{12}$'
	same "$(tiffin run --rm --hostname box "$BUSYBOX" sh -c 'hostname; cat /etc/hostname')" $'box\nbox'
	same "$(tiffin run --rm -h box "$BUSYBOX" hostname)" box
	tiffin run --rm -h box "$BUSYBOX" grep -w box /etc/hosts
	tiffin run --rm "$BUSYBOX" grep -E '^127.0.0.1.*localhost' /etc/hosts
}

@test "--rm removes the container, and without it its status is kept" {
	run tiffin run --rm --name gone "$BUSYBOX" sh -c 'exit 3'
	same "$status" 3
	lacks "$(tiffin ps -a)" gone
	run tiffin run --name kept "$BUSYBOX" sh -c 'exit 3'
	same "$status" 3
	has_status kept 'Exited \(3\)'
	tiffin rm kept
}

@test "a name is given out once" {
	tiffin run --name twin "$BUSYBOX" true
	id=$(tiffin ps -a --no-trunc --noheading | awk '/ twin *$/ { print $1 }')
	fails 125 run --name twin "$BUSYBOX" true
	contains "$error" "the container name \"twin\" is already in use by" "$id"
	tiffin rm twin
}

@test "--replace takes a name over" {
	tiffin run -d --name taken "$BUSYBOX" \
		sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
	run --separate-stderr tiffin run --rm --replace --name taken "$BUSYBOX" echo mine
	same "$status" 0
	same "${lines[-1]}" mine
}

@test "a name that is none is refused" {
	for name in "a b" "-x" "a/b" "../x" ".x"; do
		run --separate-stderr tiffin run --rm --name "$name" "$BUSYBOX" true
		same "$name $status" "$name 125"
	done
}

@test "a name is made up where none is given" {
	tiffin run "$BUSYBOX" true
	row=$(tiffin ps -a --noheading -l)
	matches "$row" ' [a-z]+_[a-z]+ *$'
	tiffin rm "${row%% *}"
}

@test "--cidfile gets the ID, and must not be there before" {
	tiffin run --rm --cidfile "$BATS_TEST_TMPDIR/cid" "$BUSYBOX" true
	matches "$(cat "$BATS_TEST_TMPDIR/cid")" '^[0-9a-f]{64}$'
	fails 125 run --rm --cidfile "$BATS_TEST_TMPDIR/cid" "$BUSYBOX" true
	contains "$error" "$BATS_TEST_TMPDIR/cid"
}

@test "--label takes labels, and refuses what is none" {
	run tiffin run --rm --label a=b -l c "$BUSYBOX" true
	same "$status" 0
	fails 125 run --rm --label =b "$BUSYBOX" true
}

@test "the last of a repeated flag wins" {
	same "$(tiffin run --rm -h one -h two "$BUSYBOX" hostname)" two
}

#--- file systems ----------------------------------------------------------------------------------

@test "what a container writes is its own" {
	tiffin run --rm "$BUSYBOX" sh -c 'echo x >/etc/written; rm /etc/passwd'
	run --separate-stderr tiffin run --rm "$BUSYBOX" ls /etc/written /etc/passwd
	same "$output" /etc/passwd
	contains "$stderr" "/etc/written: No such file or directory"
}

@test "--read-only closes the root but not /dev/shm" {
	run tiffin run --rm --read-only "$BUSYBOX" sh -c 'touch /x; touch /etc/x; touch /dev/shm/x && echo shm'
	contains "$output" "/x: Read-only file system" "/etc/x: Read-only file system" shm
}

@test "-v binds a directory, both ways, with the caller as root's owner" {
	mkdir "$BATS_TEST_TMPDIR/d"
	echo in >"$BATS_TEST_TMPDIR/d/in"
	same "$(tiffin run --rm -v "$BATS_TEST_TMPDIR/d:/made/for/it" "$BUSYBOX" \
		sh -c 'cat /made/for/it/in; echo out >/made/for/it/out; stat -c %u /made/for/it/in')" $'in\n0'
	same "$(cat "$BATS_TEST_TMPDIR/d/out")" out
	same "$(stat -c %u "$BATS_TEST_TMPDIR/d/out")" "$(id -u)"
}

@test "-v with ro is read-only, below too" {
	mkdir -p "$BATS_TEST_TMPDIR/d/sub"
	run tiffin run --rm -v "$BATS_TEST_TMPDIR/d:/d:ro" "$BUSYBOX" sh -c 'touch /d/x; touch /d/sub/x'
	contains "$output" "/d/x: Read-only" "/d/sub/x: Read-only"
}

@test "-v binds a file" {
	echo text >"$BATS_TEST_TMPDIR/f"
	same "$(tiffin run --rm -v "$BATS_TEST_TMPDIR/f:/etc/f:ro" "$BUSYBOX" cat /etc/f)" text
}

@test "a -v source that is missing is named, with status 125" {
	fails 125 run --rm -v /no/such/dir:/d "$BUSYBOX" true
	contains "$error" /no/such/dir "o such file or directory"
}

@test "one target twice is a duplicate" {
	fails 125 run --rm -v /usr:/d -v /etc:/d "$BUSYBOX" true
	contains "$error" "duplicate mount destination" /d
}

@test "--tmpfs mounts one, of the size asked for" {
	run tiffin run --rm --tmpfs /t:size=1m "$BUSYBOX" \
		sh -c 'grep " /t " /proc/mounts; dd if=/dev/zero of=/t/f bs=1M count=2 2>&1'
	contains "$output" "tmpfs /t tmpfs" nosuid nodev "No space left"
}

@test "a volume of the image has the image's content and owner" {
	same "$(tiffin run --rm "$CONFIG" exec sh -c 'cat /vol/seed; stat -c %U /vol/seed' | tail -n 2)" \
		$'seeded\napp'
}

#--- images ----------------------------------------------------------------------------------------

@test "an image that is missing is pulled, and stdout stays the command's" {
	run --separate-stderr tiffin run --rm "$BUSYBOX:other"
	same "$status$output" 0other
	contains "$(tiffin images)" other
}

@test "--pull never pulls never" {
	fails 125 run --rm --pull never "$REGISTRY/layers" true
	contains "$error" "$REGISTRY/layers" "image not known"
}

@test "an image runs by ID and by the beginning of it" {
	id=$(tiffin images -q --no-trunc "$BUSYBOX:latest" | sed 's/^sha256://')
	same "$(tiffin run --rm "$id" echo hi)" hi
	same "$(tiffin run --rm "${id:0:12}" echo hi)" hi
}

@test "an image with one layer twice runs" {
	same "$(tiffin run --rm "$REGISTRY/layers:twice" cat /data/kept)" kept
}

@test "run --help prints the flags" {
	run --separate-stderr tiffin run --help
	same "$status" 0
	contains "$output" --rm --volume --entrypoint
}

@test "container run is run" {
	same "$(tiffin container run --rm "$BUSYBOX" echo hi)" hi
}
