#!/bin/bash
# In the machine of vm.sh, as the user who is logged in on its second serial line: one part a boot.
# Ends with DONE and a press on the power button, or with DONE and CUT, whereupon the power goes.
# shellcheck disable=SC2016 # what soon and check evaluate, they evaluate each time
set -u
PATH=/opt/tiffin/bin:$PATH
IMAGE=localhost/busybox
MARKS=$HOME/marks
UNITS=$HOME/.config/systemd/user
# In front of an image: the machine's own python, in the container.
PYTHON="-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro"
part=$(cat "$HOME/part" 2>/dev/null || echo 1)
echo $((part + 1)) >"$HOME/part"

check() { # check WHAT COMMAND…
	local what=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok - boot $part: $what"
	else
		echo "not ok - boot $part: $what"
		sed 's/^/# /' /tmp/out
	fi
}

same() { # same GOT WANT
	[ "$1" = "$2" ] || {
		printf 'got:  %s\nwant: %s\n' "$1" "$2"
		return 1
	}
}

soon() { # soon COMMAND…: until it succeeds; the processor is emulated
	local end=$((SECONDS + 120))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.3
	done
}

running() {
	tiffin ps --format '{{.Names}}' | sort | tr '\n' ' '
}

# One that says in a file when it began and how it ended, which takes it a while.
serve() { # serve NAME OPTION…
	local name=$1
	shift
	tiffin run -d --name "$name" -v "$MARKS:/marks" "$@" "$IMAGE" sh -c "
		end() { sleep 1; echo \$1 >>/marks/$name; exit 0; }
		trap 'end TERM' TERM; trap 'end QUIT' QUIT
		echo began >>/marks/$name
		while :; do sleep 0.1; done"
}

marks() {
	tr '\n' ' ' <"$MARKS/$1"
}

has_mark() {
	[ -s "$MARKS/$1" ]
}

# With systemd, a cgroup of the user's own, and everything else that a small container on a big
# machine does not have.
try_commands() {
	check "load" tiffin load -q -i /opt/tiffin/busybox.tar
	check "run" same "$(tiffin run --rm $IMAGE echo hello)" hello
	check "the container's cgroup is all that it sees" \
		same "$(tiffin run --rm $IMAGE cat /proc/self/cgroup)" 0::/
	check "/sys/fs/cgroup is there, and read-only" \
		tiffin run --rm $IMAGE sh -c 'test -e /sys/fs/cgroup/cgroup.procs && ! mkdir /sys/fs/cgroup/x'
	check "a container in the background" tiffin run -d --name box $IMAGE sh -c 'echo in the box; exec sleep 1000'
	check "logs" soon eval '[ "$(tiffin logs box)" = "in the box" ]'
	check "exec" same "$(tiffin exec box hostname)" "$(tiffin inspect -f '{{.Config.Hostname}}' box)"
	check "top" eval 'tiffin top box | grep "sleep 1000"'
	check "pause and unpause" eval 'tiffin pause box && tiffin unpause box'
	check "the network" eval 'tiffin exec box ip -4 addr | grep "inet 10.0.2.100/"'
	check "stop" tiffin stop -t 1 box
	check "the exit status" same "$(tiffin inspect -f '{{.State.ExitCode}}' box)" 137
	check "rm" tiffin rm box
}

