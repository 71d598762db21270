# ids: range
#
# What a container costs the host: no mounts, no libraries of strangers' formats, no processes left.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# Of all processes of ours whose program is tiffin's: their mapped files.
maps_of() { # maps_of PROGRAM
	local pid
	for pid in $(pgrep -u "$(id -u)"); do
		if [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(readlink -f "$1")" ]; then
			echo "process $pid"
			awk '{ print $6 }' "/proc/$pid/maps" | sort -u
		fi
	done
}

# Whatever others do on this machine meanwhile: until it is so once.
unchanged_by_run() { # unchanged_by_run COMMAND OPTION…: what the command prints, before, during and after a run
	local what=$1 before
	shift
	before=$($what)
	tiffin run -d --name d "$@" "$BUSYBOX" sleep 1000
	same "$($what)" "$before" && tiffin rm -f d && same "$($what)" "$before" && return
	tiffin rm -f -i d
	return 1
}

@test "nothing is mounted on the host, before, during and after a run" {
	mounts() { cat /proc/self/mountinfo; }
	wait_for unchanged_by_run mounts -v /etc:/e
}

@test "the monitor of a container has the host's mounts, not the container's" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	for pid in $(pids_with "$TIFFIN"); do
		lacks "$(cat "/proc/$pid/mountinfo" 2>/dev/null)" " / /proc/kcore " "$TIFFIN_ROOT/layers"
	done
}

@test "client and monitor have no libcurl, libarchive, libcrypto or libseccomp" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --name watched "$BUSYBOX" sh -c 'echo ready; sleep 1000'
	wait_for grep -q ready "$BATS_TEST_TMPDIR/out"
	run maps_of "$TIFFIN"
	# The client and the monitor.
	[ "$(grep -c ^process <<<"$output")" -ge 2 ]
	contains "$output" libc.so
	lacks "$output" libcurl libarchive libcrypto libssl libseccomp libslirp libzstd libisal
}

@test "tiffin is linked with little" {
	run ldd "$TIFFIN"
	lacks "$output" libcurl libarchive libcrypto libssl libseccomp libslirp libzstd libisal
}

@test "all processes of a container end with it" {
	tiffin run -d --name d "$BUSYBOX" sleep "$NAP"
	[ -n "$(pids_with "sleep $NAP")" ]
	tiffin rm -f d
	none_left() { [ -z "$(pids_with "sleep $NAP")$(pids_with "^$TIFFIN")" ]; }
	wait_for none_left
}

@test "the records are the user's alone" {
	tiffin run -d --name d -e SECRET=word "$BUSYBOX" sleep 1000
	same "$(stat -c %a "$TIFFIN_ROOT" "$TIFFIN_ROOT"/containers/* | sort -u)" 700
	# Those three are the container's /etc/hosts and so on, for all of its users.
	run find "$TIFFIN_ROOT/containers" -maxdepth 2 -type f -perm /077 ! -name hosts \
		! -name hostname ! -name resolv.conf
	same "$output" ""
}

@test "with the host's network there is no abstract socket of ours" {
	abstract() { grep -c ' @' /proc/net/unix || :; }
	wait_for unchanged_by_run abstract --network host
}

@test "a container in a directory that others can't enter runs" {
	mkdir "$BATS_TEST_TMPDIR/closed"
	chmod 700 "$BATS_TEST_TMPDIR/closed"
	cd "$BATS_TEST_TMPDIR/closed"
	same "$(tiffin run --rm -u app "$BUSYBOX" pwd)" /
	cd /
	rmdir "$BATS_TEST_TMPDIR/closed"
}

@test "a container runs from a working directory that is gone" {
	mkdir "$BATS_TEST_TMPDIR/gone"
	cd "$BATS_TEST_TMPDIR/gone"
	rmdir "$BATS_TEST_TMPDIR/gone"
	same "$(tiffin run --rm "$BUSYBOX" pwd)" /
}

@test "the network's process has nothing of the host: no files, no capabilities" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	pid=$(pgrep -P "$(monitor_of d)" -x tiffin-net)
	[ -n "$pid" ]
	run grep -E '^(CapEff|CapPrm|NoNewPrivs|Seccomp):' "/proc/$pid/status"
	same "$(tr '\t' ' ' <<<"$output")" "CapPrm: 0000000000000000
CapEff: 0000000000000000
NoNewPrivs: 1
Seccomp: 2"
}
