# ids: range
# tun: both
# network: both
#
# What carries a container's network is killed, crowded and kept waiting. The service in containers is
# tests/lib/echo.py.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() {
	remove_containers
	[ -z "${holder:-}" ] || kill "$holder" 2>/dev/null || :
}

serve() { # serve NAME OPTION…: a container that answers on port 80
	local name=$1
	shift
	tiffin run -d --name "$name" -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro \
		-v "$LIB/echo.py:/echo.py:ro" "$@" "$BUSYBOX" /usr/bin/python3 /echo.py serve 80
	wait_for is_ready "$name"
}
is_ready() { tiffin logs "$1" | grep -q ready; }
ask() { python3 "$LIB/echo.py" ask "$@"; }
number() { local at; at=$(tiffin port "$@" | head -n 1); echo "${at##*:}"; }

carrier_of() { pgrep -P "$(monitor_of "$1")" -x tiffin-net; }
is_lost() { [[ $(row_of "$1") == *"(network lost)"* ]]; }
kill_carrier() { kill -9 "$(carrier_of "$1")" && wait_for is_lost "$1"; }

@test "without tiffin-net a container goes on, and the loss is told" {
	tiffin run -d --name box "$BUSYBOX" sh -c 'while :; do echo alive; sleep 0.2; done'
	kill_carrier box
	before=$(tiffin logs box | wc -l)
	goes_on() { [ "$(tiffin logs box | wc -l)" -gt "$before" ]; }
	wait_for goes_on
	contains "$(tiffin inspect --format '{{.State.Error}} {{.State.Running}}' box)" "network is lost" true
	contains "$(tiffin events --stream=false --filter container=box --format '{{.Status}}')" network_lost
	same "$(tiffin exec box echo entered)" entered
}

@test "who looks at the container's output is told, and how to mend it" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --name box "$BUSYBOX" sleep 100
	client=$!
	runs() { [ "$(tiffin ps -q | wc -l)" = 1 ]; }
	wait_for runs
	kill_carrier box
	told() { grep -q '^Warning: container box has lost its network' "$BATS_TEST_TMPDIR/out"; }
	wait_for told
	contains "$(cat "$BATS_TEST_TMPDIR/out")" "hint: 'tiffin network reload box' brings it back"
	tiffin rm -f box
	wait "$client" || :
}

@test "network reload brings it back, with its ports" {
	# Not fast, whose supervisor answers there without it.
	tcp=$(free_port) udp=$(free_port)
	serve web --network slirp -p "$tcp:80" -p "$udp:80/udp"
	same "$(ask tcp 127.0.0.1 "$tcp" x)" "tcp 80 from 10.0.2.2: x"
	kill_carrier web
	run ask tcp 127.0.0.1 "$tcp" x
	[ "$status" -ne 0 ]
	same "$(tiffin network reload web)" web
	lacks "$(row_of web)" lost
	same "$(number web 80/tcp)" "$tcp"
	same "$(ask tcp 127.0.0.1 "$tcp" x)" "tcp 80 from 10.0.2.2: x"
	same "$(ask udp 127.0.0.1 "$udp" x)" "udp 80 from 10.0.2.2: x"
	contains "$(tiffin events --stream=false --filter container=web --format '{{.Status}}')" network_reload
	# And where nothing was lost, all the same.
	same "$(tiffin network reload -a)" "$(tiffin ps -q --no-trunc)"
	same "$(ask tcp 127.0.0.1 "$tcp" x)" "tcp 80 from 10.0.2.2: x"
}

@test "network reload: a port that is taken meanwhile is an error, and free again, none" {
	port=$(free_port)
	serve web --network slirp -p "$port:80"
	kill_carrier web
	python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); print("held", flush=True); time.sleep(100)' \
		"$port" >"$BATS_TEST_TMPDIR/held" 3>&- 4>&- &
	holder=$!
	wait_for grep -q held "$BATS_TEST_TMPDIR/held"
	fails 125 network reload web
	contains "$error" "address already in use"
	is_lost web
	kill "$holder"
	wait "$holder" || :
	tiffin network reload web
	same "$(ask tcp 127.0.0.1 "$port" x)" "tcp 80 from 10.0.2.2: x"
}

