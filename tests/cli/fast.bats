# ids: any
# tun: both
#
# --network fast: what comes of connections, in a container with the machine's own python. Its cases are
# in tests/lib/fast; "host" is a socket of the host's, "own" one of the container's.
load ../lib/common

setup_file() {
	own_store busybox
	host=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("192.0.2.1", 9)); print(s.getsockname()[0])') || host=
	export host
	[ -n "$host" ] || return 0
	python3 "$LIB/fast" serve "$BATS_FILE_TMPDIR/ports" "$host" 127.0.0.1 ::1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/server"
	wait_for test -e "$BATS_FILE_TMPDIR/ports"
	read -r port inside inside6 silent <"$BATS_FILE_TMPDIR/ports"
	export port inside inside6 silent
	container f
}

teardown_file() {
	drop_store
	[ ! -e "$BATS_FILE_TMPDIR/server" ] || kill "$(cat "$BATS_FILE_TMPDIR/server")"
}

setup() {
	[ -n "$host" ] || skip "this machine has no address but loopback"
}

teardown() {
	tiffin rm -f -i -t 0 p plain >/dev/null
	# shellcheck disable=SC2046 # one word each
	[ ! -e "$BATS_TEST_TMPDIR/share/there" ] || kill $(cat "$BATS_TEST_TMPDIR/share/there")
}

container() { # container NAME OPTION…
	local name=$1
	shift
	tiffin run -d --name "$name" --network fast --tmpfs /tmp -e LOOPBACK_PORT="$inside" \
		-e SILENT_PORT="$silent" -e ROUNDS=2000 -v /usr:/usr:ro -v /usr/lib:/lib:ro \
		-v /usr/lib64:/lib64:ro -v "$LIB/fast:/fast:ro" "$@" "$BUSYBOX" sleep 100000 >/dev/null
}

try() { # try CASE [ADDRESS PORT]
	run tiffin exec f /usr/bin/python3 /fast "$1" "${2:-$host}" "${3:-$port}"
	[ "$status" = 0 ] || echo "status $status: $output" >&2
	[ "$status" = 0 ]
}

supervisor() { pgrep -u "$(id -u)" -P "$(monitor_of f)" tiffin-calls; }

@test "the mode is what was asked for, and has the options of slirp" {
	same "$(tiffin inspect --format '{{.HostConfig.NetworkMode}}' f)" fast
	same "$(tiffin inspect --format '{{.NetworkSettings.Fast}} {{.NetworkSettings.WhyNotFast}}' f)" "true "
	same "$(tiffin inspect --format '{{.NetworkSettings.IPAddress}}' f)" 10.0.2.100
	fails 125 run --rm --network fast:no_such_option=1 "$BUSYBOX" true
	contains "$error" no_such_option
	run tiffin run --rm --network fast:cidr=10.9.8.0/24 "$BUSYBOX" ip -o -4 addr
	contains "$output" "inet 10.9.8.100/24"
}

@test "it is the default, and what private is; slirp is by its name" {
	TIFFIN_TEST_NETWORK= tiffin create --name by-default "$BUSYBOX"
	tiffin create --name private --network private "$BUSYBOX"
	tiffin create --name named --network slirp "$BUSYBOX"
	same "$(tiffin inspect --format '{{.HostConfig.NetworkMode}}' by-default private named)" $'fast\nfast\nslirp'
	same "$(tiffin inspect --format '{{.NetworkSettings.Fast}} {{.NetworkSettings.WhyNotFast}}' private)" \
		"false it does not run"
	same "$(tiffin ps -a --filter network=slirp --format '{{.Names}} {{.Networks}}')" "named slirp"
	tiffin rm by-default private named
}

@test "a connection outward is the host's, and knows its peer" {
	try plain
	same "$output" "host True True"
	try blocking
	same "$output" host
	try mapped
	same "$output" "host ::ffff:$host"
}

@test "a static program's is, too, and a program's that curl is" {
	run tiffin run --rm --network fast "$BUSYBOX" sh -c "{ echo lunch; sleep 1; } | nc -w 60 $host $port"
	same "$output" lunch
	[ -x /usr/bin/curl ] || skip "no curl"
	run tiffin exec f /usr/bin/curl -s -m 5 -w '%{local_ip}\n' "telnet://$host:$port" </dev/null
	contains "$output" "$host"
}

@test "what is refused is refused, and can be tried again elsewhere" {
	try refused
	same "$output" $'ECONNREFUSED own\nECONNREFUSED own\nhost EISCONN'
}

