# ids: single
#
# Hosts of other kinds than the one that the tests run on: without a network, without a default route,
# with routes of a VPN, with name servers that change. tests/lib/own_host.sh makes them.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

on_host() { # on_host SCRIPT: $1 in it is tiffin, $2 the image; its output in $output
	run timeout 200 "$LIB/own_host.sh" "$1" "$TIFFIN" "$BUSYBOX" 3>&- 4>&-
	echo "$output" >&2
	same "$status" 0
}

LOOK="sh -c 'ip -o addr show tap0; ip route; cat /etc/resolv.conf /etc/hosts'"

@test "an offline host: containers start, with a network that leads nowhere" {
	on_host "\$1 run --rm \$2 $LOOK
		\$1 run --rm -p 127.0.0.1:8080:80 \$2 true
		\$1 run --rm \$2 ping -c 1 -W 1 192.0.2.1 || echo unreachable"
	contains "$output" "inet 10.0.2.100/24" "nameserver 10.0.2.3" unreachable
	lacks "$output" Error: host.containers.internal
}

@test "an offline host: a published port is reached" {
	on_host "\$1 run -d --name web -p 127.0.0.1:8080:80 \$2 sh -c 'echo here | nc -l -p 80'
		for i in \$(seq 100); do
			got=\$(python3 -c 'import socket
s = socket.create_connection((\"127.0.0.1\", 8080), 60); s.settimeout(60)
print(s.recv(10).decode())' 2>/dev/null) && [ -n \"\$got\" ] && break
			sleep 0.2
		done
		echo got \$got
		\$1 rm -f web"
	contains "$output" "got here"
}

@test "a host without a default route" {
	on_host "wire 192.168.5.2/24
		\$1 run --rm \$2 $LOOK"
	contains "$output" "inet 10.0.2.100/24" "nameserver 10.0.2.3"
	lacks "$output" Error:
}

@test "a host with a VPN's routes, one of which is 10.0.2.0/24" {
	on_host "wire 10.8.0.6/24
		ip route add 0.0.0.0/1 via 10.8.0.1
		ip route add 128.0.0.0/1 via 10.8.0.1
		ip route add 10.0.2.0/24 via 10.8.0.1
		\$1 run --rm \$2 $LOOK
		\$1 run --rm --network slirp:cidr=172.31.7.0/24 \$2 ip route"
	contains "$output" "inet 10.0.2.100/24" $'10.8.0.6\thost.containers.internal' "default via 172.31.7.2"
}

@test "search domains are the host's, and names are found through systemd-resolved's 127.0.0.53" {
	on_host "printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch corp.example\n' >/etc/resolv.conf
		serve_dns 127.0.0.53 box.corp.example=192.0.2.7
		\$1 run --rm \$2 sh -c 'cat /etc/resolv.conf; nslookup box.corp.example'"
	contains "$output" "search corp.example" "options edns0 trust-ad" "nameserver 10.0.2.3" "Address: 192.0.2.7"
	lacks "$output" "nameserver 127."
}

@test "pasta: names are found through systemd-resolved's 127.0.0.53, too" {
	command -v pasta >/dev/null || skip "there is no pasta (package passt)"
	[ -w /dev/net/tun ] || skip "cannot be had here: pasta needs /dev/net/tun"
	on_host "wire 192.168.5.2/24
		ip route add default via 192.168.5.1
		printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch corp.example\n' >/etc/resolv.conf
		serve_dns 127.0.0.53 box.corp.example=192.0.2.7
		\$1 run --rm --network pasta \$2 sh -c 'cat /etc/resolv.conf; nslookup box.corp.example'"
	contains "$output" "search corp.example" "nameserver 169.254.1.1" "Address: 192.0.2.7"
	lacks "$output" "nameserver 127."
}

@test "a resolv.conf that is not there is no error" {
	on_host "\$1 run --rm \$2 cat /etc/resolv.conf"
	contains "$output" "nameserver 10.0.2.3"
}

# Three ways to change it, each seen by a container that has looked a name up before.
change_servers() { # change_servers BEFORE CHANGE [NETWORK]
	on_host "$1
		serve_dns 127.0.0.11 box.example=192.0.2.1
		serve_dns 127.0.0.12 box.example=192.0.2.2
		\$1 run -d --name box --network ${3:-slirp} \$2 sleep 1000
		\$1 exec box nslookup box.example | sed 's/^/before /'
		$2
		for i in \$(seq 60); do
			sleep 1
			\$1 exec box nslookup box.example >out
			grep -q 'Address: 192.0.2.2' out && break
		done
		sed 's/^/after /' out
		\$1 rm -f box"
	contains "$output" "before Address: 192.0.2.1" "after Address: 192.0.2.2"
}

@test "a resolv.conf that is changed in place is followed" {
	cd "$BATS_TEST_TMPDIR"
	change_servers "echo nameserver 127.0.0.11 >/etc/resolv.conf" "echo nameserver 127.0.0.12 >/etc/resolv.conf"
}

@test "a resolv.conf that is changed is followed by a veth pair, and beside the supervisor of fast" {
	cd "$BATS_TEST_TMPDIR"
	change_servers "[ ! -e /dev/net ] || mount -n -t tmpfs closed /dev/net; echo nameserver 127.0.0.11 >/etc/resolv.conf" \
		"\$1 exec box ip link show; echo nameserver 127.0.0.12 >/etc/resolv.conf"
	contains "$output" tap0-far
	change_servers "echo nameserver 127.0.0.11 >/etc/resolv.conf" "echo nameserver 127.0.0.12 >/etc/resolv.conf" fast
}

@test "a resolv.conf that is renamed over is followed" {
	cd "$BATS_TEST_TMPDIR"
	change_servers "echo nameserver 127.0.0.11 >/etc/resolv.conf" \
		"echo nameserver 127.0.0.12 >/etc/new; mv /etc/new /etc/resolv.conf"
}

@test "a resolv.conf that is a link, now to another file, is followed" {
	cd "$BATS_TEST_TMPDIR"
	change_servers "mkdir /etc/a /etc/b; echo nameserver 127.0.0.11 >/etc/a/r; echo nameserver 127.0.0.12 >/etc/b/r
		ln -s a/r /etc/resolv.conf" "ln -s b/r /etc/new; mv -T /etc/new /etc/resolv.conf"
}

# A service on every address of the host, and what a container gets of it; $1: further --network options.
ask_for() { # ask_for NETWORK ADDRESS…
	local network=$1
	shift
	rm -f ready
	on_host "wire 192.168.5.2/24
		ip addr add 169.254.9.9/16 dev wire0
		ip route add default via 192.168.5.1
		python3 -c 'import socket
server = socket.create_server((\"\", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
print(\"ready\", flush=True)
while True:
    peer, _ = server.accept(); peer.sendall(b\"answered\\n\"); peer.close()' >ready &
		until [ -s ready ]; do sleep 0.05; done
		for address in $*; do
			echo \"\$address: \$(\$1 run --rm --network $network \$2 nc -w 20 \$address 8000 </dev/null 2>&1)\"
		done"
}

@test "the host's loopback and link-local addresses are out of reach, its others are not" {
	for network in slirp fast; do
		mkdir "$BATS_TEST_TMPDIR/$network"
		cd "$BATS_TEST_TMPDIR/$network"
		ask_for "$network" 192.168.5.2 169.254.9.9 10.0.2.2 10.0.2.3 127.0.0.1 fd00::2 fd00::3 fe80::2
		contains "$output" "192.168.5.2: answered"
		same "$(grep -c answered <<<"$output")" 1
	done
}

@test "they are in reach where that is asked for" {
	cd "$BATS_TEST_TMPDIR"
	for network in fast slirp; do
		ask_for $network:allow_host_loopback=true 169.254.9.9 10.0.2.2
		contains "$output" "169.254.9.9: answered" "10.0.2.2: answered"
	done
}
