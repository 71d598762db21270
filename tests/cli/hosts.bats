# ids: any
#
# /etc/hosts and /etc/resolv.conf, as the options say.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

show() { # show FILE OPTION…
	local file=$1
	shift
	tiffin run --rm "$@" "$BUSYBOX" cat "/etc/$file"
}

# As network_host_address() finds it.
own_address() {
	python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("192.0.2.1", 9)); print(s.getsockname()[0])' 2>/dev/null
}

@test "--add-host adds lines, which come first" {
	run show hosts --add-host db:192.0.2.7 --add-host six:2001:db8::1 --add-host localhost:192.0.2.8
	same "${lines[0]}" $'192.0.2.7\tdb'
	same "${lines[1]}" $'2001:db8::1\tsix'
	same "${lines[2]}" $'192.0.2.8\tlocalhost'
	contains "$output" $'127.0.0.1\tlocalhost'
}

@test "--add-host refuses what is no name and no address" {
	for text in db: db db:nowhere :192.0.2.1 $'a\nb:192.0.2.1' 'a b:192.0.2.1'; do
		fails 125 run --rm --add-host "$text" "$BUSYBOX" true
		contains "$error" add-host
	done
	same "$(tiffin ps -aq)" ""
}

@test "the host is named where it can be reached" {
	address=$(own_address)
	[ -n "$address" ] || skip "this machine has no route out"
	contains "$(show hosts)" "$address"$'\thost.containers.internal'
	contains "$(show hosts --add-host me:host-gateway)" "$address"$'\tme'
	contains "$(show hosts --network host --add-host me:host-gateway)" $'127.0.0.1\tme'
}

@test "without a network, the host is not named" {
	lacks "$(show hosts --network none)" host.containers.internal
	fails 125 run --network none --add-host me:host-gateway "$BUSYBOX" true
	contains "$error" "--add-host me:host-gateway"
	same "$(tiffin ps -aq)" ""
}

@test "--dns, --dns-search and --dns-option replace the host's" {
	run show resolv.conf --dns 192.0.2.53 --dns 2001:db8::53 --dns-search a.example \
		--dns-search b.example --dns-option ndots:2 --dns-opt rotate
	same "$output" "search a.example b.example
options ndots:2 rotate
nameserver 192.0.2.53
nameserver 2001:db8::53"
	contains "$(show resolv.conf --network host --dns 192.0.2.53)" "nameserver 192.0.2.53"
	lacks "$(show resolv.conf --dns-search .)" search
	contains "$(show resolv.conf --dns-search .)" "nameserver 10.0.2.3"
}

@test "--dns and its like refuse what makes no sense" {
	fails 125 run --rm --dns resolver.example "$BUSYBOX" true
	contains "$error" "resolver.example is not an ip address"
	fails 125 run --rm --dns-search $'a\nnameserver 192.0.2.1' "$BUSYBOX" true
	fails 125 run --rm --dns-option "" "$BUSYBOX" true
}

@test "a restarted container has its hosts and servers again" {
	tiffin run --name box --add-host db:192.0.2.7 --dns 192.0.2.53 "$BUSYBOX" \
		cat /etc/hosts /etc/resolv.conf >/dev/null
	run tiffin start -a box
	contains "$output" $'192.0.2.7\tdb' "nameserver 192.0.2.53"
}

@test "what is not done is refused" {
	for option in --ip=10.0.2.7 --mac-address=02:00:00:00:00:01 --network-alias=me; do
		fails 125 run --rm "$option" "$BUSYBOX" true
		contains "$error" "${option%%=*}: not in this version"
	done
}