@test "one that does not block: in progress, then there; refused, then inside" {
	try nonblocking
	same "$output" $'EINPROGRESS 0 0 EISCONN\nFalse False host\nECONNREFUSED True\nECONNABORTED\nown True'
}

@test "one that is connected, or failed, or is on its way, says so when it is connected again" {
	try again
	same "$output" "0 EISCONN
ECONNREFUSED EINPROGRESS
EINPROGRESS EALREADY
EISCONN
ECONNREFUSED EINPROGRESS
0 EISCONN
ECONNREFUSED"
}

@test "what has failed is connected again, a hundred times" {
	try retry
	same "$output" "('ECONNREFUSED', '0')"
}

@test "options go along, and a port that is bound does not" {
	try options
	same "$output" "host True (1, 7) (5, 0)"
	try bound
	same "$output" "host False"
}

@test "epoll instances that have it already go on to tell of it" {
	try epoll
	want=$'host [True] [True]\nb\'x\' [] []'
	same "$output" "$want"$'\n'"$want"
	try forgotten
	same "$output" 0
	try epoll_quiet
	same "$output" $'1 ECONNREFUSED []\nhost []'
}

@test "every number of it is the same socket afterwards" {
	try dup
	same "$output" "host host True False"
}

@test "one that the parent has as well stays the container's" {
	try inherited
	same "$output" own
}

@test "children and threads connect, and hand their connections down" {
	try fork
	same "$output" $'[0, 0, 0, 0]\n0'
	try threads
	same "$output" "80 {'host'}"
}

@test "a process with threads connects inside, by UDP and to Unix sockets as ever" {
	try by_hand
	same "$output" "tcp own True None
refused ECONNREFUSED
again own True
b'udp'
b'unix' True True
b'unix' True True
b'unix' True True
ENOENT
ECONNREFUSED
ENOENT
EBADF ENOTSOCK EINVAL"
}

@test "signals interrupt a call, and what is made again goes on" {
	try signal
	same "$output" $'EINPROGRESS\nEINTR\n{\'0\'} True'
}

@test "shutdown ends a call that waits in another thread" {
	try shutdown
	same "$output" $'True own\nb\'\' host'
}

attempts_at() { # attempts_at PORT: connections of this machine's own that wait for its answer
	awk -v port="$(printf ':%04X' "$1")" '$4 == "02" && substr($3, 9) == port { print $2 }' /proc/net/tcp | sort
}

@test "a caller that is killed leaves nothing waiting" {
	attempts_at "$silent" >"$BATS_TEST_TMPDIR/before"
	others() { attempts_at "$silent" | comm -13 "$BATS_TEST_TMPDIR/before" -; }
	three() { [ "$(others | wc -l)" = 3 ]; }
	none() { [ -z "$(others)" ]; }
	tiffin exec -d f /usr/bin/python3 /fast wait_for_silence "$host" "$port"
	wait_for three
	tiffin exec f pkill -9 -f '[w]ait_for_silence'
	# The kernel itself would give up after two minutes.
	wait_for none || wait_for none || wait_for none
	none
}

@test "nor a supervisor that waits for a peer to read, as who closes a socket last does" {
	try linger
	same "$output" True
}

@test "callers that are killed while a Unix socket's queue is full keep nobody out" {
	try full_queues
	same "$output" $'{\'EAGAIN\'}\n0\n{\'EAGAIN\'}\n0\nEAGAIN True'
}

@test "a thousand connections at once" {
	try many
	same "$output" 1000
}

@test "those of a process with more descriptors than are looked at are the container's own" {
	try crowd
	same "$output" $'own\nhost'
}

@test "the host's loopback and link-local can't be reached, by any name" {
	# What is looked for is there to be found, in this very way.
	run tiffin run --rm --network host -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro \
		-v "$LIB/fast:/fast:ro" "$BUSYBOX" /usr/bin/python3 /fast forbidden 127.0.0.1 "$inside"
	same "$output" "127.0.0.1 True"
	try forbidden 127.0.0.1,127.0.1.1,0.0.0.0,10.0.2.2,10.0.2.3,::ffff:127.0.0.1,::ffff:0.0.0.0,::127.0.0.1 "$inside"
	lacks "$output" True
	try forbidden ::1,::,fd00::2,fe80::2 "$inside6"
	lacks "$output" True
}

@test "nor by a socket of the host's, whatever is done to it" {
	try escape
	same "$(grep -c host <<<"$output")" 15
	lacks "$output" True
}

