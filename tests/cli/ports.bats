# ids: range
# tun: both
# network: both
#
# Published ports. The service in the container is the machine's own python, and what asks it, too:
# tests/lib/echo.py.
load ../lib/common

setup_file() { own_store busybox config; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

# serve NAME PORTS OPTION…: a container that answers on all of these ports
serve() {
	local name=$1 ports=$2
	shift 2
	# shellcheck disable=SC2086 # several ports
	tiffin run -d --name "$name" -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro \
		-v "$LIB/echo.py:/echo.py:ro" "$@" "$BUSYBOX" /usr/bin/python3 /echo.py serve $ports
	wait_for is_ready "$name"
}
is_ready() { tiffin logs "$1" | grep -q ready; }

ask() { python3 "$LIB/echo.py" ask "$@"; }
where() { tiffin port "$1" "$2" | head -n 1; }           # "127.0.0.1:8080"
number() { local at; at=$(where "$@"); echo "${at##*:}"; } # "8080"

ports_of() { tiffin ps --noheading | awk '{ $1 = $2 = ""; print }'; }

@test "a TCP port is published on the loopback" {
	port=$(free_port)
	serve web 80 -p "$port:80"
	same "$(where web 80)" "127.0.0.1:$port"
	same "$(where web 80/tcp)" "127.0.0.1:$port"
	same "$(tiffin port web)" "80/tcp -> 127.0.0.1:$port"
	same "$(tiffin port --all)" "$(tiffin ps -q)"$'\t'"80/tcp -> 127.0.0.1:$port"
	contains "$(ports_of)" "127.0.0.1:$port->80/tcp"
	for text in one two three; do
		contains "$(ask tcp 127.0.0.1 "$port" "$text")" "tcp 80 from " ": $text"
	done
}

@test "a UDP port is published, and answers find their way back" {
	serve web 53 -p 53/udp
	port=$(number web 53/udp)
	contains "$(ports_of)" "127.0.0.1:$port->53/udp"
	for text in one two three; do
		contains "$(ask udp 127.0.0.1 "$port" "$text")" "udp 53 from " ": $text"
	done
	big=$(printf '%09000d' 1)
	contains "$(ask udp 127.0.0.1 "$port" "$big")" ": $big"
}

@test "IPv6 is published" {
	[ -e /proc/sys/net/ipv6/conf/lo ] || skip "no IPv6 on this machine"
	serve web 80 -p '[::1]::80' -p '[::1]::80/udp'
	matches "$(where web 80)" '^\[::1\]:[0-9]+$'
	contains "$(ask tcp ::1 "$(number web 80/tcp)" hi)" "tcp 80 from fd00::2: hi"
	contains "$(ask udp ::1 "$(number web 80/udp)" hi)" "udp 80 from fd00::2: hi"
	matches "$(ports_of)" '\[::1\]:[0-9]+->80/udp'
}

@test "what comes from the host's loopback does not come from 127.0.0.1" {
	serve web 80 -p 80 -p 80/udp
	same "$(ask tcp 127.0.0.1 "$(number web 80/tcp)" x)" "tcp 80 from 10.0.2.2: x"
	same "$(ask udp 127.0.0.1 "$(number web 80/udp)" x)" "udp 80 from 10.0.2.2: x"
}

@test "a published port makes no way from the container to the host's loopback" {
	port=$(free_port)
	serve web 80 -p "$port:80" -p 53/udp
	for closed in "$port" "${REGISTRY##*:}"; do
		run -1 tiffin exec web /bin/busybox nc -w 2 10.0.2.2 "$closed" </dev/null
	done
}

@test "ranges are published pairwise" {
	first=$(free_port 3)
	serve web "80 81 82" -p "$first-$((first + 2)):80-82"
	for i in 0 1 2; do
		contains "$(ask tcp 127.0.0.1 $((first + i)) hi)" "tcp $((80 + i)) from"
	done
	same "$(tiffin port web)" "80/tcp -> 127.0.0.1:$first
81/tcp -> 127.0.0.1:$((first + 1))
82/tcp -> 127.0.0.1:$((first + 2))"
}

@test "a range that keeps its numbers is shown as one" {
	first=$(free_port 3)
	tiffin run -d --expose 7000-7002 -p "$first-$((first + 2)):$first-$((first + 2))" "$BUSYBOX" \
		sleep 100
	contains "$(ports_of)" "127.0.0.1:$first-$((first + 2))->$first-$((first + 2))/tcp" "7000-7002/tcp"
}

@test "of a range for one port, the first free one is taken" {
	first=$(free_port 2)
	tiffin run -d --name one -p "$first-$((first + 1)):80" "$BUSYBOX" sleep 100
	tiffin run -d --name two -p "$first-$((first + 1)):80" "$BUSYBOX" sleep 100
	same "$(where one 80)" "127.0.0.1:$first"
	same "$(where two 80)" "127.0.0.1:$((first + 1))"
	fails 125 run --rm -p "$first-$((first + 1)):80" "$BUSYBOX" true
	contains "$error" "address already in use"
}

@test "many ports at once" {
	first=$(free_port 400)
	serve web "$first $((first + 399))" -p "$first-$((first + 399)):$first-$((first + 399))"
	contains "$(ask tcp 127.0.0.1 "$first" hi)" "tcp $first from"
	contains "$(ask tcp 127.0.0.1 "$((first + 399))" hi)" "tcp $((first + 399)) from"
}

@test "many connections at once" {
	serve web 80 -p 80
	port=$(number web 80)
	run python3 - "$port" <<'PYTHON'
import socket, sys
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60) for _ in range(200)]
for s in socks:
    s.sendall(b"x")
    s.shutdown(socket.SHUT_WR)
