# ids: any
#
# Setting up a container against the image and its neighbours: the attacks that hit other tools.
load ../lib/common

PROBE=$TIFFIN_TEST_WORK/unit/probe

setup_file() {
	own_store busybox
	[ -x "$PROBE" ] || skip "the probe is not built"
}
teardown_file() { drop_store; }
teardown() { remove_containers; }

in_box() { tiffin run --rm --network none "$@"; }

# What must stay as it is, on the host. Directories that it is in are visible to containers' users.
setup() {
	CANARY=$BATS_TEST_TMPDIR/canary
	mkdir -p "$CANARY/dir"
	echo "evil:x:0:0::/:/bin/sh" >"$CANARY/file"
	chmod 777 "$CANARY" "$CANARY/dir"
	chmod 666 "$CANARY/file"
	canary_before=$(canary)
}

canary() {
	find "$CANARY" -printf '%P %y %m %U:%G %s %i %T@\n' | sort
	cat "$CANARY/file"
}

unharmed() { same "$(canary)" "$canary_before"; }

hostile() { # hostile KIND [TARGET]: loads that image; its name is in $image
	PYTHONDONTWRITEBYTECODE=1 python3 "$LIB/hostile.py" "$@" | tiffin load -q >/dev/null
	image=localhost/hostile:${1//\//-}
}

#--- descriptors -----------------------------------------------------------------------------------

@test "no directory of the caller's is entered through /proc/self/fd (CVE-2024-21626)" {
	local fd
	for fd in $(seq 5 24); do
		eval "exec $fd</usr"
	done
	tiffin run -d --network none --name box "$BUSYBOX" sleep 100
	for fd in $(seq 3 64); do
		if tiffin run --rm --network none -w "/proc/self/fd/$fd" "$BUSYBOX" ls; then
			echo "run in descriptor $fd" >&2
			return 1
		fi
		if tiffin exec -w "/proc/self/fd/$fd" box ls; then
			echo "exec in descriptor $fd" >&2
			return 1
		fi
	done
	hostile workdir /proc/self/fd/7
	fails 125 run --rm "$image" ls
	# The same with a place that is the container's.
	same "$(in_box -w /proc/self/root/usr "$BUSYBOX" pwd)" /usr
	same "$(tiffin exec -w /proc/1/cwd box pwd)" /
}

@test "the program has descriptors 0, 1 and 2 alone, in exec too" {
	local fd
	for fd in $(seq 5 24); do
		eval "exec $fd</usr"
	done
	same "$(in_box -v "$PROBE:/probe" "$BUSYBOX" /probe descriptors)" $'descriptors\t0 1 2'
	tiffin run -d --network none --name box -v "$PROBE:/probe" "$BUSYBOX" sleep 100
	same "$(tiffin exec box /probe descriptors)" $'descriptors\t0 1 2'
}

#--- our own program -------------------------------------------------------------------------------

# An installation of the caller's own, that a container's root could write to.
own_installation() {
	cp -R "$(dirname "$TIFFIN")/.." "$BATS_TEST_TMPDIR/own"
	TIFFIN=$BATS_TEST_TMPDIR/own/bin/tiffin
	tiffin_before=$(sha256sum "$TIFFIN")
}

@test "tiffin's program can't be written to from a container that it enters (CVE-2019-5736)" {
	own_installation
	tiffin run -d --network none --name box -v "$PROBE:/probe" \
		-v "$TIFFIN:/target:ro" "$BUSYBOX" /probe overwrite /target
	wait_for eval 'tiffin logs box | grep -q ready'
	for _ in $(seq 12); do
		tiffin exec box true || :
	done
	# One that it can't miss.
	tiffin exec box sleep 0.5 || :
	tiffin kill -s TERM box
	tiffin wait box
	run tiffin logs box
	contains "$output" $'seen\tyes'
	lacks "$output" written
	same "$(sha256sum "$TIFFIN")" "$tiffin_before"
}

@test "an entrypoint of #!/proc/self/exe does not get hold of it (CVE-2019-5736)" {
	[ -x "$TIFFIN_TEST_WORK/unit/interpreter" ] || skip "no attacker's program for $(uname -m)"
	own_installation
	printf '#!/proc/self/exe\n' >"$BATS_TEST_TMPDIR/self"
	chmod 755 "$BATS_TEST_TMPDIR/self"
	cp "$TIFFIN" "$BATS_TEST_TMPDIR/copy"
	mounts=(-v "$BATS_TEST_TMPDIR/self:/bin/self" -v "$BATS_TEST_TMPDIR/copy:/copy" -v "$PROBE:/probe"
		-v "$TIFFIN_TEST_WORK/unit/interpreter:/lib64/ld-linux-x86-64.so.2")
	# What says "opened" is the interpreter: it ran, and so had the program behind it.
	for self in /bin/self self; do
		for init in false true; do
			run in_box --init=$init "${mounts[@]}" "$BUSYBOX" "$self"
			lacks "$output" opened
			same "$status" 126
		done
	done
	tiffin run -d --network none --name box "${mounts[@]}" "$BUSYBOX" sleep 100
	for self in /bin/self self; do
		run tiffin exec box "$self"
		lacks "$output" opened
		same "$status" 126
	done
	same "$(sha256sum "$TIFFIN")" "$tiffin_before"
	# The same attack on a program that is executed as it is.
	if ldd "$BATS_TEST_TMPDIR/copy" | grep -q /lib64/ld-linux-x86-64.so.2; then
		run tiffin exec box /copy
		contains "$output" $'opened to write\tyes'
	fi
}

#--- mount targets ---------------------------------------------------------------------------------

@test "an image whose /proc, /sys or /dev is a symlink is refused (CVE-2019-19921, CVE-2023-28642)" {
	hostile none
	in_box "$image" true
	for name in proc sys dev; do
		for target in "$CANARY/dir" ../../../../../../"$CANARY/dir" . etc; do
			hostile $name "$target"
			fails 125 run --rm "$image" true
			contains "$error" "/$name"
		done
	done
	unharmed
}

@test "nodes of the image's /dev are not used (CVE-2025-31133, CVE-2025-52565)" {
	hostile nodes "$CANARY/file"
	same "$(in_box "$image" sh -c 'stat -c %t:%T /dev/null; echo x >/dev/null; stat -c %F /dev/pts /dev/shm; ls -A /proc/acpi
		head -c 1 /proc/keys')" $'1:3\ndirectory\ndirectory'
	script -qec "$TIFFIN run --rm -t --network none $image stat -c %F /dev/console" /dev/null </dev/null |
		grep -q "character special file"
	unharmed
}

@test "what is mounted over a symlink of the image's stays in the container (CVE-2021-30465)" {
	hostile etc/hosts "$CANARY/file"
	in_box "$image" grep -q localhost /etc/hosts
	hostile var/work "$CANARY/dir"
	mkdir "$BATS_TEST_TMPDIR/source"
	touch "$BATS_TEST_TMPDIR/source/seen"
	same "$(in_box -v "$BATS_TEST_TMPDIR/source:/var/work" "$image" sh -c "ls /var/work/ $CANARY/dir/" | grep -c seen)" 2
	in_box --tmpfs /var/work/new "$image" test -d "$CANARY/dir/new"
	unharmed
}

@test "a volume over a legitimate symlink, as /var/run, is where that leads" {
	same "$(in_box --tmpfs /run "$BUSYBOX" sh -c 'ln -s /run /var/run 2>/dev/null; echo ok')" ok
	hostile var/work /tmp
	same "$(in_box --tmpfs /var/work:size=1m "$image" sh -c 'grep -c " /tmp tmpfs" /proc/mounts')" 1
}

@test "targets in a volume that another container keeps swapping stay in the container (CVE-2021-30465)" {
	mkdir -p "$BATS_TEST_TMPDIR/shared/a"
	ln -s "$CANARY/dir" "$BATS_TEST_TMPDIR/shared/b"
	tiffin run -d --network none --name swapper -v "$BATS_TEST_TMPDIR/shared:/v" -v "$PROBE:/probe" \
		"$BUSYBOX" /probe rename /v a b
	wait_for test -L "$BATS_TEST_TMPDIR/shared/a"
	wait_for test ! -L "$BATS_TEST_TMPDIR/shared/a"
	local ran=0
	for _ in $(seq "${SWAPS:-20}"); do
		run in_box -v "$BATS_TEST_TMPDIR/shared:/v" --tmpfs /v/a/t --tmpfs /v/a "$BUSYBOX" \
			grep -E '^tmpfs [^ ]* tmpfs' /proc/mounts
		if [ "$status" = 0 ]; then
			ran=$((ran + 1))
			# Below the volume, or, through the link, where the container has that path.
			lacks "$(grep -vE "^tmpfs (/v/|$CANARY/dir|/proc/|/sys/|/dev)" <<<"$output" || :)" tmpfs
		else
			contains "$output" "Error: "
		fi
	done
	echo "$ran of ${SWAPS:-20} ran" >&2
	unharmed
}

@test "the same in a volume by name, with volumes, overlays and images mounted in it" {
	tiffin run -d --network none --name swapper -v swapped:/v -v "$PROBE:/probe" "$BUSYBOX" \
		sh -c "mkdir /v/a; ln -s '$CANARY/dir' /v/b; exec /probe rename /v a b"
	swapped=$(tiffin volume inspect -f '{{.Mountpoint}}' swapped)
	wait_for test -L "$swapped/a"
	wait_for test ! -L "$swapped/a"
	mkdir "$BATS_TEST_TMPDIR/over"
	local ran=0
	for _ in $(seq "${SWAPS:-20}"); do
		run in_box -v swapped:/v -v inner:/v/a/t -v "$BATS_TEST_TMPDIR/over:/v/a:O" \
			--mount "type=image,source=$BUSYBOX,dst=/v/a/i" --mount type=tmpfs,dst=/v/a/u,tmpcopyup \
			-v swapped:/w:U "$BUSYBOX" sh -c 'touch /v/a/t/made /v/a/u/made 2>/dev/null; echo on'
		if [ "$status" = 0 ]; then
			ran=$((ran + 1))
			same "$output" on
		else
			contains "$output" "Error: "
		fi
	done
	echo "$ran of ${SWAPS:-20} ran" >&2
	unharmed
	tiffin rm -f swapper
	tiffin volume rm swapped inner
}

@test "an import into a volume that a container keeps swapping stays in it" {
	tiffin run -d --network none --name swapper -v swapped:/v -v "$PROBE:/probe" "$BUSYBOX" \
		sh -c "mkdir /v/a; ln -s '$CANARY/dir' /v/b; exec /probe rename /v a b"
	swapped=$(tiffin volume inspect -f '{{.Mountpoint}}' swapped)
	wait_for test -L "$swapped/a"
	mkdir -p "$BATS_TEST_TMPDIR/in/a/deep/dir"
	touch "$BATS_TEST_TMPDIR/in/a/file" "$BATS_TEST_TMPDIR/in/a/deep/dir/file"
	for _ in $(seq "${SWAPS:-20}"); do
		run tiffin volume import swapped - < <(tar -C "$BATS_TEST_TMPDIR/in" -cf - .)
		[ "$status" = 0 ] || contains "$output" "Error: cannot import"
		run tiffin volume export -o "$BATS_TEST_TMPDIR/out.tar" swapped
		[ "$status" = 0 ] || contains "$output" "Error: cannot export"
	done
	unharmed
	lacks "$(tar -tf "$BATS_TEST_TMPDIR/out.tar" || :)" evil
	tiffin rm -f swapper
	tiffin volume rm swapped
}

@test "a working directory through .. or a symlink is made in the container (CVE-2022-23648)" {
	hostile var/work "$CANARY/dir"
	run in_box -w /var/work/made "$image" pwd
	run in_box -w /var/work "$image" touch x
	unharmed
	same "$(in_box -w "/../../../../$CANARY/dir/made" "$image" sh -c 'pwd; touch x')" "$CANARY/dir/made"
	hostile workdir "/../../../$CANARY/dir/made"
	in_box "$image" touch x
	hostile workdir "../../../../$CANARY/dir/made"
	fails 125 run --rm "$image" true
	contains "$error" "not an absolute path"
	unharmed
}

#--- users -----------------------------------------------------------------------------------------

@test "/etc/passwd and /etc/group that lead out, block or never end are survived (CVE-2024-9676)" {
	hostile etc/passwd "$CANARY/file"
	fails 125 run --rm -u evil "$image" true
	contains "$error" "unable to find user evil"
	in_box -u 4321 "$image" true
	hostile etc/group "$CANARY/file"
	fails 125 run --rm -u 0:evil "$image" true
	in_box -u 4321:4322 --group-add 5 "$image" true
	unharmed
	hostile fifos
	same "$(in_box -u 4321:4322 "$image" echo on)" on
	fails 125 run --rm -u app "$image" true
}

@test "files of 10 GB and of a million lines cost little" {
	truncate -s 10G "$BATS_TEST_TMPDIR/sparse"
	awk 'BEGIN { for (i = 0; i < 1000000; i++) print "user" i ":x:" 100000 + i ":0::/:/bin/sh" }' \
		>"$BATS_TEST_TMPDIR/many"
	for file in sparse many; do
		for place in passwd group; do
			# A bound on memory shows what it takes: 64 MB, of which libraries take some.
			run bash -c 'ulimit -v 65536; exec timeout -k 1 150 "$TIFFIN" run --rm --network none \
				-v "$2:/etc/$3" -u 4321:4322 "$1" grep ^Uid: /proc/self/status' bash "$BUSYBOX" "$BATS_TEST_TMPDIR/$file" $place
			contains "$file $place $status ${lines[-1]}" "$file $place 0 Uid:"
		done
	done
}

@test "IDs out of range are refused, as numbers, as names, as the image's (CVE-2024-40635)" {
	for id in 2147483648 4294967295 4294967296 -1 18446744073709551616; do
		for user in "$id" "0:$id" "$id:$id"; do
			fails 125 run --rm -u "$user" "$BUSYBOX" id -u
			contains "$error" "out of range"
		done
		hostile user "$id"
		fails 125 run --rm "$image" id -u
	done
	hostile users
	for name in u2147483648 u4294967295 u4294967296 u18446744073709551616 uminus g2147483648 g4294967296 g-1; do
		fails 125 run --rm -u "$name" "$image" id -u
		contains "$error" "out of range"
	done
	same "$(in_box -u root "$image" id -u)" 0
}

@test "groups hold the primary one, inheritable and ambient capabilities are none (CVE-2022-2989, CVE-2022-27649)" {
	tiffin run -d --network none --name box "$BUSYBOX" sleep 100
	for user in 0 app 4321:4322; do
		for how in "run --rm --network none -u $user $BUSYBOX" "exec -u $user box"; do
			# shellcheck disable=SC2086
			# The kernel's list of supplementary groups: id -G would add the primary one by itself.
			run tiffin $how sh -c 'grep -E "^Cap(Inh|Amb)" /proc/self/status
				sed -n "s/^Groups://p" /proc/self/status | tr -s "\t " "\n" | grep -cx $(id -g)'
			# With one ID mapped the kernel's groups are the caller's: emulate.bats has those there.
			[ "$TIFFIN_TEST_IDS" = range ] || output=${output%$'\n'*}$'\n1'
			same "$(tr '\t' ' ' <<<"$output")" $'CapInh: 0000000000000000\nCapAmb: 0000000000000000\n1'
		done
	done
}

@test "labels and annotations that other tools obey change nothing" {
	status_of() { in_box -v "$PROBE:/probe" "$@" /probe | grep -v ^namespace; }
	hostile labels "$CANARY/dir"
	plain=$(status_of "$BUSYBOX")
	same "$(status_of "$image")" "$plain"
	annotations=()
	while read -r pair; do
		annotations+=(--annotation "$pair")
	done < <(tiffin inspect --type image --format '{{json .Config.Labels}}' "$image" |
		jq -r 'to_entries[] | "\(.key)=\(.value)"')
	[ "${#annotations[@]}" -gt 20 ]
	same "$(status_of "${annotations[@]}" "$BUSYBOX")" "$plain"
	unharmed
	# What would tell the difference.
	[ "$(status_of --privileged "$BUSYBOX")" != "$plain" ]
}

#--- our records -----------------------------------------------------------------------------------

@test "a state that names an unrelated process sends it no signal" {
	tiffin run -d --network none --name box "$BUSYBOX" sleep 100
	state=$(ls "$TIFFIN_ROOT"/containers/*/state)
	same "$(stat -c %a "$state")" 600
	cp "$state" "$BATS_TEST_TMPDIR/state"
	tiffin kill box
	wait_for has_status box Exited
	sleep 100 3>&- 4>&- &
	victim=$!
	jq -c --argjson pid $victim '.pid = $pid | .monitor_pid = $pid' "$BATS_TEST_TMPDIR/state" >"$state"
	run tiffin kill box
	run tiffin stop -t 0 box
	run tiffin exec box true
	[ "$status" -ne 0 ]
	tiffin rm -f box
	kill -0 $victim
	kill $victim
}

#--- calls -----------------------------------------------------------------------------------------

@test "risky calls never reach the kernel, and harmless ones do (CVE-2017-5226, CVE-2019-10063)" {
	denied() { grep -P "^\Q$1\E\t" <<<"$output" | grep -qE $'\t(EPERM|ENOSYS|EAFNOSUPPORT)$' || { echo "$1" >&2; return 1; }; }
	answers() { contains "$output" "$1	$2"; }
	run in_box -v "$PROBE:/probe" "$BUSYBOX" /probe calls
	while IFS=$'\t' read -r name _; do
		case $name in
		getppid | "ioctl(TIOCGWINSZ)" | "socket(AF_INET)" | ptrace | process_vm_readv | pidfd_getfd) ;;
		*) denied "$name" ;;
		esac
	done <<<"$output"
	answers getppid done
	answers "ioctl(TIOCGWINSZ)" EBADF
	answers "socket(AF_INET)" done
	answers clone3 ENOSYS
	answers io_uring_setup ENOSYS
	answers "ioctl(TIOCSTI, high bits)" EPERM
	answers "ioctl(TIOCLINUX, high bits)" EPERM
	answers "i386 ABI" ENOSYS
	# What the probe says where the kernel is asked.
	run in_box --privileged -v "$PROBE:/probe" "$BUSYBOX" /probe calls
	answers "unshare(user)" done
	answers mount EFAULT
	answers keyctl EOPNOTSUPP
	answers "ioctl(TIOCSTI)" EBADF
	answers "ioctl(TIOCSTI, high bits)" EBADF
	answers "socket(AF_INET raw)" done
}