@test "nor by a container that shares the network, and so can be given one" {
	tiffin exec -d f /usr/bin/python3 /fast give "$host" "$port"
	gives() { tiffin exec f grep -q give /proc/net/unix; }
	wait_for gives
	take --network container:f
	same "$output" $'by_connect host False\nby_two host False'
	# This is a way, where nobody looks.
	take --network container:f --security-opt seccomp=unconfined
	contains "$output" True
}

take() { # take OPTION…: what a container can do with a socket that it is given
	run tiffin run --rm "$@" -e LOOPBACK_PORT="$inside" -v /usr:/usr:ro -v /usr/lib:/lib:ro \
		-v /usr/lib64:/lib64:ro -v "$LIB/fast:/fast:ro" "$BUSYBOX" \
		/usr/bin/python3 /fast take "$host" "$port"
}

@test "nor by a container that shares a directory, whatever its network is" {
	local network share=(-e GIVER=/share/give -v share:/share)
	container p "${share[@]}"
	tiffin exec -d p /usr/bin/python3 /fast give "$host" "$port"
	wait_for tiffin exec p test -S /share/give
	for network in fast slirp none container:p; do
		take --network "$network" "${share[@]}"
		same "$network: $output" "$network: "$'by_connect host False\nby_two host False'
	done
	tiffin run -d --name plain --network none "${share[@]}" -e LOOPBACK_PORT="$inside" -v /usr:/usr:ro \
		-v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v "$LIB/fast:/fast:ro" "$BUSYBOX" sleep 100000
	run tiffin exec plain /usr/bin/python3 /fast take "$host" "$port"
	same "$output" $'by_connect host False\nby_two host False'
	take --network none "${share[@]}" --security-opt seccomp=unconfined
	contains "$output" True
	tiffin rm -f -t 0 p plain
	tiffin volume rm share
}

@test "nor by a socket of another network, in which this user may have containers, too" {
	local share=$BATS_TEST_TMPDIR/share there
	mkdir "$share"
	cd "$share"
	# shellcheck disable=SC2016 # the inner shell's
	GIVER=give unshare --user --map-root-user --net sh -c 'ip link set lo up && ip addr add 192.0.2.9/32 dev lo &&
		{ python3 "$0/fast" serve ports 192.0.2.9 127.0.0.1 & echo $! $$ >there; } &&
		exec python3 "$0/fast" give 192.0.2.9 1' "$LIB" 3>&- 4>&- &
	wait_for test -S give
	wait_for test -e ports
	read -r _ there _ <ports
	inside=$there take --network none -e GIVER=/share/give -v "$share:/share"
	same "$output" $'by_connect host False\nby_two host False'
	inside=$there take --network none -e GIVER=/share/give -v "$share:/share" --security-opt seccomp=unconfined
	contains "$output" True
}

@test "nor from behind a first process that nobody may look at, as it executes what it can't read" {
	[ "$TIFFIN_TEST_IDS" = range ] || return 0
	local share=(-e GIVER=/share/give -v share:/share) x=$BATS_TEST_TMPDIR/x
	container p "${share[@]}"
	tiffin exec -d p /usr/bin/python3 /fast give "$host" "$port"
	wait_for tiffin exec p test -S /share/give
	tiffin exec p chmod 777 /share /share/give
	mkdir "$x"
	cp "$(command -v sleep)" "$x/sleep"
	unshare --user --map-root-user --map-auto sh -c "chown 77:77 '$x/sleep' && chmod 711 '$x/sleep'"
	tiffin run -d --name plain --network none --uidmap 0:0:1 --gidmap 0:0:1 "${share[@]}" --tmpfs /tmp \
		-e LOOPBACK_PORT="$inside" -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro \
		-v "$LIB/fast:/fast:ro" -v "$x:/x" "$BUSYBOX" sh -c "
		{ while cat /proc/1/environ >/dev/null 2>&1; do sleep 0.1; done
		python3 /fast take $host $port >/tmp/said 2>&1; touch /tmp/done; } & exec /x/sleep 100000"
	wait_for tiffin exec plain test -e /tmp/done
	same "$(tiffin exec plain cat /tmp/said)" $'by_connect host False\nby_two host False'
	tiffin rm -f -t 0 p plain
	tiffin volume rm share
	unshare --user --map-root-user --map-auto rm -r "$x"
}

@test "nor by exec from where its calls could not be supervised" {
	run python3 "$LIB/listener.py" "$TIFFIN" exec f echo in
	same "$status" 125
	contains "$output" "cannot exec in 'f'" "calls can't be supervised here" "hint: "
	# A container of its own does without; newuidmap would not be let there.
	[ "$TIFFIN_TEST_IDS" = single ] || return 0
	run python3 "$LIB/listener.py" "$TIFFIN" run --rm "$BUSYBOX" echo out
	same "$output" out
}

