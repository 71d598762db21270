# ids: any
load ../lib/common

setup_file() { own_store busybox config; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# A shell that says with its status which signal it got.
TELLING='trap "exit 15" TERM; trap "exit 10" USR1; trap "exit 2" INT; echo ready; while :; do sleep 0.05; done'

telling() { # telling NAME FLAG…
	local name=$1
	shift
	tiffin run -d --name "$name" "$@" "$BUSYBOX" sh -c "$TELLING" >/dev/null
	ready() { [ "$(tiffin logs "$name")" = ready ]; }
	wait_for ready
}

@test "stop sends SIGTERM and echoes what it was given" {
	telling t
	run --separate-stderr tiffin stop t
	same "$status" 0
	same "$output" t
	same "$stderr" ""
	has_status t 'Exited \(15\)'
}

@test "stop echoes an ID as it was given" {
	telling t
	id=$(tiffin ps -q)
	same "$(tiffin stop "${id:0:6}")" "${id:0:6}"
}

@test "a command that dies of SIGTERM is recorded as 143" {
	# Process 1 without a handler does not die of it: it is the shell's child that does.
	tiffin run -d --name t "$BUSYBOX" \
		sh -c 'trap "kill -TERM \$child" TERM; sleep 1000 & child=$!; echo ready; while kill -0 $child; do wait $child; s=$?; done; exit $s' >/dev/null
	ready() { [ "$(tiffin logs t)" = ready ]; }
	wait_for ready
	tiffin stop t
	has_status t 'Exited \(143\)'
}

@test "what ignores SIGTERM is killed after -t seconds" {
	tiffin run -d --name deaf --stop-timeout 1000 "$BUSYBOX" sleep 1000 >/dev/null
	start=$(date +%s%N)
	run --separate-stderr tiffin stop -t 1 deaf
	took=$((($(date +%s%N) - start) / 1000000))
	same "$status$output" 0deaf
	[ "$took" -ge 900 ]
	[ "$took" -lt 100000 ]
	has_status deaf 'Exited \(137\)'
}

@test "-t 0 kills at once" {
	tiffin run -d --name deaf --stop-timeout 1000 "$BUSYBOX" sleep 1000 >/dev/null
	tiffin stop -t 0 deaf
	has_status deaf 'Exited \(137\)'
}

@test "--time and --timeout are -t" {
	tiffin run -d --name a "$BUSYBOX" sleep 1000 >/dev/null
	tiffin run -d --name b "$BUSYBOX" sleep 1000 >/dev/null
	same "$(tiffin stop --time 0 a)" a
	same "$(tiffin stop --timeout=0 b)" b
}

@test "stop sends the image's stop signal" {
	tiffin run -d --name t -u 0 --entrypoint "" "$REGISTRY/config" sh -c "$TELLING" >/dev/null
	ready() { [ "$(tiffin logs t)" = ready ]; }
	wait_for ready
	tiffin stop t
	has_status t 'Exited \(10\)'
}

@test "--stop-signal takes its place" {
	telling t --stop-signal INT
	tiffin stop t
	has_status t 'Exited \(2\)'
}

@test "several are stopped at once, and all of them with -a" {
	telling a
	telling b
	same "$(tiffin stop a b | sort)" $'a\nb'
	telling c
	run tiffin stop -a
	same "$status" 0
	same "$(tiffin ps -q)" ""
}

@test "stopping what has ended is no error" {
	tiffin run --name ended "$BUSYBOX" true
	run --separate-stderr tiffin stop ended
	same "$status$output" 0ended
	has_status ended 'Exited \(0\)'
}

@test "stopping what is not there: no such container" {
	fails 125 stop no-such
	contains "$error" 'no container with name or ID "no-such" found: no such container'
}

@test "--rm removes the container when it is stopped" {
	tiffin run -d --rm --name t "$BUSYBOX" sleep 1000 >/dev/null
	tiffin stop -t 0 t
	gone() { [ -z "$(tiffin ps -aq)" ]; }
	wait_for gone
}

@test "stopping leaves no process of the container" {
	tiffin run -d --name t "$BUSYBOX" sh -c "sleep $NAP & sleep $NAP & wait" >/dev/null
	tiffin stop -t 0 t
	same "$(pids_with "sleep $NAP")" ""
}
