# ids: any
load ../lib/common

setup_file() {
	own_store busybox
	tiffin run -d --name box -e COLOUR=green --hostname lunchbox "$BUSYBOX" sleep 1000.1 >/dev/null
}
teardown_file() { drop_store; }

namespaces() { # namespaces COMMAND…: the inodes, as that command's process has them
	"$@" sh -c 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done'
}

@test "exec runs a command in the container's namespaces" {
	first=$(tiffin exec box sh -c 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/1/ns/$n; done')
	same "$(namespaces tiffin exec box)" "$first"
	same "$(tiffin exec box hostname)" lunchbox
	contains "$(tiffin exec box ps)" "sleep 1000.1"
}

@test "exec's exit status is the command's" {
	run tiffin exec box sh -c 'exit 3'
	same "$status" 3
	run tiffin exec box sh -c 'kill -9 $$'
	same "$status" 137
	fails 127 exec box no-such-command
	contains "$error" no-such-command
	fails 126 exec box /etc
}

@test "exec keeps the streams apart and gives input on, to the byte" {
	run --separate-stderr tiffin exec box sh -c 'echo out; echo err >&2'
	same "$output" out
	same "$stderr" err
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	tiffin exec -i box cat <"$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/in"
}

@test "exec has the container's environment, and what -e adds" {
	same "$(tiffin exec -e SIZE=small box sh -c 'echo $COLOUR $SIZE')" "green small"
	same "$(tiffin exec -e COLOUR=red box sh -c 'echo $COLOUR')" red
}

@test "exec has the container's limits: capabilities, new privileges, the filter, descriptors" {
	in_first=$(tiffin exec box grep -E '^(Cap|NoNew|Seccomp:)' /proc/1/status)
	same "$(tiffin exec box grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status)" "$in_first"
	run bash -c 'exec 7</ 8</tmp; "$TIFFIN" exec box sh -c "ls /proc/self/fd"'
	lacks "$output" 7 8
	run tiffin exec box unshare -m true
	[ "$status" -ne 0 ]
}

@test "a working directory that is the host's is refused" {
	for fd in 3 4 5 6 7 8 9 10 15 20; do
		fails 125 exec -w "/proc/self/fd/$fd" box pwd
	done
	same "$(tiffin exec -w /tmp box pwd)" /tmp
	fails 125 exec -w /no/such box pwd
	contains "$error" "cannot enter the working directory: '/no/such': No such file or directory"
	run tiffin exec box ls /no
	[ "$status" -ne 0 ]
}

@test "exec -u switches the user" {
	same "$(tiffin exec -u app box id -u)" 1000
	same "$(tiffin exec -u app box sh -c 'grep CapEff /proc/self/status')" $'CapEff:\t0000000000000000'
	fails 125 exec -u nobody-here box id
}

@test "exec -t has a terminal of its own" {
	run python3 "$LIB/terminal.py" 'expect:pts' -- "$TIFFIN" exec -it box sh -c 'tty; exit 5'
	same "$status" 5
}

@test "exec -d goes on by itself" {
	tiffin exec -d box sh -c 'echo done >/tmp/detached'
	done_yet() { [ "$(tiffin exec box cat /tmp/detached 2>/dev/null)" = done ]; }
	wait_for done_yet
}

@test "the container's end is exec's" {
	tiffin run -d --name short "$BUSYBOX" sleep 1000.2
	start_tiffin "$BATS_TEST_TMPDIR/out" exec short sleep 1000.3
	running() { tiffin exec short ps | grep -q 1000.3; }
	wait_for running
	tiffin rm -f short
	status=0
	wait $! || status=$?
	same "$status" 137
}

@test "the program of ours can't be opened from inside while exec enters" {
	before=$(sha256sum "$TIFFIN")
	tiffin exec -d box sh -c 'until [ -e /tmp/enough ]; do touch /tmp/begun; for p in /proc/[0-9]*/exe; do
		(: >>$p) 2>/dev/null; done; done'
	wait_for tiffin exec box test -e /tmp/begun
	for _ in $(seq 40); do
		tiffin exec box true
	done
	tiffin exec box touch /tmp/enough
	same "$(sha256sum "$TIFFIN")" "$before"
}

@test "what does not run, or is not there, is an error" {
	tiffin create --name asleep "$BUSYBOX" true
	fails 125 exec asleep true
	contains "$error" "container state improper"
	fails 125 exec nobody true
	contains "$error" "no such container"
	tiffin rm asleep
}

@test "exec -t has no terminal of what the container put in the place of /dev/pts" {
	tiffin run -d --name mounter --network none --privileged "$BUSYBOX" \
		sh -c 'mount -t tmpfs none /dev/pts && touch /dev/pts/ptmx && exec sleep 1000'
	mounted() { tiffin exec mounter grep -q ' /dev/pts tmpfs' /proc/mounts; }
	wait_for mounted
	fails 125 exec -t mounter true
	contains "$error" "'/dev/pts' is not a devpts"
	tiffin rm -f mounter
}
