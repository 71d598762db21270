# ids: range
# tun: both
#
# What a container sends that its kernel would not, or should not, and who must not hear it. The frames
# are tests/lib/frames.py's.
load ../lib/common

setup_file() {
	own_store busybox
	host=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("192.0.2.1", 9)); print(s.getsockname()[0])') || host=
	export host
}
teardown_file() { drop_store; }
teardown() {
	remove_containers
	[ -z "${listener:-}" ] || kill "$listener" 2>/dev/null || :
}

USR=(-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v "$LIB/echo.py:/echo.py:ro"
	-v "$LIB/frames.py:/frames.py:ro")

listen() { # a service on every address of the host; its port in $port, what it heard in "$heard"
	[ -n "$host" ] || skip "this machine has no address but loopback"
	heard=$BATS_TEST_TMPDIR/heard
	python3 "$LIB/frames.py" heard "$heard" 3>&- 4>&- &
	listener=$!
	wait_for test -s "$heard"
	port=$(cat "$heard")
}

# Sends "secret" to these, and says when whatever came of it is there: what was sent before the end would
# be, and datagrams may get lost.
send() { # send to|plain TEXT-OF-THE-END ADDRESS…
	local how=$1 last=$2
	shift 2
	tiffin exec box /usr/bin/python3 /frames.py "$how" "$port" "${@/%/=secret}"
	ends() {
		tiffin exec box /usr/bin/python3 /frames.py "$how" "$port" "$host=$last"
		grep -qx "$last" "$heard"
	}
	wait_for ends
}

@test "datagrams do not reach the host's loopback, by any name of its" {
	listen
	for network in slirp fast slirp:allow_host_loopback=true; do
		tiffin run -d --name box --network "$network" "${USR[@]}" "$BUSYBOX" sleep 1000
		send plain "end-${network//=/-}" 127.0.0.1 127.0.1.1 0.0.0.0 10.0.2.2 10.0.2.3 ::1 :: fd00::2 fd00::3 ::ffff:127.0.0.1
		tiffin rm -f -t 0 box
	done
	# What is looked for is there to be found, in this very way: after the second of them.
	same "$(sed 1d "$heard" | uniq)" $'end-slirp\nend-fast\nsecret\nend-slirp:allow_host_loopback-true'
}

@test "nor do frames that say outright that they are for it" {
	listen
	tiffin run -d --name box --network slirp --cap-add NET_RAW --security-opt seccomp=unconfined "${USR[@]}" \
		"$BUSYBOX" sleep 1000
	send to beginning
	send to end 127.0.0.1 127.1.2.3 0.0.0.0 0.1.2.3 10.0.2.2 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1 fd00::2 fe80::2
	same "$(sed 1d "$heard" | uniq)" $'beginning\nend'
}

@test "frames that are nonsense are dropped, and the network goes on" {
	tiffin run -d --name box --network slirp --cap-add NET_RAW --security-opt seccomp=unconfined -p 80 -p 80/udp \
		"${USR[@]}" "$BUSYBOX" /usr/bin/python3 /echo.py serve 80
	ready() { tiffin logs box | grep -q ready; }
	wait_for ready
	carrier=$(pgrep -P "$(monitor_of box)" -x tiffin-net)
	for seed in 1 2 3; do
		same "$(tiffin exec box /usr/bin/python3 /frames.py nonsense "$seed")" sent
		for protocol in tcp udp; do
			at=$(tiffin port box "80/$protocol")
			same "$(python3 "$LIB/echo.py" ask "$protocol" 127.0.0.1 "${at##*:}" "$seed")" \
				"$protocol 80 from 10.0.2.2: $seed"
		done
	done
	same "$(pgrep -P "$(monitor_of box)" -x tiffin-net)" "$carrier"
	lacks "$(row_of box)" lost
}

@test "an abstract socket of the host's is in no container, however it is called" {
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind("\0" + sys.argv[1]); s.listen(); print("ready", flush=True); time.sleep(1000)' \
		"tiffin-test-$$" >"$BATS_TEST_TMPDIR/ready" 3>&- 4>&- &
	listener=$!
	wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
	# With a thread beside it, whose calls the supervisor carries out.
	look='import socket, sys, threading
stop = threading.Event()
if sys.argv[2] == "threads":
    threading.Thread(target=stop.wait, daemon=True).start()
print(socket.socket(socket.AF_UNIX).connect_ex("\0" + sys.argv[1]))'
	same "$(tiffin run --rm --network host "${USR[@]}" "$BUSYBOX" /usr/bin/python3 -c "$look" "tiffin-test-$$" alone)" 0
	for network in none slirp fast; do
		for how in alone threads; do
			same "$(tiffin run --rm --network "$network" "${USR[@]}" "$BUSYBOX" \
				/usr/bin/python3 -c "$look" "tiffin-test-$$" "$how")" 111
		done
	done
}