print(sum(s.makefile("rb").read().endswith(b": x") for s in socks))
PYTHON
	same "$output" 200
}

@test "-P publishes what the image and --expose say" {
	tiffin run -d --name web -P --expose 8000/udp --expose 80 --entrypoint sleep "$REGISTRY/config" 100
	matches "$(where web 80)" '^127\.0\.0\.1:[0-9]+$'
	matches "$(where web 8000/udp)" '^127\.0\.0\.1:[0-9]+$'
	same "$(tiffin port web | wc -l)" 2
	tiffin run -d --name plain --entrypoint sleep "$REGISTRY/config" 100
	same "$(tiffin port plain)" ""
	contains "$(row_of plain)" "   80/tcp   "
}

@test "a port that is taken is an error before anything runs" {
	port=$(free_port)
	tiffin run -d --name one -p "$port:80" -p "$port:80/udp" "$BUSYBOX" sleep 100
	for proto in tcp udp; do
		before=$(tiffin ps -aq)
		fails 125 run --name two -p 81 -p "$port:80/$proto" "$BUSYBOX" touch /ran
		contains "$error" "port $port" "127.0.0.1:$port/$proto" "address already in use"
		contains "$hint" "-p 80"
		same "$(tiffin ps -aq)" "$before"
	done
	fails 125 run -p "$port:80" -p "0.0.0.0:$port:81" "$BUSYBOX" true
	contains "$error" "address already in use"
}

@test "a privileged port is an error with a remedy" {
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ] ||
		skip "every user may listen on port 80 here"
	fails 125 run --rm -p 80:80 "$BUSYBOX" true
	contains "$error" "privileged port 80" "permission denied"
	contains "$hint" "net.ipv4.ip_unprivileged_port_start=80"
	same "$(tiffin ps -aq)" ""
}

@test "what can't be published is refused" {
	fails 125 run --rm -p 80:http "$BUSYBOX" true
	contains "$error" "invalid containerPort: 'http'"
	fails 125 run --rm -p 8080:80/sctp "$BUSYBOX" true
	contains "$error" "--publish 8080:80/sctp" "tcp and udp, not sctp"
	port=$(free_port)
	fails 125 run --rm -p "$port:80" -p "$port:80" "$BUSYBOX" true
	contains "$error" "port $port" "address already in use"
	fails 125 run --rm -p 192.0.2.1:8080:80 "$BUSYBOX" true
	contains "$error" 192.0.2.1
	fails 125 run --rm --network none -p 8080:80 "$BUSYBOX" true
	contains "$error" "--network none"
	same "$(tiffin ps -aq)" ""
}

@test "with the host's network, ports are discarded with a warning" {
	run --separate-stderr tiffin run --rm --network host -p 8080:80 "$BUSYBOX" echo hi
	same "$status" 0
	same "$output" hi
	# shellcheck disable=SC2154 # set by run
	contains "$stderr" "Published ports are discarded when using host network mode"
}

@test "a port that is asked for and not published is an error" {
	tiffin run -d --name web -p 80 "$BUSYBOX" sleep 100
	fails 125 port web 81
	contains "$error" "no public port '81/tcp' published for web"
	fails 125 port web 80/udp
	fails 125 port web eighty
	fails 125 port no-such-container
}

@test "a container that has ended has no ports, and its ports are free" {
	port=$(free_port)
	tiffin run -d --name one -p "$port:80" "$BUSYBOX" sleep 100
	tiffin stop -t 0 one
	same "$(tiffin port one)" ""
	lacks "$(row_of one)" "$port"
	tiffin run -d --name two -p "$port:80" "$BUSYBOX" sleep 100
	fails 125 start one
	contains "$error" "address already in use"
	tiffin rm -f two
	tiffin start one
	same "$(where one 80)" "127.0.0.1:$port"
}

@test "restart publishes again, at once" {
	port=$(free_port)
	serve web 80 -p "$port:80" -p 81
	for _ in 1 2 3; do
		tiffin restart -t 0 web
		same "$(where web 80)" "127.0.0.1:$port"
		matches "$(where web 81)" '^127\.0\.0\.1:[0-9]+$'
	done
	answers() { ask tcp 127.0.0.1 "$port" again; }
	wait_for answers
}

@test "create notes what start publishes" {
	port=$(free_port)
	tiffin create --name web -p "$port:80" "$BUSYBOX" sleep 100
	same "$(tiffin port web)" ""
	tiffin start web
	same "$(where web 80)" "127.0.0.1:$port"
}
