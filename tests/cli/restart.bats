# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

restarts_of() { tiffin inspect --format '{{.RestartCount}}' "$1"; }
count_is() { [ "$(restarts_of "$1")" = "$2" ]; }

@test "on-failure brings a container back so many times, and no more" {
	tiffin run -d --name r --restart on-failure:2 "$BUSYBOX" sh -c 'echo run; exit 3'
	same "$(tiffin wait r)" 3
	same "$(tiffin logs r)" $'run\nrun\nrun'
	same "$(restarts_of r)" 2
	same "$(tiffin inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' r)" \
		"on-failure 2"
	has_status r 'Exited \(3\)'
}

@test "on-failure leaves alone what has succeeded" {
	tiffin run -d --name r --restart on-failure "$BUSYBOX" sh -c 'echo run; exit 0'
	same "$(tiffin wait r)" 0
	same "$(tiffin logs r)" run
}

@test "always brings back what has succeeded, with what it wrote, until it is stopped" {
	tiffin run -d --name r --restart always "$BUSYBOX" sh -c 'echo x >>/n; wc -l </n'
	third() { tiffin logs r | grep -qx 3; }
	wait_for third
	same "$(tiffin stop r)" r
	tiffin ps -a
	has_status r 'Exited \(0\)'
	before=$(tiffin logs r | wc -l)
	sleep 0.5
	same "$(tiffin logs r | wc -l)" "$before"
}

@test "a container that waits for its restart says so, and stop, kill and rm -f end the waiting" {
	for end in stop kill 'rm -f'; do
		tiffin run -d --name r --restart always "$BUSYBOX" sh -c 'exit 5'
		wait_for count_is r 4
		is_waiting() { tiffin ps -a | grep -Eq 'Restarting \(5\)'; }
		wait_for is_waiting
		# shellcheck disable=SC2086
		timeout 90 "$TIFFIN" $end r >&2 || :
		gone() { ! tiffin ps --format '{{.Names}}' | grep -qx r; }
		wait_for gone
		tiffin rm -f r
	done
}

@test "kill with the stop signal lasts, with another it does not" {
	tiffin run -d --name r --restart always "$BUSYBOX" sh -c 'trap "exit 1" USR1; trap "exit 2" TERM; echo up; while :; do sleep 0.05; done'
	up() { [ "$(tiffin logs r | wc -l)" = "$1" ]; }
	wait_for up 1
	tiffin kill -s USR1 r
	wait_for up 2
	tiffin kill -s TERM r
	same "$(tiffin wait r)" 2
	same "$(tiffin logs r | wc -l)" 2
}

@test "a client in the foreground has the exit status of its run" {
	run timeout 90 "$TIFFIN" run --name r --restart always "$BUSYBOX" sh -c 'echo once; exit 4'
	same "$status" 4
	same "$output" once
	tiffin stop r
}

@test "published ports are there again after a restart" {
	tiffin run -d --name r --restart always -p 127.0.0.1::8080 "$BUSYBOX" \
		sh -c 'echo run; printf "HTTP/1.0 200 OK\r\n\r\nhi" >/a; nc -l -p 8080 </a >/dev/null; exit 0'
	port=$(tiffin port r 8080)
	asked() { [ "$(curl -s --max-time 5 "http://$port/")" = hi ]; }
	wait_for asked
	wait_for asked
	[ "$(restarts_of r)" -gt 0 ]
	same_port() { [ "$(tiffin port r 8080 2>/dev/null)" = "$port" ]; }
	wait_for same_port
}

@test "a policy that is none, and one that --rm forbids, are refused" {
	fails 125 create --restart sometimes "$BUSYBOX"
	contains "$error" "invalid restart policy 'sometimes'"
	fails 125 create --restart always:3 "$BUSYBOX"
	contains "$error" "maximum retry count can only be used with 'on-failure'"
	fails 125 create --rm --restart always "$BUSYBOX"
	contains "$error" "conflicting options"
}

@test "--timeout kills what has run for so long" {
	run tiffin run --timeout 1 "$BUSYBOX" sleep 1000
	same "$status" 137
}

@test "SIGTERM to the monitor, as at a shutdown, ends the container in order" {
	tiffin run -d --name r --restart always "$BUSYBOX" sh -c 'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.05; done'
	up() { [ "$(tiffin logs r)" = up ]; }
	wait_for up
	kill -TERM "$(monitor_of r)"
	same "$(tiffin wait r)" 9
	same "$(tiffin logs r)" $'up\nbye'
	has_status r 'Exited \(9\)'
}

@test "a container with --rm whose monitor was killed goes with the next sweep" {
	tiffin run -d --rm --name r "$BUSYBOX" sleep 1000
	kill -KILL "$(monitor_of r)"
	ended() { tiffin ps -a --format '{{.Status}}' | grep -q Exited; }
	wait_for ended
	tiffin image prune -f
	same "$(tiffin ps -aq)" ""
	tiffin run --name r "$BUSYBOX" true
}

@test "wait has the exit status of a container that goes with its end" {
	tiffin run -d --rm --name r "$BUSYBOX" sh -c 'until [ -e /go ]; do sleep 0.02; done; exit 6'
	start_tiffin "$BATS_TEST_TMPDIR/out" wait r
	wait_for is_connected $!
	tiffin exec r touch /go
	wait $!
	same "$(cat "$BATS_TEST_TMPDIR/out")" 6
}

@test "start --all brings back after a boot what its policy says: not what a user stopped, but for always" {
	for policy in no on-failure always unless-stopped; do
		tiffin run -d --name "$policy" --restart "$policy" "$BUSYBOX" sleep 1000
		tiffin run -d --name "stopped-$policy" --restart "$policy" -t "$BUSYBOX" sleep 1000
		tiffin stop -t 0 "stopped-$policy"
	done
	# As a power cut leaves them: nobody recorded the end.
	for policy in no on-failure always unless-stopped; do
		kill -KILL "$(monitor_of "$policy")"
		ended() { [ "$(tiffin inspect --format '{{.State.Status}}' "$policy")" = exited ]; }
		wait_for ended
	done
	same "$(tiffin ps -q)" ""
	tiffin create --name never --restart always "$BUSYBOX" sleep 1000
	tiffin start --all --filter should-start-on-boot=true
	same "$(tiffin ps --format '{{.Names}}' | sort)" $'always\nstopped-always\nunless-stopped'
	same "$(tiffin ps -a --filter should-start-on-boot=false --format '{{.Names}}' | sort)" \
		$'never\nno\non-failure\nstopped-no\nstopped-on-failure\nstopped-unless-stopped'
}

@test "cleanup records the end of one whose monitor died, and removes it where it is told to" {
	tiffin run -d --name r "$BUSYBOX" sleep 1000
	fails 125 container cleanup r
	contains "$error" "refusing to clean up"
	kill -KILL "$(monitor_of r)"
	ended() { [ "$(tiffin inspect --format '{{.State.Status}}' r)" = exited ]; }
	wait_for ended
	has_status r 'Exited \(255\), its monitor died'
	same "$(tiffin container cleanup r)" r
	has_status r 'Exited \(255\) .* ago'
	same "$(tiffin container cleanup --rm r)" r
	fails 125 container cleanup r
	contains "$error" "no such container"
}
