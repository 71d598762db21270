# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "create makes a container that start runs" {
	id=$(tiffin create --name made "$BUSYBOX" sh -c 'echo running; exit 4')
	matches "$id" '^[0-9a-f]{64}$'
	has_status made Created
	run tiffin start -a made
	same "$status" 4
	same "$output" running
	has_status made 'Exited \(4\)'
}

@test "start starts again what has ended, with what it wrote" {
	tiffin run --name again "$BUSYBOX" sh -c 'echo x >>/count; wc -l </count'
	same "$(tiffin start -a again)" 2
	same "$(tiffin start -a again)" 3
	same "$(tiffin logs again)" $'1\n2\n3'
}

@test "start echoes what it was given, and what runs already is no error" {
	tiffin run -d --name up "$BUSYBOX" sleep 1000
	same "$(tiffin start up)" up
	fails 125 start nobody
	contains "$error" "no such container"
}

@test "restart stops and starts" {
	tiffin run -d --name re "$BUSYBOX" sh -c 'trap "exit 0" TERM; echo go; while :; do sleep 0.05; done'
	same "$(tiffin restart -t 5 re)" re
	twice() { [ "$(tiffin logs re)" = $'go\ngo' ]; }
	wait_for twice
	has_status re Up
}

@test "kill sends the signal that it is told to" {
	tiffin run -d --name k "$BUSYBOX" sh -c 'trap "exit 10" USR1; echo ready; while :; do sleep 0.05; done'
	ready() { [ "$(tiffin logs k)" = ready ]; }
	wait_for ready
	same "$(tiffin kill -s USR1 k)" k
	same "$(tiffin wait k)" 10
	fails 125 kill k
	contains "$error" "container state improper"
	fails 125 kill -s NOSUCH k
}

@test "wait prints the exit status, of what runs and of what has ended" {
	tiffin run -d --name w "$BUSYBOX" sh -c 'sleep 0.3; exit 7'
	same "$(tiffin wait w)" 7
	same "$(tiffin wait w w)" $'7\n7'
	fails 125 wait nobody
	same "$(tiffin wait --ignore nobody)" -1
}

@test "two clients attach, and both get the output and the exit status" {
	since=$(date +%s.%N)
	tiffin run -d --name a "$BUSYBOX" sh -c 'until [ -e /go ]; do sleep 0.02; done; echo one; sleep 0.2; echo two; exit 6'
	start_tiffin "$BATS_TEST_TMPDIR/1" attach a
	first=$!
	start_tiffin "$BATS_TEST_TMPDIR/2" attach a
	second=$!
	both() { [ "$(tiffin events --stream=false --since "$since" -f event=attach --format '{{.Name}}' | wc -l)" = 2 ]; }
	wait_for both
	tiffin exec a touch /go
	for pid in $second $first; do
		status=0
		wait "$pid" || status=$?
		same "$status" 6
	done
	same "$(cat "$BATS_TEST_TMPDIR/1")" $'one\ntwo'
	same "$(cat "$BATS_TEST_TMPDIR/2")" $'one\ntwo'
}

@test "attach feeds a container that was started with -i" {
	tiffin run -di --name fed "$BUSYBOX" sh -c 'read line; echo "got $line"'
	same "$(echo soup | tiffin attach fed)" "got soup"
}

@test "what does not run can't be attached to" {
	tiffin create --name asleep "$BUSYBOX" true
	fails 125 attach asleep
}

@test "a container that can't be started stays as it was created" {
	tiffin create --name odd "$BUSYBOX" no-such-command
	run -127 tiffin start odd
	has_status odd Created
}

@test "the monitor killed: the container ends, and its status is unknown, never 0" {
	tiffin run -d --name orphan "$BUSYBOX" sleep "$NAP"
	kill -9 "$(monitor_of orphan)"
	gone() { [ -z "$(pids_with "sleep $NAP")" ]; }
	wait_for gone
	wait_for has_status orphan 'Exited \(255\)'
	same "$(tiffin wait orphan)" 255
	tiffin start orphan
	has_status orphan Up
}

@test "the monitor killed: so it is where the first process has changed its user, on every network" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: with one ID there is no other user"
	for mode in fast slirp none host; do
		tiffin run -d --name "orphan-$mode-$$" --network "$mode" "$BUSYBOX" \
			su -s /bin/sh app -c "exec sleep $NAP"
		untied() { tiffin exec "orphan-$mode-$$" grep -q sleep /proc/1/comm; }
		wait_for untied
		kill -9 "$(monitor_of "orphan-$mode-$$")"
		gone() { [ -z "$(pids_with "keeper of orphan-.*-$$")$(pids_with "sleep $NAP")" ]; }
		wait_for gone
		same "$(tiffin wait "orphan-$mode-$$")" 255
	done
}

keeper_has_settled() { # keeper_has_settled NAME: it is a program of its own by now
	[[ $(readlink "/proc/$(pids_with "tiffin: keeper of $1")/exe") = *memfd:tiffin-keeper* ]]
}

@test "the monitor killed when all has settled: the same" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: with one ID there is no other user"
	tiffin run -d --name "late-$$" "$BUSYBOX" su -s /bin/sh app -c "exec sleep $NAP"
	wait_for keeper_has_settled "late-$$"
	kill -9 "$(monitor_of "late-$$")"
	gone() { [ -z "$(pids_with "keeper of late-$$")$(pids_with "sleep $NAP")" ]; }
	wait_for gone
	same "$(tiffin wait "late-$$")" 255
}

@test "the keeper that has settled has three descriptors at most, and no environment" {
	tiffin run -d --name "late-$$" "$BUSYBOX" sleep 1000
	wait_for keeper_has_settled "late-$$"
	keeper=$(pids_with "tiffin: keeper of late-$$")
	same "$(ls "/proc/$keeper/fd" | xargs)" "0 1"
	same "$(tr '\0' ' ' <"/proc/$keeper/environ")" ""
	same "$(cat "/proc/$keeper/comm")" tiffin-keeper
	same "$(sed -n 's/^SigBlk:\t//p' "/proc/$keeper/status")" fffffffe7ffbfeff
}

@test "a monitor that hangs: rm -f kills it" {
	tiffin run -d --name "deaf-$$" --restart always "$BUSYBOX" sleep "$NAP"
	kill -STOP "$(monitor_of "deaf-$$")"
	tiffin rm -f "deaf-$$"
	same "$(pids_with "sleep $NAP")" ""
	gone() { [ -z "$(pids_with "of deaf-$$")" ]; } # its keeper ends after it
	wait_for gone
}

@test "a start that hangs before there is a process: rm -f says so" {
	id=$(tiffin create --name stuck "$BUSYBOX" true)
	python3 -c 'import fcntl, os, struct, sys, time
f = open(sys.argv[1], "r+")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
print(flush=True)
time.sleep(1000)' "$TIFFIN_ROOT/containers/$id/lock" >"$BATS_TEST_TMPDIR/locked" 3>&- 4>&- &
	wait_for test -s "$BATS_TEST_TMPDIR/locked"
	fails 2 rm -f stuck
	kill $!
	contains "$error" "the monitor of container stuck does not answer"
	wait_for tiffin rm -f stuck
}

@test "the keeper killed: the container goes on, and ends as ever" {
	tiffin run -d --name "kept-$$" "$BUSYBOX" sleep 1000
	kill -9 "$(pids_with "tiffin: keeper of kept-$$")"
	tiffin exec "kept-$$" true
	tiffin stop -t 0 "kept-$$"
	has_status "kept-$$" 'Exited \(137\)'
}
