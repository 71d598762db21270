# ids: any
load ../lib/common

setup_file() {
	own_store busybox
	tiffin run -d --name box "$BUSYBOX" sh -c 'sleep 1000.25 & exec sleep 1000.5' >/dev/null
	both() { [ "$(tiffin top box comm | xargs)" = "COMMAND sleep sleep" ]; }
	wait_for both
}
teardown_file() { drop_store; }

@test "top prints podman's columns of all processes" {
	run tiffin top box
	same "$status" 0
	matches "${lines[0]}" '^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND$'
	matches "${lines[1]}" '^root +1 +0 +[0-9.]+ +[0-9hm.]+s +\? +[0-9.]+s +sleep 1000\.5$'
	matches "${lines[2]}" '^root +[0-9]+ +1 +.* sleep 1000\.25$'
	same "${#lines[@]}" 3
	same "$(tiffin top -l pid)" "$(tiffin top box pid)"
}

@test "descriptors by name and by code, between commas and blanks" {
	run tiffin top box pid,comm %P
	matches "${lines[0]}" '^PID +COMMAND +PPID$'
	matches "${lines[1]}" '^1 +sleep +0$'
	pid=$(tiffin inspect -f '{{.State.Pid}}' box)
	run tiffin top box hpid huser seccomp state capeff capamb
	matches "${lines[1]}" "^$pid +$(id -un) +filter +S +CHOWN,.*SETFCAP +none\$"
	fails 125 top box pid nonsense
	contains "$error" "unknown descriptor" nonsense
}

@test "users have the names that the container gives them, if any" {
	user=1234
	[ "$TIFFIN_TEST_IDS" = range ] || user=0
	tiffin exec box sh -c "grep -q :1234: /etc/passwd || echo 'someone:x:1234:1234::/:/bin/sh' >>/etc/passwd"
	tiffin exec -d -u $user box sleep 1000.75
	here() { tiffin top box user args | grep -q '1000\.75'; }
	wait_for here
	want=someone
	[ "$TIFFIN_TEST_IDS" = range ] || want=root
	matches "$(tiffin top box user args | grep '1000\.75')" "^$want +sleep"
	# A file that is not one is not read.
	tiffin exec box sh -c 'mv /etc/passwd /etc/kept; mkfifo /etc/passwd'
	[ "$TIFFIN_TEST_IDS" != range ] ||
		matches "$(tiffin top box user args | grep '1000\.75')" "^$user +sleep"
	tiffin exec box sh -c 'rm /etc/passwd; mv /etc/kept /etc/passwd'
	pid=$(tiffin top box hpid args | awk '/1000\.75/ { print $1 }')
	tiffin exec box sh -c "kill $(tiffin top box pid args | awk '/1000\.75/ { print $1 }')"
	gone() { [ ! -e "/proc/$pid" ]; }
	wait_for gone
}

@test "options of ps are the host's ps's, of which the container's rows are kept" {
	command -v ps >/dev/null || skip "no ps"
	run tiffin top box -o pid,args
	matches "${lines[0]}" '^ +PID COMMAND$'
	same "${#lines[@]}" 3
	contains "$output" "sleep 1000.5" "sleep 1000.25"
	run tiffin top box aux
	same "${#lines[@]}" 3
	run tiffin top box -ef f
	contains "$output" "sleep 1000.25"
	lacks "$output" bats
	fails 125 top box -o args
	contains "$error" "couldn't find PID field in ps output"
}

@test "another container's processes are not listed" {
	tiffin run -d --rm --name other "$BUSYBOX" sleep 1000.125
	lacks "$(tiffin top box args)" 1000.125
	contains "$(tiffin top other args)" 1000.125
	tiffin rm -f other
}

@test "what a process calls itself is shown, not acted on" {
	tiffin run -d --name odder "$BUSYBOX" sh -c 'while :; do :; done' $'\e[31m\nred'
	run tiffin top odder args
	same "${#lines[@]}" 2
	lacks "$output" $'\e'
	contains "$output" 'red'
	tiffin rm -f odder
}

@test "what does not run has no processes" {
	tiffin create --name asleep "$BUSYBOX" true
	fails 125 top asleep
	contains "$error" "not running"
	fails 125 top
	fails 125 top nobody
	contains "$error" "no such container"
	tiffin rm asleep
}