@test "who joins a container that nobody watches has the interface alone" {
	tiffin run -d --name free --security-opt seccomp=unconfined "$BUSYBOX" sleep 100000 >/dev/null
	container joined --pid container:free
	run tiffin exec joined /usr/bin/python3 /fast plain "$host" "$port"
	same "$output" "own True True"
	tiffin rm -f -t 0 joined free
	container joined --pid container:f
	run tiffin exec joined /usr/bin/python3 /fast plain "$host" "$port"
	[ "$TIFFIN_TEST_IDS" = single ] || same "$output" "host True True"
	tiffin rm -f -t 0 joined
}

@test "a socket of the host's does not listen, nor take a port; tables are not shared" {
	try listen
	same "$output" $'host EINVAL EINVAL\nhost own\nown\nown\nEPERM'
}

@test "an address that changes under the call is one that was checked" {
	try race_address
	same "$output" "wrong 0 right True"
}

@test "a call that goes on finds no socket of the host's" {
	try race_descriptor
	same "$output" "wrong 0"
}

listener() { # listener HOW: listens on port 80 of p, in that way, and nobody else
	nobody_listens() { ! tiffin exec p pgrep -f '[l]isten_on' >/dev/null; }
	listens() { tiffin exec p grep -q ready /tmp/out; }
	tiffin exec p sh -c "pkill -f '[l]isten_on'; rm -f /tmp/out"
	wait_for nobody_listens
	tiffin exec -d p sh -c "python3 /fast listen_on $1 80 >/tmp/out 2>&1"
	wait_for listens || tiffin exec p cat /tmp/out
	listens
}
# By which servers in Go listen, where the kernel has it.
multipath() {
	! python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)' 2>/dev/null || echo multipath
}
ask() { python3 "$LIB/fast" "${3:-ask}" "$1" "$2"; }

@test "a published port's connections are the host's, and say where they come from" {
	container p -p 80 -p 0.0.0.0::80
	published=$(tiffin port p 80 | sed -n 's/^127.0.0.1://p')
	open=$(tiffin port p 80 | sed -n 's/^0.0.0.0://p')
	for how in blocking epoll threads workers reuseport dual deferred $(multipath); do
		echo "# $how"
		listener "$how"
		mapped=
		[ "$how" != dual ] || mapped=::ffff:
		for _ in 1 2 3; do
			matches "$(ask 127.0.0.1 "$published")" "^host ${mapped}10.0.2.2 (True|False) 10.0.2.100:80\$"
		done
		matches "$(ask "$host" "$open")" "^host $mapped$host (True|False) 10.0.2.100:80\$"
		contains "$(ask 127.0.0.1 "$published" ask_many)" ": 100}"
		run tiffin exec p /usr/bin/python3 /fast ask 127.0.0.1 80
		matches "$output" "^own ${mapped}127.0.0.1 True (::ffff:)?127.0.0.1:80\$"
	done
	# A listener that is closed is refused, and one that comes back is there.
	listener once
	contains "$(ask 127.0.0.1 "$published")" "host "
	wait_for nobody_listens
	run ask 127.0.0.1 "$published"
	[ "$status" != 0 ]
	listener epoll
	contains "$(ask 127.0.0.1 "$published")" "host "
	old=$(pgrep -u "$(id -u)" -P "$(monitor_of p)" tiffin-calls)
	kill -9 "$old"
	fast_again() { ask 127.0.0.1 "$published" | grep -q '^host'; }
	wait_for fast_again
	tiffin rm -f -t 0 p
}

@test "who has gone before it is accepted has still come from somewhere" {
	container p -p 80
	listener late
	ask 127.0.0.1 "$(tiffin port p 80 | cut -d: -f2)" reset
	tiffin exec p touch /tmp/go
	accepted() { tiffin exec p grep -q host /tmp/out; }
	wait_for accepted || :
	same "$(tiffin exec p cat /tmp/out)" $'ready\nEINVAL\nhost 10.0.2.2'
	tiffin rm -f -t 0 p
}

@test "what is set on a listener is set on what it accepts" {
	container p -p 80
	listener tuned
	run tiffin exec p /usr/bin/python3 /fast ask 127.0.0.1 80
	matches "$output" '^own 01000000 0100000007000000 a0860100 01000000 21000000 10000000$'
	same "$(ask 127.0.0.1 "$(tiffin port p 80 | cut -d: -f2)")" "${output/own/host}"
	tiffin rm -f -t 0 p
}

