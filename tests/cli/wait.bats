# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

waiting() { # waiting OPTION…: tiffin wait in the background, its output in $out
	out=$BATS_TEST_TMPDIR/out
	start_tiffin "$out" wait "$@"
	waiter=$!
	# It has made its connection to the monitor, or watches the container's directory.
	waits() { is_connected "$waiter" || grep -q '^inotify wd' /proc/"$waiter"/fdinfo/*; }
	wait_for waits
	sleep 0.1
	kill -0 "$waiter"
	same "$(cat "$out")" ""
}

@test "wait prints the exit status, of what runs and of what has ended" {
	tiffin run -d --name w "$BUSYBOX" sh -c 'sleep 0.5; exit 5'
	same "$(tiffin wait w)" 5
	same "$(tiffin wait -i 1s w w)" $'5\n5'
	same "$(tiffin wait --condition exited w)" 5
}

@test "a condition is waited for: running" {
	tiffin create --name w "$BUSYBOX" sleep 1000
	waiting --condition running w
	tiffin start w
	wait "$waiter"
	same "$(cat "$out")" -1
}

@test "a condition is waited for: removed" {
	tiffin run -d --name w "$BUSYBOX" sleep 1000
	waiting --condition removed w
	tiffin rm -f w
	wait "$waiter"
	same "$(cat "$out")" -1
}

@test "a condition is waited for: healthy, then unhealthy or the end" {
	tiffin run -d --name w --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 1 \
		"$BUSYBOX" sleep 1000
	waiting --condition healthy w
	tiffin exec w touch /ok
	wait "$waiter"
	waiting --condition unhealthy --condition stopped w
	tiffin exec w rm /ok
	wait "$waiter"
	waiting --condition removed --condition stopped w
	tiffin kill w
	wait "$waiter"
	same "$(cat "$out")" 137
}

@test "a container that is removed while another condition is waited for is an error" {
	tiffin run -d --name w "$BUSYBOX" sleep 1000
	waiting --condition paused w
	tiffin rm -f w
	status=0
	wait "$waiter" || status=$?
	same "$status" 125
	contains "$(cat "$out")" "no such container"
}

@test "one whose monitor is killed has ended, and nobody knows how" {
	tiffin run -d --name w "$BUSYBOX" sleep 1000
	waiting w
	kill -KILL "$(monitor_of w)"
	wait "$waiter"
	same "$(cat "$out")" 255
	tiffin start w
	waiting --condition stopped --condition removed w
	kill -KILL "$(monitor_of w)"
	wait "$waiter"
	same "$(cat "$out")" 255
}

@test "nonsense is refused, and what is not there" {
	fails 125 wait --condition sometime nobody
	contains "$error" "there is no such condition"
	fails 125 wait nobody
	contains "$error" "no such container"
	same "$(tiffin wait --ignore nobody)" -1
}
