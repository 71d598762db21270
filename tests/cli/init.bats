# ids: any
#
# --init: tiffin-init as the first process.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

INIT=${TIFFIN%/bin/tiffin}/libexec/tiffin/tiffin-init

in_box() { tiffin run --rm --init "$BUSYBOX" "$@"; }

@test "the first process is tiffin-init, and the command its child" {
	same "$(in_box sh -c 'cat /proc/1/comm; echo $$ $PPID')" $'tiffin-init\n2 1'
	same "$(tiffin run --rm "$BUSYBOX" sh -c 'echo $$')" 1
	same "$(tiffin run --rm --init=false "$BUSYBOX" sh -c 'echo $$')" 1
}

@test "it ends with the command's status" {
	for code in 0 1 42 255; do
		run in_box sh -c "exit $code"
		same "$status" "$code"
	done
	run in_box sh -c 'kill -9 $$'
	same "$status" 137
	run in_box sh -c 'kill -TERM $$'
	same "$status" 143
}

@test "what is not found gives 127, what can't be executed 126" {
	fails 127 run --rm --init "$BUSYBOX" no-such-command
	contains "$error" no-such-command
	fails 126 run --rm --init "$BUSYBOX" /etc/passwd
	same "$(tiffin ps -aq)" ""
}

@test "it reaps orphans, and the rest ends with the command" {
	tiffin run -d --name reaper --init "$BUSYBOX" sh -c '(sleep 0.2 & exit); sleep 0.1; sleep 1000.8'
	orphans() { tiffin exec reaper sh -c 'grep -l "^Name:.sleep" /proc/[0-9]*/status' | wc -l; }
	wait_for eval '[ "$(orphans)" = 1 ]'
	run in_box sh -c "sleep $NAP & exit 3"
	same "$status" 3
	same "$(pids_with "sleep $NAP")" ""
}

@test "it forwards the signals that it gets" {
	tiffin run -d --name forward --init "$BUSYBOX" sh -c 'for s in TERM HUP INT QUIT USR1 USR2 WINCH; do
		trap "echo got $s" $s; done; trap "exit 9" ALRM; echo ready; while :; do sleep 0.05; done'
	wait_for eval 'tiffin logs forward | grep -q ready'
	for sig in TERM HUP INT QUIT USR1 USR2 WINCH; do
		tiffin kill -s "$sig" forward
		wait_for eval 'tiffin logs forward | grep -q "got $sig"'
	done
	tiffin kill -s ALRM forward
	same "$(tiffin wait forward)" 9
}

@test "a shell that handles no signals can be stopped with it, at once" {
	tiffin run -d --name deaf --init --stop-timeout 60 "$BUSYBOX" sleep 1000
	start=$SECONDS
	tiffin stop deaf
	[ $((SECONDS - start)) -lt 50 ]
	has_status deaf 'Exited \(143\)'
}

@test "the command is the foreground of its terminal" {
	same "$(tiffin run --rm --init -t "$BUSYBOX" awk '{ print $5 == $8 }' /proc/self/stat | tr -d '\r')" 1
}

@test "the first process has the command's user, capabilities and filter" {
	status_of='grep -E ^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:) /proc'
	# shellcheck disable=SC2086
	same "$(in_box $status_of/1/status)" "$(in_box $status_of/self/status)"
	same "$(in_box ls /proc/1/fd | tr '\n' ' ')" "0 1 2 "
}

@test "its program can't be written to from inside, and is tiffin's own nowhere" {
	# One that is the caller's own, as after an installation at home.
	cp -R "${TIFFIN%/bin/tiffin}" "$BATS_TEST_TMPDIR/own"
	TIFFIN=$BATS_TEST_TMPDIR/own/bin/tiffin INIT=$BATS_TEST_TMPDIR/own/libexec/tiffin/tiffin-init
	before=$(sha256sum "$INIT" "$TIFFIN")
	run in_box sh -c 'exec 9>>/proc/1/exe'
	[ "$status" -ne 0 ]
	# While it runs it is busy in any case; that the mount is what forbids it shows here.
	run in_box chmod 777 /proc/1/exe
	contains "$output" "Read-only file system"
	# It can be read: so it is not for want of rights.
	same "$(in_box sha256sum /proc/1/exe | cut -d' ' -f1)" "$(sha256sum <"$INIT" | cut -d' ' -f1)"
	same "$(sha256sum "$INIT" "$TIFFIN")" "$before"
	run in_box sh -c 'cat /proc/1/maps /proc/1/mountinfo'
	lacks "$output" "$HOME/" libc.so libjansson
}

@test "exec, restart and inspect know it" {
	tiffin run -d --name again --init "$BUSYBOX" sleep 1000
	same "$(tiffin exec again sh -c 'cat /proc/1/comm')" tiffin-init
	tiffin restart -t 0 again
	same "$(tiffin exec again sh -c 'cat /proc/1/comm')" tiffin-init
	same "$(tiffin inspect --format '{{.HostConfig.Init}}' again)" true
}

@test "what can't be had is refused" {
	fails 125 run --rm --init --pid host "$BUSYBOX" true
	contains "$error" "PID namespace isn't private"
	fails 125 run --rm --init-path /sbin/init "$BUSYBOX" true
	fails 125 run --rm --systemd always "$BUSYBOX" true
	tiffin run --rm --systemd false "$BUSYBOX" true
	fails 125 init anything
}

@test "without its program tiffin says so, and leaves nothing" {
	mkdir -p "$BATS_TEST_TMPDIR/alone/bin"
	cp "$TIFFIN" "$BATS_TEST_TMPDIR/alone/bin/"
	TIFFIN="$BATS_TEST_TMPDIR/alone/bin/tiffin" fails 125 run --rm --network none --init "$BUSYBOX" true
	contains "$error" tiffin-init
	same "$(tiffin ps -aq)" ""
}

@test "tiffin init prepares a container, whose program runs with its start" {
	tiffin create --name p "$BUSYBOX" sh -c 'echo ran; exit 6'
	same "$(tiffin init p)" p
	has_status p Initialized
	same "$(tiffin logs p)" ""
	[ "$(tiffin inspect --format '{{.State.Pid}}' p)" = 0 ]
	fails 125 init p
	contains "$error" "container state improper"
	fails 125 exec p true
	contains "$error" "container state improper"
	run tiffin start -a p
	same "$status" 6
	same "$output" ran
	has_status p 'Exited \(6\)'
	same "$(tiffin events --stream=false --since 0 --filter container=p --format '{{.Status}}' | tr '\n' ' ')" \
		"create init start died "
}

@test "one that is prepared can be started in the background, stopped, and removed" {
	tiffin create --name p --restart on-failure:1 "$BUSYBOX" sh -c 'echo ran; exit 6'
	tiffin init p
	same "$(tiffin start p)" p
	same "$(tiffin wait p)" 6
	same "$(tiffin logs p)" $'ran\nran'
	tiffin init p
	same "$(tiffin stop p)" p
	has_status p Created
	tiffin init p
	same "$(tiffin rm -f p)" p
	tiffin create --name q "$BUSYBOX" sleep 1000
	tiffin init q
	kill -KILL "$(monitor_of q)"
	created() { has_status q Created; }
	wait_for created
	tiffin start q
	has_status q Up
}

@test "what can't be executed is an error of the start, not of init" {
	tiffin create --name p "$BUSYBOX" /no/such
	tiffin init p
	fails 127 start p
	contains "$error" "'/no/such'"
	has_status p Created
}
