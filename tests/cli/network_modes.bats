# ids: range
# tun: both
#
# --network and what stands behind its colon. The service in containers is tests/lib/echo.py.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() {
	remove_containers
	[ -z "${service:-}" ] || kill "$service" 2>/dev/null || :
}

USR=(-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v "$LIB/echo.py:/echo.py:ro")

in_box() { # in_box NETWORK COMMAND…
	local network=$1
	shift
	tiffin run --rm --network "$network" "$BUSYBOX" "$@"
}

serve() { # serve NAME OPTION…: a container that answers on port 80
	local name=$1
	shift
	tiffin run -d --name "$name" "${USR[@]}" "$@" "$BUSYBOX" \
		/bin/busybox sh -c 'exec /usr/bin/python3 /echo.py serve 80 $PORTS'
	wait_for is_ready "$name"
}
is_ready() { tiffin logs "$1" | grep -q ready; }
ask_out() { # ask_out NETWORK ADDRESS PORT: from a container
	tiffin run --rm --network "$1" -e ASK_SECONDS="${SECONDS_TO_ASK:-30}" "${USR[@]}" "$BUSYBOX" \
		/usr/bin/python3 /echo.py ask tcp "$2" "$3" hi
}
ask() { python3 "$LIB/echo.py" ask "$@"; }
number() { local at; at=$(tiffin port "$@" | head -n 1); echo "${at##*:}"; }

serve_on_host() { # a service on the host's loopback; its port is in $port
	port=$(free_port)
	python3 "$LIB/echo.py" serve "$port" >"$BATS_TEST_TMPDIR/ready" 3>&- 4>&- &
	service=$!
	wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
}

has_pasta() {
	command -v pasta >/dev/null || skip "there is no pasta (package passt)"
	[ -w /dev/net/tun ] || skip "cannot be had here: pasta needs /dev/net/tun"
}

@test "slirp: cidr and mtu are the interface's, and the files follow" {
	run in_box slirp:cidr=172.20.30.0/24,mtu=1400 sh -c \
		'ip -o addr show tap0; ip route; cat /etc/resolv.conf; cat /etc/hosts; cat /sys/class/net/tap0/mtu'
	contains "$output" "inet 172.20.30.100/24" "default via 172.20.30.2" "nameserver 172.20.30.3" 1400
	matches "$output" $'172\\.20\\.30\\.100\t[0-9a-f]{12}'
	lacks "$output" 10.0.2.
}

@test "slirp: another cidr carries traffic both ways" {
	serve web --network slirp4netns:cidr=172.20.30.0/24 -p 80 -p 80/udp
	same "$(ask tcp 127.0.0.1 "$(number web 80/tcp)" x)" "tcp 80 from 172.20.30.2: x"
	same "$(ask udp 127.0.0.1 "$(number web 80/udp)" x)" "udp 80 from 172.20.30.2: x"
	same "$(tiffin inspect --format '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}}' web)" \
		"172.20.30.100 172.20.30.2"
}

@test "slirp: datagrams that are larger than the interface's frames find their way" {
	serve web --network slirp:mtu=1400 -p 80/udp
	big=$(printf '%09000d' 1)
	contains "$(ask udp 127.0.0.1 "$(number web 80/udp)" "$big")" "udp 80 from 10.0.2.2: $big"
}

@test "slirp: those of IPv6, too, inward and outward" {
	[ -e /proc/sys/net/ipv6/conf/lo ] || skip "no IPv6 on this machine"
	serve_on_host
	serve web --network slirp:mtu=1400,allow_host_loopback=true -p '[::1]::80/udp'
	for size in 1 1352 1353 9000 60000; do
		text=$(printf "%0${size}d" 1)
		same "$(ask udp ::1 "$(number web 80/udp)" "$text" | md5sum)" "$(echo "udp 80 from fd00::2: $text" | md5sum)"
	done
	# The answer is larger than the question.
	for size in 1 1352; do
		text=$(printf "%0${size}d" 1)
		run tiffin exec web /usr/bin/python3 /echo.py ask udp fd00::2 "$port" "$text"
		same "$output" "udp $port from ::1: $text"
	done
	run tiffin exec web /usr/bin/python3 /echo.py ask udp fd00::2 "$port" "$(printf "%09000d" 1)"
	contains "$output" "Message too long"
}

@test "slirp: enable_ipv6=false leaves IPv6 out" {
	run in_box slirp:enable_ipv6=false sh -c 'ip -6 route; ip addr show tap0; cat /etc/resolv.conf'
	lacks "$output" fd00:: default
}

@test "slirp: the host's loopback is there only where it is asked for" {
	serve_on_host
	run ask_out slirp:allow_host_loopback=true 10.0.2.2 "$port"
	same "$output" "tcp $port from 127.0.0.1: hi"
	SECONDS_TO_ASK=5 run ask_out slirp:allow_host_loopback=false 10.0.2.2 "$port"
	[ "$status" -ne 0 ]
	SECONDS_TO_ASK=5 run ask_out slirp 10.0.2.2 "$port"
	[ "$status" -ne 0 ]
}

