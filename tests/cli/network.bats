# ids: range
# tun: both
# network: both
#
# suite.sh runs this file again with /dev/net/tun closed, and by slirp alone.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm "$BUSYBOX" "$@"; }
port_of_host() { echo "${REGISTRY##*:}"; }

# By nc: wget of a static busybox can't look names up, and crashes where it tries. stdin stays open,
# a pipe that the shell itself holds: some servers take its end for the connection's.
get() { # get ADDRESS PORT PATH [HOST]: a command for the container, which prints the reply
	printf "(pipe=\$(mktemp -u); mkfifo \$pipe; exec 3<>\$pipe; rm \$pipe
		printf 'GET %s HTTP/1.0\\\\r\\\\nHost: %s\\\\r\\\\n\\\\r\\\\n' >&3
		timeout %s nc '%s' '%s' <&3)" "$3" "${4:-$1}" "${SECONDS_TO_GET:-60}" "$1" "$2"
}

mirror_host() { # of apt, if it speaks plain http
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's|^http://\([^/:]*\)/.*|\1|p' | head -n 1
}

@test "/dev/net/tun is as this run of the file wants it" {
	case $TIFFIN_TEST_TUN in
	open) [ -w /dev/net/tun ] ;;
	closed) [ ! -w /dev/net/tun ] ;;
	esac
}

@test "there is a loopback that works" {
	run in_box sh -c 'ip addr show lo; ping -c 1 127.0.0.1 >/dev/null 2>&1; echo hi >/tmp/hi; nc -l -p 80 </tmp/hi >/dev/null & until nc 127.0.0.1 80 </dev/null 2>/dev/null; do sleep 0.05; done'
	contains "$output" "inet 127.0.0.1/8" "inet6 ::1/128" hi
}

@test "there is an interface with an address and a default route" {
	run in_box sh -c 'ip -o -4 addr; ip route'
	matches "$output" 'inet 10\.0\.2\.[0-9]+/24'
	matches "$output" 'default via 10\.0\.2\.2 '
}

@test "the network is there when the command starts" {
	for _ in 1 2 3 4 5; do
		same "$(in_box sh -c 'ip route | grep -c ^default')" 1
	done
}

@test "resolv.conf names a server that is not the host's loopback" {
	run in_box cat /etc/resolv.conf
	matches "$output" 'nameserver [0-9a-f.:]+'
	lacks "$output" "nameserver 127."
}

@test "names resolve" {
	host=$(mirror_host)
	[ -n "$host" ] || skip "apt's archive is not on http"
	run in_box nslookup "$host"
	same "$status" 0
	contains "$output" "$host"
}

@test "a name that is not there is answered with an error, soon" {
	start=$SECONDS
	run in_box nslookup no-such-host.invalid
	[ "$status" -ne 0 ]
	[ $((SECONDS - start)) -lt 60 ]
}

@test "TCP goes out" {
	host=$(mirror_host)
	[ -n "$host" ] || skip "apt's archive is not on http"
	address=$(getent ahostsv4 "$host" | awk 'NR == 1 { print $1 }')
	run in_box sh -c "$(get "$address" 80 / "$host") | head -n 1"
	contains "$output" "HTTP/1."
}

@test "the host's loopback can't be reached" {
	port=$(port_of_host)
	# What is looked for is there to be found, in this very way.
	contains "$(tiffin run --rm --network host "$BUSYBOX" sh -c "$(get 127.0.0.1 "$port" /v2/)")" HTTP/1.
	all=
	for address in 127.0.0.1 10.0.2.2 10.0.2.3 10.0.2.15 127.0.1.1 0.0.0.0 ::1 fd00::2 fd00::3 \
		fe80::2 ::ffff:127.0.0.1; do
		all+="$(SECONDS_TO_GET=8 get "$address" "$port" /v2/) 2>&1 | sed 's/^/$address: /' & "
	done
	run in_box sh -c "$all wait"
	lacks "$output" HTTP/1.
}

@test "the container's own name resolves to its own address" {
	run tiffin run --rm -h box "$BUSYBOX" sh -c 'ping -c 1 -W 1 box | head -n 1; grep -w box /etc/hosts'
	matches "$output" '(10\.0\.2\.[0-9]+|127\.0\.[0-9.]+)'
}

@test "an unprivileged user may listen on port 80" {
	same "$(in_box cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 0
	run tiffin run --rm -u app "$BUSYBOX" sh -c 'echo hi >/tmp/hi; nc -l -p 80 </tmp/hi & until nc 127.0.0.1 80 </dev/null 2>/dev/null; do sleep 0.05; done'
	contains "$output" hi
}

@test "an unprivileged user may ping" {
	matches "$(in_box cat /proc/sys/net/ipv4/ping_group_range)" '^0[[:space:]]+[1-9][0-9]+'
}

@test "--network none has a loopback and nothing else" {
	run tiffin run --rm --network none "$BUSYBOX" sh -c 'ls /sys/class/net; ip route; ip addr'
	same "${lines[0]}" lo
	lacks "$output" default eth0 tap0 "state DOWN"
	contains "$output" 127.0.0.1
}

@test "--network host is the host's" {
	same "$(tiffin run --rm --network host "$BUSYBOX" readlink /proc/self/ns/net)" \
		"$(readlink /proc/self/ns/net)"
	same "$(tiffin run --rm --net=host "$BUSYBOX" readlink /proc/self/ns/net)" \
		"$(readlink /proc/self/ns/net)"
}

@test "a network that is none is refused" {
	fails 125 run --rm --network no-such-network "$BUSYBOX" true
	contains "$error" no-such-network
}

@test "the network's process ends with the container" {
	# Of this very installation: other suites may be at work beside this one.
	helper=${TIFFIN%/bin/tiffin}/libexec/tiffin/tiffin-net
	none_left() { [ -z "$(pids_with "$helper")" ]; }
	in_box true
	wait_for none_left || ps -fu "$(id -u)" >&2
	none_left
	id=$(tiffin run -d "$BUSYBOX" sleep 100)
	[ -n "$(pids_with "$helper")" ]
	tiffin rm -f "$id"
	wait_for none_left
}

@test "two containers have networks of their own" {
	tiffin run -d --name one "$BUSYBOX" nc -l -p 8080
	run tiffin run --rm "$BUSYBOX" nc -w 1 127.0.0.1 8080
	[ "$status" -ne 0 ]
	tiffin rm -f one
}