# Beside udev, systemd-networkd and systemd-resolved.
try_networks() {
	local network server case port loopback
	check "udev opens /dev/net/tun to everybody" same "$(stat -c %a /dev/net/tun)" 666
	check "systemd-resolved has resolv.conf" grep -qx 'nameserver 127.0.0.53' /etc/resolv.conf
	for network in slirp fast pasta; do
		check "$network: a name that it knows" eval \
			"tiffin run --rm --network $network $IMAGE nslookup kitchen.example | grep 192.0.2.7"
	done
	python3 /opt/tiffin/fast serve "$HOME/ports" 192.0.2.2 127.0.0.1 ::1 &
	server=$!
	soon test -s "$HOME/ports"
	read -r port loopback _ <"$HOME/ports"
	# shellcheck disable=SC2086 # words
	tiffin run -d --name fast --network fast $PYTHON -v /opt/tiffin/fast:/fast:ro $IMAGE sleep 100000
	for case in "plain host True True" "mapped host ::ffff:192.0.2.2" "threads 80 {'host'}"; do
		check "fast: ${case%% *}" same "$(tiffin exec fast /usr/bin/python3 /fast "${case%% *}" 192.0.2.2 "$port")" \
			"${case#* }"
	done
	check "fast: the host's loopback is not reached" eval \
		"tiffin exec fast /usr/bin/python3 /fast forbidden 127.0.0.1,10.0.2.2 $loopback | tee /tmp/said &&
			! grep True /tmp/said"
	tiffin rm -f -t 0 fast
	kill "$server"
}

# What is heard at a port of the host's: a line.
hear() { # hear PORT
	(exec 9<>"/dev/tcp/127.0.0.1/$1" && head -n 1 <&9)
}

heard() { # heard PORT LINE
	same "$(hear "$1")" "$2"
}

# systemd listens, and the container answers what it hands over: one that is run, and one that was made.
try_socket_units() {
	local name port=7000
	cat >"$HOME/answer.py" <<-END
		import os, socket
		mine = os.environ["LISTEN_PID"] == str(os.getpid())
		peer, _ = socket.socket(fileno=3).accept()
		peer.sendall(f"{mine} {os.environ['LISTEN_FDS']} {os.environ['LISTEN_FDNAMES']}\n".encode())
	END
	local options="--network none $PYTHON -v $HOME/answer.py:/answer.py:ro $IMAGE /usr/bin/python3 /answer.py"
	# shellcheck disable=SC2086 # words
	tiffin create --name made $options
	service_file made "ExecStart=/opt/tiffin/bin/tiffin start -a made"
	service_file ran "ExecStart=/opt/tiffin/bin/tiffin run --rm --name ran $options"
	for name in made ran; do
		port=$((port + 1))
		printf '[Socket]\nListenStream=127.0.0.1:%s\nFileDescriptorName=%s\n' $port door-of-$name >"$UNITS/$name.socket"
		systemctl --user daemon-reload
		check "$name: the socket listens" systemctl --user start $name.socket
		check "$name: the first who comes starts it, and is answered" heard $port "True 1 door-of-$name"
		check "$name: which is the service's end" soon eval "! systemctl --user -q is-active $name.service"
		check "$name: the next one is answered, too" heard $port "True 1 door-of-$name"
		check "$name: the socket ends" eval "systemctl --user stop $name.socket && ! systemctl --user -q is-failed $name.service"
	done
	check "what was run is gone" soon eval "! tiffin container exists ran"
	tiffin rm -f made
}

make_containers() {
	mkdir -p "$MARKS"
	serve always --restart always
	serve unless --restart unless-stopped
	serve halted --restart unless-stopped
	serve brought --restart always
	serve failure --restart on-failure
	serve once
	serve quit --restart always --stop-signal QUIT
	tiffin run -d --name ported --restart always --network fast -p 7000:7000 $IMAGE nc -ll -p 7000 -e echo lunch
	for name in always unless halted brought failure once quit; do
		check "$name began" soon has_mark $name
	done
	check "two are stopped" tiffin stop halted brought
}

make_units() {
	tiffin generate systemd >"$UNITS/tiffin-restart.service"
	check "the unit for all is enabled" systemctl --user enable tiffin-restart.service
	tiffin create --name service -v "$MARKS:/marks" $IMAGE sh -c '
		trap "echo TERM >>/marks/service; exit 0" TERM
		echo began >>/marks/service; while :; do sleep 0.1; done'
	(cd "$UNITS" && tiffin generate systemd --files --name service)
	systemctl --user daemon-reload
	check "a container's unit is enabled, and starts" systemctl --user enable --now container-service.service
	check "the container began" soon has_mark service
	check "systemctl stop stops it" systemctl --user stop container-service.service
	check "by its stop signal" same "$(marks service)" "began TERM "
	check "which is no failure" same "$(systemctl --user is-failed container-service.service)" inactive
	check "systemctl start starts it" systemctl --user start container-service.service
	check "the container began, too" soon eval 'same "$(marks service)" "began TERM began "'
	check "tiffin stop ends the service" eval 'tiffin stop service && soon eval "! systemctl --user -q is-active container-service.service"'
	rm "$MARKS/service"
	check "systemctl start starts it again" systemctl --user start container-service.service
	check "the container began again" soon has_mark service
}