@test "slirp: outbound_addr is what connections come from" {
	serve_on_host
	run ask_out slirp:allow_host_loopback=true,outbound_addr=127.0.0.5 10.0.2.2 "$port"
	same "$output" "tcp $port from 127.0.0.5: hi"
}

@test "slirp: options are kept for the next start" {
	tiffin run --name box --network slirp:mtu=1400 "$BUSYBOX" cat /sys/class/net/tap0/mtu
	same "$(tiffin start -a box)" 1400
}

@test "options that make no sense are errors before anything is made" {
	fails 125 run --rm --network slirp:mtu=9 "$BUSYBOX" true
	contains "$error" "--network slirp:mtu=9: 'mtu=9': expected a number from 68 to 65520"
	fails 125 run --rm --network slirp:port_handler=rootlesskit "$BUSYBOX" true
	contains "$error" "port_handler=slirp4netns"
	fails 125 run --rm --network slirp4netns:colour=red "$BUSYBOX" true
	contains "$error" "unknown option"
	fails 125 run --rm --network none:mtu=1400 "$BUSYBOX" true
	contains "$error" "takes no options"
	for network in bridge bridge:ip=10.88.0.10 ns:/run/netns/x no-such; do
		fails 125 run --rm --network "$network" "$BUSYBOX" true
		contains "$error" "--network $network: this version"
	done
	same "$(tiffin ps -aq)" ""
}

@test "pasta: without the program, an error says what to install" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	run -125 --separate-stderr env PATH="$BATS_TEST_TMPDIR/empty" "$TIFFIN" run --rm --network pasta "$BUSYBOX" true
	failed_with 125
	contains "$error" "there is no program 'pasta' on this machine"
	contains "$hint" passt
	same "$(tiffin ps -aq)" ""
}

@test "pasta: the host's address and routes are there when the command starts" {
	has_pasta
	address=$(ip -4 -o route get 192.0.2.77 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
	[ -n "$address" ] || skip "this machine has no route out"
	for _ in 1 2 3; do
		run in_box pasta sh -c 'ip -o -4 addr; ip route; cat /etc/resolv.conf /etc/hosts'
		contains "$output" "inet $address/" "default via" "nameserver 169.254.1.1"
		matches "$output" "$address"$'\t[0-9a-f]{12}'
		lacks "$output" host.containers.internal
	done
}

@test "pasta: options are its own, and its errors are told" {
	has_pasta
	contains "$(in_box pasta:--ns-ifname,own0 ls /sys/class/net)" own0
	contains "$(in_box pasta:--mtu,1400,-I,own0 cat /sys/class/net/own0/mtu)" 1400
	fails 125 run --rm --network pasta:--no-such-option "$BUSYBOX" true
	contains "$error" "pasta: "
	fails 125 run --rm --network pasta:--pid,/tmp/x "$BUSYBOX" true
	contains "$error" "tiffin's own"
	same "$(tiffin ps -aq)" ""
}

@test "pasta: without /dev/net/tun, its error is told" {
	[ ! -w /dev/net/tun ] || skip "cannot be had here: /dev/net/tun is open"
	command -v pasta >/dev/null || skip "there is no pasta (package passt)"
	fails 125 run --rm --network pasta "$BUSYBOX" true
	contains "$error" "cannot start the network: pasta: Failed to open tun socket"
	same "$(tiffin ps -aq)" ""
}

@test "pasta: ports are published, and conflicts found before anything runs" {
	has_pasta
	# pasta of 2023 loses answers of UDP where a port has another number inside.
	same_port=$(free_port)
	serve web --network pasta -p 80 -p "$same_port:$same_port/udp" -e PORTS="$same_port"
	port=$(number web 80/tcp)
	contains "$(ask tcp 127.0.0.1 "$port" x)" "tcp 80 from " ": x"
	contains "$(ask udp 127.0.0.1 "$same_port" x)" "udp $same_port from " ": x"
	fails 125 run --rm --network pasta -p "$port:80" "$BUSYBOX" true
	contains "$error" "address already in use"
	tiffin restart -t 0 web
	answers() { [[ $(ask tcp 127.0.0.1 "$port" again 2>&1) == *again ]]; }
	port=$(number web 80/tcp)
	wait_for answers
}

@test "pasta: the host's loopback can't be reached" {
	has_pasta
	serve_on_host
	gateway=$(ip -4 route show default | awk '{ print $3; exit }')
	for address in 127.0.0.1 "${gateway:-192.0.2.1}" 169.254.1.1; do
		SECONDS_TO_ASK=5 run ask_out pasta "$address" "$port"
		lacks "$output" "from"
	done
}

@test "pasta ends with its container, and with a monitor that is killed" {
	has_pasta
	# A name that no other's has, and that is short enough for an interface.
	local own=m$$
	in_box "pasta:-I,$own" true
	none_left() { [ -z "$(pids_with "pasta .*$own")" ]; }
	wait_for none_left
	tiffin run -d --name box --network "pasta:-I,$own" "$BUSYBOX" sleep 100
	[ -n "$(pids_with "pasta .*$own")" ]
	kill -9 "$(monitor_of box)"
	wait_for none_left
	tiffin rm -f box
}
