# ids: any
#
# What scripts and service managers hand over and want to hear: descriptors, numbers in files, readiness.
load ../lib/common

setup_file() { own_store busybox; }
teardown() {
	if [ -n "${listener:-}" ]; then
		kill "$listener" 2>/dev/null || :
	fi
	remove_containers
}
teardown_file() { drop_store; }

# As a service manager: writes down what is sent to $NOTIFY_SOCKET, a line a message.
listen() {
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify
	python3 -c 'import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
while True:
    print(sock.recv(4096).decode().replace("\n", " "), flush=True)' "$NOTIFY_SOCKET" \
		>"$BATS_TEST_TMPDIR/heard" 3>&- 4>&- &
	listener=$!
	wait_for [ -S "$NOTIFY_SOCKET" ]
}

@test "--preserve-fds hands over descriptors from 3 on, and no others" {
	echo three >"$BATS_TEST_TMPDIR/three"
	run bash -c 'exec 3<"$1/three" 4>"$1/four" 5</ 6</tmp
		"$TIFFIN" run --rm --preserve-fds 2 "$2" sh -c "cat <&3; echo to four >&4; ls -l /proc/self/fd"' \
		sh "$BATS_TEST_TMPDIR" "$BUSYBOX"
	same "$status" 0
	contains "$output" three " 3 -> " " 4 -> "
	lacks "$output" " 6 -> " " 7 -> " " 8 -> "
	same "$(cat "$BATS_TEST_TMPDIR/four")" "to four"
}

@test "without --preserve-fds none are handed over" {
	run bash -c 'exec 3</ 4</tmp; "$TIFFIN" run --rm "$1" sh -c "ls -l /proc/self/fd"' sh "$BUSYBOX"
	lacks "$output" " 4 -> " " 5 -> "
}

@test "exec --preserve-fds" {
	tiffin run -d --name box "$BUSYBOX" sleep 1000
	echo three >"$BATS_TEST_TMPDIR/three"
	run bash -c 'exec 3<"$1/three"; "$TIFFIN" exec --preserve-fds 1 box cat /proc/self/fd/3' sh "$BATS_TEST_TMPDIR"
	same "$output" three
}

@test "a descriptor that is handed over is held by nobody else" {
	run timeout 60 bash -c '{ "$TIFFIN" run -d --preserve-fds 1 --name holds "$1" \
		sh -c "echo through; exec 3>&-; sleep 1000" 3>&1 >/dev/null; } | cat' sh "$BUSYBOX"
	same "$status" 0
	has_status holds Up
}

@test "a working directory behind a descriptor that was handed over is refused" {
	run bash -c 'exec 3</; "$TIFFIN" run --rm --preserve-fds 1 -w /proc/self/fd/3 "$1" ls' sh "$BUSYBOX"
	same "$status" 125
}

@test "descriptors that are not there are an error" {
	run bash -c 'exec 3</dev/null 4<&-; "$TIFFIN" run --preserve-fds 2 "$1" true' sh "$BUSYBOX"
	same "$status" 125
	contains "$output" "file descriptor 4 is not available - the preserve-fds option requires that file descriptors must be passed"
	fails 125 run --preserve-fds -1 "$BUSYBOX" true
	fails 125 create --preserve-fds 1 "$BUSYBOX" true
}

@test "--pidfile and --conmon-pidfile hold the numbers, after each start" {
	cd "$BATS_TEST_TMPDIR"
	tiffin run -d --name box --pidfile first --conmon-pidfile monitor "$BUSYBOX" sleep 1000
	same "$(cat first)" "$(tiffin inspect --format '{{.State.Pid}}' box)"
	same "$(cat monitor)" "$(monitor_of box)"
	same "$(tiffin inspect --format '{{.State.ConmonPid}} {{.PidFile}} {{.ConmonPidFile}}' box)" \
		"$(cat monitor) $PWD/first $PWD/monitor"
	before=$(cat first)
	cd /
	tiffin restart -t 0 box
	[ "$(cat "$BATS_TEST_TMPDIR/first")" != "$before" ]
	same "$(cat "$BATS_TEST_TMPDIR/first")" "$(tiffin inspect --format '{{.State.Pid}}' box)"
}

@test "a pidfile that can't be written is an error, and no container runs" {
	fails 125 run -d --name box --pidfile /no/such/directory/pid "$BUSYBOX" sleep 1000
	contains "$error" /no/such/directory/pid
	same "$(tiffin ps -aq)" ""
}

@test "--sdnotify conmon: the monitor is ready when the program runs" {
	listen
	tiffin run -d --name box --sdnotify conmon "$BUSYBOX" sh -c 'echo "[$NOTIFY_SOCKET]"; sleep 1000'
	wait_for grep -q . "$BATS_TEST_TMPDIR/heard"
	same "$(cat "$BATS_TEST_TMPDIR/heard")" "MAINPID=$(monitor_of box) READY=1"
	wait_for grep -qF '[]' <(tiffin logs -f box)
}

@test "--sdnotify container: the socket is in the container, and the monitor tells its number alone" {
	listen
	same "$(tiffin run --rm --sdnotify container "$BUSYBOX" \
		sh -c 'test -S "$NOTIFY_SOCKET" && echo "$NOTIFY_SOCKET"')" /run/notify/notify.sock
	wait_for grep -q . "$BATS_TEST_TMPDIR/heard"
	matches "$(cat "$BATS_TEST_TMPDIR/heard")" '^MAINPID=[0-9]+$'
}