@test "a container that has lost its network stops, starts and restarts" {
	serve web -p 80
	kill_carrier web
	tiffin restart -t 0 web
	lacks "$(row_of web)" lost
	kill_carrier web
	tiffin stop -t 0 web
	matches "$(row_of web)" "Exited"
	tiffin start web
	lacks "$(row_of web)" lost
}

@test "network reload wants a container with a network of its own that runs" {
	tiffin create --name made "$BUSYBOX" true
	fails 125 network reload made
	contains "$error" "does not run"
	tiffin run -d --name bare --network none "$BUSYBOX" sleep 100
	fails 125 network reload bare
	contains "$error" "no network of its own"
}

@test "pasta: its loss is told, and mended" {
	command -v pasta >/dev/null || skip "there is no pasta (package passt)"
	[ -w /dev/net/tun ] || skip "cannot be had here: pasta needs /dev/net/tun"
	port=$(free_port)
	serve web --network "pasta:-I,l$$" -p "$port:80"
	kill -9 "$(pids_with "pasta .*l$$")"
	wait_for is_lost web
	tiffin network reload web
	lacks "$(row_of web)" lost
	contains "$(ask tcp 127.0.0.1 "$port" x)" "tcp 80 from " ": x"
}

@test "a thousand connections at once" {
	serve web -p 80 --ulimit nofile=4096
	run timeout 150 python3 - "$(number web 80)" <<'PYTHON'
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60) for _ in range(1000)]
for s in socks:
    s.settimeout(60)
    s.sendall(b"x")
    s.shutdown(socket.SHUT_WR)
print(sum(s.makefile("rb").read().endswith(b": x") for s in socks))
PYTHON
	same "$output" 1000
}

@test "a thousand connections at once outward, each closed by half before it is answered" {
	port=$(free_port)
	python3 "$LIB/echo.py" serve "$port" >"$BATS_TEST_TMPDIR/ready" 3>&- 4>&- &
	holder=$!
	wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
	run tiffin run --rm --network slirp:allow_host_loopback=true --ulimit nofile=4096 -v /usr:/usr:ro \
		-v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro "$BUSYBOX" /usr/bin/python3 -c 'import socket, sys
socks = [socket.create_connection(("10.0.2.2", int(sys.argv[1])), 60) for _ in range(1000)]
for s in socks:
    s.sendall(b"x")
    s.shutdown(socket.SHUT_WR)
print(sum(s.makefile("rb").read().endswith(b": x") for s in socks))' "$port"
	same "$output" 1000
}

@test "peers that close one half get the answer to what they said" {
	serve web -p 80
	run timeout 150 python3 - "$(number web 80)" <<'PYTHON'
import socket, sys, time
port = int(sys.argv[1])
# Half-open: they say nothing, and stay.
mute = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(20)]
s = socket.create_connection(("127.0.0.1", port), 60)
s.sendall(b"half")
s.shutdown(socket.SHUT_WR)
time.sleep(1)
print(s.makefile("rb").read().decode())
for m in mute:  # and go without a word
    m.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    m.close()
s = socket.create_connection(("127.0.0.1", port), 60)
s.sendall(b"again")
s.shutdown(socket.SHUT_WR)
print(s.makefile("rb").read().decode())
PYTHON
	same "$output" "tcp 80 from 10.0.2.2: half
tcp 80 from 10.0.2.2: again"
}

@test "network ls and inspect: the modes that there are" {
	run tiffin network ls
	matches "${lines[0]}" '^NETWORK ID +NAME +DRIVER$'
	matches "$output" '[0-9a-f]{12}   slirp   slirp'
	contains "$(tiffin network ls -q)" fast host none slirp
	same "$(tiffin network ls --format '{{.Name}}/{{.Driver}}' | grep none)" none/null
	tiffin run -d --name box --network fast "$BUSYBOX" sleep 100
	tiffin run -d --name other --network slirp "$BUSYBOX" sleep 100
	for network in fast slirp; do
		same "$(tiffin network inspect $network --format '{{range .IPAM.Config}}{{.Subnet}} {{end}}{{len .Containers}}')" \
			"10.0.2.0/24 fd00::/64 1"
	done
	same "$(tiffin network inspect host none | jq -r '.[].Name')" $'host\nnone'
	tiffin network exists slirp
	run -1 tiffin network exists bridge
	fails 125 network inspect bridge
	contains "$error" "network bridge: network not found"
	for command in create rm connect disconnect prune; do
		fails 125 network "$command" x
		contains "$error" "'network $command' is not in this version"
	done
}