service_file() { # service_file NAME LINE…
	local name=$1
	shift
	{
		echo '[Service]'
		printf '%s\n' "$@"
	} >"$UNITS/$name.service"
}

main_process_is_its_monitor() { # main_process_is_its_monitor NAME
	same "$(systemctl --user show -P MainPID "$1")" "$(tiffin inspect -f '{{.State.ConmonPid}}' "$1")"
}

# Units of one's own, around a container in the background: docs/services.md.
try_own_units() {
	service_file told Type=notify NotifyAccess=all \
		"ExecStart=/opt/tiffin/bin/tiffin run -d --rm --name told --stop-timeout 1 --sdnotify conmon $IMAGE sleep 1000"
	service_file forked Type=forking PIDFile=%t/forked.pid \
		"ExecStart=/opt/tiffin/bin/tiffin run -d --rm --name forked --stop-timeout 1 --conmon-pidfile %t/forked.pid $IMAGE sleep 1000"
	systemctl --user daemon-reload
	for name in told forked; do
		check "$name starts" systemctl --user start $name
		check "$name: systemd watches the monitor" main_process_is_its_monitor $name
		check "$name: the monitor ends the container" systemctl --user stop $name
		check "$name: without a failure" same "$(systemctl --user is-failed $name)" inactive
		check "$name: nothing is left" eval "! tiffin container exists $name"
	done
}

# After an end in order.
ended() { # ended NAME MARKS
	check "$1 has ended in order" same "$(marks "$1")" "$2"
}

came_back() {
	check "the unit has done its part" soon systemctl --user is-active tiffin-restart.service
	check "those run that are to" soon eval 'same "$(running)" "always brought ported quit service unless "'
	check "no container is listed as something else" same \
		"$(tiffin ps -a --format '{{.Names}} {{.State}}' | sort | tr '\n' ' ')" \
		"always running brought running failure exited halted exited once exited ported running quit running service running unless running "
	check "exec in one of them" tiffin exec always true
	check "a published port is answered" soon heard 7000 lunch
}

case $part in
1)
	echo "# $(systemctl --version | head -n 1), Linux $(uname -r), $(cat /proc/self/cgroup)"
	try_commands
	mkdir -p "$UNITS"
	try_networks
	try_own_units
	try_socket_units
	make_containers
	make_units
	check "all run" same "$(running)" "always failure once ported quit service unless "
	;;
2)
	came_back
	for name in always unless failure once; do
		case $name in
		failure | once) ended $name "began TERM " ;;
		*) ended $name "began TERM began " ;;
		esac
	done
	# systemd sends SIGTERM to all of a session's or a service's processes, not to the monitor alone.
	check "quit has got its stop signal" grep -qx QUIT "$MARKS/quit"
	ended service "began TERM began "
	;;
3)
	came_back
	ended always "began TERM began TERM began "
	ended unless "began TERM began TERM began "
	ended service "began TERM began TERM began "
	sync
	echo DONE
	echo CUT
	exec sleep 1000
	;;
4)
	came_back
	check "systemctl stop stops them all" systemctl --user stop tiffin-restart.service
	check "and they do not count as stopped by the user" \
		eval 'systemctl --user start tiffin-restart.service && same "$(running)" "always brought ported quit service unless "'
	check "rm" tiffin rm -f -a
	;;
esac
echo DONE
touch /run/button/pressed
exec sleep 1000