@test "--sdnotify container: what the container says is heard" {
	[ -n "$TIFFIN_TEST_DEBIAN" ] || skip "cannot be had here: no image with perl"
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: one ID is mapped"
	listen
	tiffin run --rm --sdnotify container "$REGISTRY/debian:bookworm" perl -MSocket -e \
		'socket(S, AF_UNIX, SOCK_DGRAM, 0); send(S, "READY=1", 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!'
	wait_for grep -qx READY=1 "$BATS_TEST_TMPDIR/heard"
}

@test "nothing is told, or handed over, unless it is asked for" {
	listen
	same "$(tiffin run --rm "$BUSYBOX" sh -c 'echo "[$NOTIFY_SOCKET]"; ls /run/notify 2>/dev/null')" "[]"
	same "$(cat "$BATS_TEST_TMPDIR/heard")" ""
}

@test "sdnotify that can't be is an error" {
	fails 125 run --sdnotify bogus "$BUSYBOX" true
	contains "$error" "invalid sdnotify value"
	NOTIFY_SOCKET=/no/such/socket fails 125 run --sdnotify conmon "$BUSYBOX" true
	contains "$error" /no/such/socket
}

# activate FDS NAMES COMMAND…: runs it as systemd does a service with sockets, which listen on 127.0.0.1
activate() {
	python3 -c 'import os, socket, sys
fds = int(sys.argv[1])
socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(fds)]
with open(os.environ["PORTS_FILE"], "w") as f:
    print(*(s.getsockname()[1] for s in socks), file=f)
for i, s in enumerate(socks):
    os.dup2(s.fileno(), 103 + i)
for i in range(fds):
    os.dup2(103 + i, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(fds), LISTEN_FDNAMES=sys.argv[2])
os.execvp(sys.argv[3], sys.argv[3:])' "$@"
}

@test "a service manager's sockets are the container's, and its program is told of them" {
	export PORTS_FILE=$BATS_TEST_TMPDIR/ports
	local show='echo "$LISTEN_PID $$ $LISTEN_FDS $LISTEN_FDNAMES"; ls -l /proc/self/fd'
	for option in --init=false --init --network=none --network=fast --pid=host; do
		run activate 2 web:db "$TIFFIN" run --rm "$option" "$BUSYBOX" sh -c "$show"
		same "$status" 0
		matches "${lines[0]}" '^([0-9]+) ([0-9]+) 2 web:db$'
		same "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		matches "$output" ' 3 -> socket:.* 4 -> socket:'
	done
}

# A container's that answers one connection to the first of them, again at each start.
ANSWER=(-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro "$BUSYBOX" /usr/bin/python3 -c 'import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid())
peer, _ = socket.socket(fileno=3).accept()
peer.sendall(b"from inside")')

ask() { # ask: whoever has the socket
	run python3 -c 'import socket, sys
print(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60).recv(100).decode())' "$(cat "$PORTS_FILE")"
}

@test "a socket of a service manager's is answered from inside, whatever the network" {
	export PORTS_FILE=$BATS_TEST_TMPDIR/ports
	for network in none slirp fast; do
		activate 1 web "$TIFFIN" run -d --network "$network" "${ANSWER[@]}" 3>&- 4>&-
		ask
		same "$output" "from inside"
	done
}

@test "start, restart and init hand a service manager's sockets over, too" {
	export PORTS_FILE=$BATS_TEST_TMPDIR/ports
	tiffin create --name web --network none "${ANSWER[@]}"
	activate 1 web "$TIFFIN" start web 3>&- 4>&-
	ask
	same "$output" "from inside"
	same "$(tiffin wait web)" 0
	activate 1 web "$TIFFIN" restart -t 0 web 3>&- 4>&-
	ask
	same "$output" "from inside"
	same "$(tiffin wait web)" 0
	activate 1 web "$TIFFIN" init web 3>&- 4>&-
	run activate 1 web "$TIFFIN" start web
	same "$status" 125
	contains "$output" "container web is prepared, and takes the service manager's sockets no more"
	tiffin start web
	tiffin rm -f -t 0 web
	# What was handed to the run before is not kept for the next one.
	tiffin create --name show "$BUSYBOX" sh -c 'echo "$LISTEN_PID $$ $LISTEN_FDS $LISTEN_FDNAMES"; ls -l /proc/self/fd'
	run activate 2 web:db "$TIFFIN" start -a show
	same "$status" 0
	matches "${lines[0]}" '^([0-9]+) ([0-9]+) 2 web:db$'
	same "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	matches "$output" ' 3 -> socket:.* 4 -> socket:'
	run tiffin start -a show
	lacks "$output" web:db socket:
}

@test "a service manager's sockets are for one container" {
	export PORTS_FILE=$BATS_TEST_TMPDIR/ports
	tiffin create --name one "$BUSYBOX" true
	tiffin create --name two "$BUSYBOX" true
	for which in "one two" --all "--filter name=one"; do
		# shellcheck disable=SC2086 # words
		run activate 1 web "$TIFFIN" start $which
		same "$status" 125
		contains "$output" "sockets (LISTEN_FDS) are for one container"
	done
	same "$(tiffin ps -aq --filter status=created | wc -l)" 2
}

@test "a published port is none of a service manager's sockets" {
	export PORTS_FILE=$BATS_TEST_TMPDIR/ports
	run activate 1 web sh -c '"$0" run --rm -p "$(cat "$PORTS_FILE"):80" "$@" true' "$TIFFIN" "$BUSYBOX"
	same "$status" 125
	contains "$output" "address already in use"
	same "$(tiffin ps -aq)" ""
}

@test "sockets that are for another process are not handed on" {
	run env LISTEN_PID=1 LISTEN_FDS=1 bash -c 'exec 3</tmp; "$TIFFIN" run --rm "$1" sh -c "env; ls -l /proc/self/fd"' \
		sh "$BUSYBOX"
	same "$status" 0
	lacks "$output" LISTEN_ "/tmp"
}