@test "programs in Go: a registry behind published ports, and what comes to it from both sides" {
	printf '%s\n' 'version: 0.1' 'log: {level: warn, accesslog: {disabled: true}}' 'http: {addr: ":5000"}' \
		'storage: {filesystem: {rootdirectory: /tmp/registry}}' >"$BATS_TEST_TMPDIR/config.yml"
	container p -p 5000 -p "$host::5000" -v "$BATS_TEST_TMPDIR/config.yml:/config.yml:ro" \
		-v /etc/containers:/etc/containers:ro --tmpfs /var/tmp
	tiffin exec -d p /usr/bin/docker-registry serve /config.yml
	published=$(tiffin port p 5000 | sed -n 's/^127.0.0.1://p')
	answers() { curl -s -m 10 "http://127.0.0.1:$published/v2/"; }
	wait_for answers
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$BUSYBOX" \
		"docker://127.0.0.1:$published/busybox"
	there=$(tiffin port p 5000 | grep "^$host:")
	tiffin exec p /usr/bin/skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$there/busybox" \
		"docker://$there/copy"
	same "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://127.0.0.1:$published/copy")" \
		"$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$BUSYBOX")"
	tiffin rm -f -t 0 p
}

@test "a lost network comes back beside the supervisor, with its ports" {
	published=$(free_port)
	container p -p "$published:80"
	listener epoll
	kill -9 "$(pgrep -u "$(id -u)" -P "$(monitor_of p)" tiffin-net)"
	contains "$(ask 127.0.0.1 "$published")" "host "
	tiffin network reload p
	same "$(tiffin port p 80)" "127.0.0.1:$published"
	contains "$(ask 127.0.0.1 "$published")" ":80"
	tiffin rm -f -t 0 p
}

@test "nobody waits for calls that are not made: the first one brings the supervisor" {
	container q
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		tiffin exec q true
		same "$(pgrep -u "$(id -u)" -P "$(monitor_of q)" tiffin-calls)" ""
	fi
	run tiffin exec q /usr/bin/python3 /fast plain "$host" "$port"
	same "$output" "host True True"
	matches "$(pgrep -u "$(id -u)" -P "$(monitor_of q)" tiffin-calls)" '^[0-9]+$'
	tiffin rm -f -t 0 q
}

@test "what exec leaves behind connects, too" {
	container q
	tiffin exec q sh -c "{ until [ -e /tmp/go ]; do sleep 0.1; done
		python3 /fast plain $host $port >/tmp/said 2>&1; touch /tmp/done; } >/dev/null 2>&1 &"
	tiffin exec q touch /tmp/go
	wait_for tiffin exec q test -e /tmp/done
	same "$(tiffin exec q cat /tmp/said)" "host True True"
	tiffin rm -f -t 0 q
}

@test "a health check's connections are supervised as well" {
	container q --health-interval 1s --health-retries 1 \
		--health-cmd "python3 /fast plain $host $port >/tmp/said 2>&1; mv /tmp/said /tmp/checked"
	checked() { tiffin exec q test -s /tmp/checked; }
	wait_for checked
	same "$(tiffin exec q cat /tmp/checked)" "host True True"
	tiffin rm -f -t 0 q
}

@test "the supervisor may die: calls wait for the next one" {
	run tiffin exec f sh -c 'while ! [ -e /tmp/stop ]; do sleep 0.1; done' 3>&- &
	try plain
	for _ in 1 2 3 4 5; do
		old=$(supervisor)
		kill -9 "$old"
		try plain
		same "$output" "host True True"
	done
	tiffin exec f touch /tmp/stop
	[ "$(supervisor)" != "$old" ]
}

@test "a supervisor that dies in the midst of calls loses none" {
	try plain
	tiffin exec f /usr/bin/python3 /fast threads "$host" "$port" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	for _ in 1 2 3; do
		sleep 0.2
		kill -9 "$(supervisor)" 2>/dev/null || :
	done
	wait $!
	same "$(cat "$BATS_TEST_TMPDIR/out")" "80 {'host'}"
}

@test "where another profile is asked for, the tap serves" {
	container plain --security-opt seccomp=unconfined
	run tiffin exec plain /usr/bin/python3 /fast plain "$host" "$port"
	same "$output" "own True True"
	same "$(tiffin inspect --format '{{.NetworkSettings.Fast}} {{.NetworkSettings.WhyNotFast}}' plain)" \
		"false its seccomp profile is not the built-in one"
	tiffin rm -f -t 0 plain
}
