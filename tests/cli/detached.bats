# ids: range
#
# Containers that run on their own: run -d, ps, and the client's end.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

host_pid_of() { # host_pid_of TEXT: of the container's first process, which has TEXT in its arguments
	local pid
	for pid in $(pids_with "$1"); do
		if [ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

@test "run -d prints the 64-digit ID and leaves the container running" {
	run --separate-stderr tiffin run -d --name d "$BUSYBOX" sleep 1000
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
	same "$stderr" ""
	has_status d 'Up '
}

@test "run -d tells when the command can't be started" {
	fails 127 run -d "$BUSYBOX" no-such-command
	contains "$error" no-such-command
	fails 126 run -d "$BUSYBOX" /etc/passwd
}

@test "run -d holds none of the caller's descriptors" {
	exec 9>"$BATS_TEST_TMPDIR/held"
	run timeout 60 bash -c '"$TIFFIN" run -d "$0" sleep 1000 | cat' "$BUSYBOX"
	same "$status" 0
	flock -n 9
	exec 9>&-
	exec 8>"$BATS_TEST_TMPDIR/held"
	flock -n 8
	for pid in $(pids_with "$TIFFIN") $(pids_with 'sleep 1000'); do
		lacks "$(readlink /proc/"$pid"/fd/* 2>/dev/null)" "$BATS_TEST_TMPDIR/held"
	done
}

@test "run -d returns at once" {
	start=$SECONDS
	tiffin run -d "$BUSYBOX" sleep 1000
	[ $((SECONDS - start)) -lt 60 ]
}

@test "the exit status of a detached container is recorded" {
	tiffin run -d --name d "$BUSYBOX" sh -c 'exit 23'
	wait_for has_status d 'Exited \(23\)'
}

@test "ps has docker's columns" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	run --separate-stderr tiffin ps
	same "$status" 0
	same "$(tr -s ' ' <<<"${lines[0]}" | sed 's/ *$//')" \
		"CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES"
	matches "${lines[1]}" "^[0-9a-f]{12} +$BUSYBOX:latest +\"?sleep 1000\"? +.*(ago|second).* +Up .* +d *$"
}

@test "ps without containers prints headings alone" {
	run tiffin ps -a
	same "$status ${#lines[@]}" "0 1"
	same "$(tiffin ps --noheading)" ""
}

@test "ps shows what runs, ps -a all, the newest first" {
	tiffin run -d --name running "$BUSYBOX" sleep 1000
	tiffin run --name ended "$BUSYBOX" true
	contains "$(tiffin ps)" running
	lacks "$(tiffin ps)" ended
	run tiffin ps -a --noheading
	contains "${lines[0]}$output" ended running
	same "${#lines[@]}" 2
}

@test "ps -q prints 12-digit IDs, --no-trunc whole ones" {
	id=$(tiffin run -d "$BUSYBOX" sleep 1000)
	same "$(tiffin ps -q)" "${id:0:12}"
	same "$(tiffin ps -q --no-trunc)" "$id"
	same "$(tiffin ps -aq)" "${id:0:12}"
	matches "$(tiffin ps --no-trunc --noheading)" "^$id "
}

@test "ps -n and -l limit the list to the newest" {
	tiffin run --name one "$BUSYBOX" true
	tiffin run --name two "$BUSYBOX" true
	tiffin run --name three "$BUSYBOX" true
	run tiffin ps -n 2 --noheading
	same "${#lines[@]}" 2
	contains "$output" two three
	run tiffin ps -l --noheading
	same "${#lines[@]}" 1
	contains "$output" three
}

@test "a status says since when" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	matches "$(row_of d)" ' Up ([0-9]+ seconds?|Less than a second|About a minute)'
	tiffin run --name e "$BUSYBOX" true
	matches "$(row_of e)" ' Exited \(0\) ([0-9]+ seconds?|Less than a second|About a minute)( ago)?'
}

@test "container ls, container ps and ps are one" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	same "$(tiffin container ls --noheading | awk '{ print $1 }')" "$(tiffin ps -q)"
	same "$(tiffin container ps -q)" "$(tiffin ps -q)"
	same "$(tiffin container list -q)" "$(tiffin ps -q)"
}

@test "the client is killed: the container keeps on, and its status is recorded" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --name orphan "$BUSYBOX" \
		sh -c 'trap "exit 33" TERM; echo ready; while :; do sleep 0.1; done'
	client=$!
	wait_for grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -9 "$client"
	wait "$client" || :
	sleep 0.2
	has_status orphan ' Up '
	tiffin stop orphan
	has_status orphan 'Exited \(33\)'
}

@test "the client is killed: output goes on to the logs" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --name orphan "$BUSYBOX" \
		sh -c 'echo ready; while [ ! -e /tmp/go ]; do sleep 0.1; n=$((n + 1)); [ $n -lt 8 ] || break; done; echo after; exit 4'
	wait_for grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -9 $!
	wait_for has_status orphan 'Exited \(4\)'
	same "$(tiffin logs orphan)" $'ready\nafter'
}

@test "the container is killed from outside: its end is seen" {
	tiffin run -d --name victim "$BUSYBOX" sleep "$NAP"
	kill -9 "$(host_pid_of "sleep $NAP")"
	wait_for has_status victim 'Exited \(137\)'
}

@test "the monitor is killed: the container ends, and its status is not 0" {
	tiffin run -d --name headless "$BUSYBOX" sleep "$NAP"
	first=$(host_pid_of "sleep $NAP")
	kill -9 "$(ps -o ppid= -p "$first")"
	gone() { ! kill -0 "$first" 2>/dev/null; }
	wait_for gone
	lacks "$(row_of headless)" " Up " "Exited (0)"
	tiffin rm headless
}

@test "a container outlives the terminal it was started from" {
	python3 "$LIB/terminal.py" 'expect:[0-9a-f]{64}' -- \
		"$TIFFIN" run -d --name outlives "$BUSYBOX" sleep 1000 3>&- 4>&-
	sleep 0.2
	has_status outlives ' Up '
}

@test "the runtime directory may vanish" {
	tiffin run -d --name d "$BUSYBOX" sleep 1000
	rm -rf "${XDG_RUNTIME_DIR:?}/tiffin"
	has_status d ' Up '
	run tiffin stop -t 0 d
	same "$status" 0
	has_status d 'Exited \(137\)'
}

@test "without XDG_RUNTIME_DIR all works too" {
	unset XDG_RUNTIME_DIR
	tiffin run -d --name d "$BUSYBOX" sh -c 'echo out; sleep 1000'
	has_status d ' Up '
	tiffin stop -t 0 d
	same "$(tiffin logs d)" out
}

@test "twenty containers at once" {
	local i pids=()
	for i in $(seq 20); do
		tiffin run --rm "$BUSYBOX" echo "$i" >"$BATS_TEST_TMPDIR/$i" &
		pids+=($!)
	done
	# Not of whatever bats itself runs beside the test.
	wait "${pids[@]}"
	same "$(cat "$BATS_TEST_TMPDIR"/* | sort -n)" "$(seq 20)"
	same "$(tiffin ps -aq)" ""
}

@test "create and start" {
	id=$(tiffin create --name made "$BUSYBOX" echo hi) || skip "create is yet to come"
	matches "$id" '^[0-9a-f]{64}$'
	has_status made Created
	same "$(tiffin start made)" made
}
