# ids: any
#
# Namespaces one by one: the host's, and other containers'.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

in_box() { tiffin run --rm "$BUSYBOX" "$@"; }
namespace() { # namespace KIND RUN-OPTION…: as a container made so has it
	local kind=$1
	shift
	tiffin run --rm "$@" "$BUSYBOX" readlink "/proc/self/ns/$kind"
}
of_host() { readlink "/proc/self/ns/$1"; }
of_container() { tiffin exec "$1" readlink "/proc/self/ns/$2"; }
start_first() { tiffin run -d --name first "$@" "$BUSYBOX" sleep 1000; }

#--- the host's ------------------------------------------------------------------------------------

@test "--pid, --ipc, --uts, --cgroupns and --network host are the host's, and no other" {
	for row in pid:pid ipc:ipc uts:uts cgroup:cgroupns net:network; do
		kind=${row%:*} option=${row#*:}
		same "$(namespace "$kind" "--$option" host)" "$(of_host "$kind")"
		[ "$(namespace "$kind")" != "$(of_host "$kind")" ]
		[ "$(namespace user "--$option" host)" != "$(of_host user)" ]
	done
}

@test "private is the default" {
	for row in pid:pid ipc:ipc uts:uts cgroup:cgroupns user:userns; do
		[ "$(namespace "${row%:*}" "--${row#*:}" private)" != "$(of_host "${row%:*}")" ]
	done
}

@test "--pid host sees the host's processes, and /proc is masked as ever" {
	sleep 1000 3>&- 4>&- &
	run tiffin run --rm --pid host "$BUSYBOX" sh -c "tr '\\0' ' ' </proc/$!/cmdline; echo
		wc -c </proc/timer_list; touch /proc/sys/kernel/domainname"
	kill $!
	contains "$output" "sleep 1000" "Read-only"
	matches "$output" $'\n0\n'
}

@test "--pid host: the end of the first process is the end of all of them" {
	tiffin run -d --name hosts --pid host "$BUSYBOX" sh -c "sleep ${NAP}1 & setsid sleep ${NAP}2 & sleep 1000"
	wait_for pgrep -u "$(id -u)" -x -f "sleep ${NAP}2"
	tiffin stop -t 0 hosts
	same "$(pids_with "^sleep ${NAP}[12]\$")" ""
}

@test "--pid host: so it is when all has settled" {
	tiffin run -d --name "hosts-$$" --pid host "$BUSYBOX" sh -c "sleep ${NAP}1 & exec sleep ${NAP}2"
	settled() { [[ $(readlink "/proc/$(pids_with "tiffin: keeper of hosts-$$")/exe") = *memfd:* ]]; }
	wait_for settled
	kill -9 "$(pids_with "^sleep ${NAP}2")"
	gone() { [ -z "$(pids_with "^sleep ${NAP}[12]")" ]; }
	wait_for gone
}

@test "--pid host: neither is any left when the monitor is killed" {
	tiffin run -d --name hosts --pid host "$BUSYBOX" sh -c "sleep ${NAP}1 & setsid sleep ${NAP}2 & sleep 1000"
	wait_for pgrep -u "$(id -u)" -x -f "sleep ${NAP}2"
	kill -9 "$(monitor_of hosts)"
	wait_for has_status hosts 'Exited \(255\)'
	gone() { [ -z "$(pids_with "^sleep ${NAP}[12]")" ]; }
	wait_for gone
}

@test "--ipc host has the host's /dev/shm" {
	file=/dev/shm/tiffin-test-$$
	echo shared >"$file"
	run tiffin run --rm --ipc host "$BUSYBOX" cat "$file"
	rm "$file"
	same "$output" shared
	run in_box ls -A /dev/shm
	same "$output" ""
}

@test "--uts host has the host's name, which can't be set" {
	same "$(tiffin run --rm --uts host "$BUSYBOX" hostname)" "$(hostname)"
	fails 125 run --rm --uts host --hostname other "$BUSYBOX" true
	contains "$error" "conflicting options: hostname and the UTS mode"
	fails 125 run --rm --uts host --domainname other "$BUSYBOX" true
	contains "$error" "conflicting options: domainname and the UTS mode"
}

@test "--domainname is the UTS domain" {
	same "$(tiffin run --rm --domainname lunch.example "$BUSYBOX" cat /proc/sys/kernel/domainname)" \
		lunch.example
}

#--- another container's ---------------------------------------------------------------------------

@test "container:NAME joins that namespace, in that one's user namespace, and no other" {
	start_first
	for row in pid:pid ipc:ipc uts:uts cgroup:cgroupns net:network user:userns; do
		kind=${row%:*} option=${row#*:}
		same "$(namespace "$kind" "--$option" container:first)" "$(of_container first "$kind")"
		same "$(namespace user "--$option" container:first)" "$(of_container first user)"
		for other in pid ipc uts cgroup net mnt; do
			[ "$other" = "$kind" ] ||
				[ "$(namespace "$other" "--$option" container:first)" != "$(of_container first "$other")" ]
		done
	done
}

@test "all of them at once, with an exec in it" {
	start_first
	tiffin run -d --name second --pid container:first --ipc container:first --uts container:first \
		--cgroupns container:first --network container:first "$BUSYBOX" sleep 1000
	for kind in pid ipc uts cgroup net user; do
		same "$(of_container second "$kind")" "$(of_container first "$kind")"
	done
	[ "$(of_container second mnt)" != "$(of_container first mnt)" ]
}

@test "--pid container: each sees the other's processes, and ends its own alone" {
	start_first
	tiffin run -d --name second --pid container:first "$BUSYBOX" sh -c 'setsid sleep 1001 & sleep 1002'
	wait_for eval 'contains "$(tiffin exec first ps)" "sleep 1000" "sleep 1001" "sleep 1002" 2>/dev/null'
	tiffin stop -t 0 second
	run tiffin exec first ps
	contains "$output" "sleep 1000"
	lacks "$output" "sleep 100[12]" "sleep 1001"
	tiffin start second
	tiffin stop -t 0 first
	wait_for has_status second 'Exited \(137\)'
}

@test "--ipc container shares /dev/shm and SysV memory; without, both are apart" {
	start_first
	tiffin exec first sh -c 'echo hi >/dev/shm/file'
	same "$(tiffin run --rm --ipc container:first "$BUSYBOX" cat /dev/shm/file)" hi
	tiffin run --rm --ipc container:first "$BUSYBOX" sh -c 'echo back >/dev/shm/other'
	same "$(tiffin exec first cat /dev/shm/other)" back
	run in_box ls -A /dev/shm
	same "$output" ""
}

@test "POSIX queues are apart, and shared with --ipc container" {
	start_first
	tiffin exec first touch /dev/mqueue/queue
	same "$(tiffin run --rm --ipc container:first "$BUSYBOX" ls /dev/mqueue)" queue
	run in_box ls /dev/mqueue
	same "$status$output" 0
}

@test "--ipc private can't be joined, --ipc none has no /dev/shm of its own" {
	start_first --ipc private
	fails 125 run --rm --ipc container:first "$BUSYBOX" true
	contains "$error" "non-shareable IPC"
	run tiffin run --rm --ipc none "$BUSYBOX" grep -c /dev/shm /proc/mounts
	same "$output" 0
}

@test "a /dev/shm that the other container replaced leads nowhere" {
	mkdir "$BATS_TEST_TMPDIR/canary"
	touch "$BATS_TEST_TMPDIR/canary/secret"
	tiffin run -d --name first --ipc shareable "$BUSYBOX" sh -c \
		"rmdir /dev/shm; mv /dev/shm /dev/old; ln -s $BATS_TEST_TMPDIR/canary /dev/shm; sleep 1000"
	run tiffin run --rm --ipc container:first "$BUSYBOX" ls -A /dev/shm
	lacks "$output" secret
}

@test "--network container shares the network, its names and its ports" {
	start_first --add-host known:192.0.2.7
	tiffin exec -d first nc -l -p 7000 -e echo over
	wait_for eval 'same "$(tiffin run --rm --network container:first "$BUSYBOX" nc 127.0.0.1 7000 </dev/null)" over 2>/dev/null ||
		{ tiffin exec -d first nc -l -p 7000 -e echo over; false; }'
	same "$(tiffin run --rm --network container:first "$BUSYBOX" cat /etc/hosts)" \
		"$(tiffin exec first cat /etc/hosts)"
	contains "$(tiffin exec first cat /etc/hosts)" 192.0.2.7
	same "$(tiffin run --rm --network container:first "$BUSYBOX" hostname)" "$(tiffin exec first hostname)"
}

@test "--network container conflicts with what is the other's to say, in docker's words" {
	start_first
	while IFS='|' read -r options words; do
		# shellcheck disable=SC2086
		fails 125 run --rm --network container:first $options "$BUSYBOX" true
		contains "$error" "conflicting options: $words"
	done <<-'END'
		--hostname x|hostname and the network mode
		--add-host a:1.2.3.4|custom host-to-IP mapping and the network mode
		--dns 1.2.3.4|dns and the network mode
		-p 8080:80|port publishing and the container type network mode
		--expose 80|port exposing and the container type network mode
	END
}

@test "one that has the host's gives the host's" {
	start_first --pid host --network host
	same "$(namespace pid --pid container:first)" "$(of_host pid)"
	same "$(namespace net --network container:first)" "$(of_host net)"
}

@test "one that joined is joined in turn" {
	start_first
	tiffin run -d --name second --network container:first --pid container:first "$BUSYBOX" sleep 1000
	same "$(namespace net --network container:second)" "$(of_container first net)"
	same "$(namespace pid --pid container:second)" "$(of_container first pid)"
}

@test "one that joined and comes back finds the other, which came back, too" {
	tiffin run -d --name first --restart always "$BUSYBOX" sleep 1000
	tiffin run -d --name second --restart always --pid container:first --ipc container:first "$BUSYBOX" sleep 1001
	before=$(tiffin inspect --format '{{.State.Pid}}' second)
	kill -9 "$(tiffin inspect --format '{{.State.Pid}}' first)"
	together() {
		for ns in pid ipc; do
			[ "$(tiffin exec first readlink /proc/self/ns/$ns)" = "$(tiffin exec second readlink /proc/self/ns/$ns)" ] ||
				return 1
		done
	}
	again() { [ "$(tiffin inspect --format '{{.State.Running}}' second) $before" != "true $(tiffin inspect --format '{{.State.Pid}}' second)" ]; }
	wait_for again
	wait_for together
	# The other stopped, it waits, until it is stopped, too.
	tiffin stop -t 0 first
	wait_for has_status second Restarting
	tiffin stop -t 0 second
	has_status second 'Exited \(137\)'
	tiffin rm first second
}

@test "two containers with different user namespaces can't be joined at once" {
	start_first
	tiffin run -d --name stranger "$BUSYBOX" sleep 1000
	fails 125 run --rm --pid container:first --ipc container:stranger "$BUSYBOX" true
	contains "$error" "user namespace"
	tiffin run -d --name friend --userns container:first "$BUSYBOX" sleep 1000
	tiffin run --rm --pid container:first --ipc container:friend "$BUSYBOX" true
}

@test "one that does not run can't be joined, and one that is not there" {
	tiffin create --name first "$BUSYBOX" sleep 1000
	for option in pid ipc uts cgroupns network userns; do
		fails 125 run --rm "--$option" container:first "$BUSYBOX" true
		contains "$error" "cannot join the" "of container first: it is not running"
		fails 125 run --rm "--$option" container:nobody "$BUSYBOX" true
		contains "$error" "no such container"
	done
	same "$(tiffin ps -aq | wc -l)" 1
}

@test "the container that is joined is known by its ID: another with its name is not it" {
	start_first
	tiffin create --name second --pid container:first "$BUSYBOX" true
	tiffin rm -f first
	start_first
	fails 125 start second
	contains "$error" "no such container"
}

@test "what is not known is refused" {
	for option in pid ipc uts cgroupns; do
		fails 125 run --rm "--$option" strange "$BUSYBOX" true
		contains "$error" "invalid mode"
	done
	fails 125 run --rm --userns strange "$BUSYBOX" true
	contains "$error" "unrecognized namespace mode"
	fails 125 run --rm --network strange "$BUSYBOX" true
	fails 125 run --rm --pid container: "$BUSYBOX" true
}

@test "inspect says them" {
	start_first
	id=$(tiffin inspect --format '{{.Id}}' first)
	tiffin create --name second --pid host --ipc container:first --uts host --network container:first \
		--cgroupns host "$BUSYBOX" true
	format='{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}} {{.HostConfig.NetworkMode}} {{.HostConfig.CgroupnsMode}}'
	same "$(tiffin inspect --format "$format" second)" \
		"host container:$id host container:$id host"
	same "$(tiffin inspect --format "$format" first)" "private shareable private fast private"
}

#--- what is held ----------------------------------------------------------------------------------

@test "a container that shares a user namespace alone sees, signals and traces nobody of the other" {
	start_first
	tiffin exec first touch /dev/shm/secret
	run tiffin run --rm --userns container:first "$BUSYBOX" sh -c \
		'ps -o args; ls -A /dev/shm; hostname; cat /proc/net/dev'
	contains "$output" "ps -o args"
	lacks "$output" "$(tiffin exec first hostname)" secret "sleep 1000"
}

@test "a container that shares everything still has its own files, and neither has the host's" {
	start_first -v "$BATS_TEST_TMPDIR:/mine"
	touch "$BATS_TEST_TMPDIR/mine"
	run tiffin run --rm --ipc container:first --network container:first --uts container:first \
		"$BUSYBOX" sh -c 'ls /mine; cat /proc/mounts'
	lacks "$output" /mine$'\n' "$TIFFIN_ROOT"
	tiffin run -d --name second --pid container:first "$BUSYBOX" sleep 1001
	# Every process in sight, from both sides, is in a root of a container's.
	for name in first second; do
		run tiffin exec "$name" sh -c 'for p in /proc/[0-9]*; do ls $p/root/ 2>/dev/null; done'
		lacks "$output" boot lost+found
	done
}

@test "no process of ours in another's PID namespace can be opened while it is set up" {
	# The first container stops whatever comes. With every capability it could trace the one that is
	# set up, which has them all.
	tiffin run -d --name first --cap-add ALL "$BUSYBOX" sh -c 'touch /found; while :; do for p in /proc/[0-9]*; do
		n=${p#/proc/}
		[ $n != 1 ] && kill -STOP $n || continue
		case $(cat $p/comm) in *tiffin*)
			echo $n >>/caught
			ls -d $p/root/boot $p/root/lost+found >>/found
			readlink $p/exe >>/found
		esac
		kill -CONT $n; done; done 2>/dev/null'
	for _ in $(seq 50); do
		tiffin run --rm --pid container:first "$BUSYBOX" true
		if tiffin exec first test -s /caught; then
			break
		fi
	done
	matches "$(tiffin exec first cat /caught)" '^[0-9]'
	# The last step is no file of the host's, in the container's own root: it may be seen, and be over
	# by the time that it is looked at.
	same "$(tiffin exec first cat /found | grep -v '^/memfd:tiffin-execute (deleted)$\|^/bin/busybox$')" ""
}

@test "capabilities, seccomp and no_new_privs are the same where namespaces are joined" {
	start_first
	want=$(in_box grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status)
	same "$(tiffin run --rm --pid container:first --network container:first "$BUSYBOX" \
		grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status)" "$want"
	same "$(tiffin run --rm --pid host --ipc host --uts host --cgroupns host "$BUSYBOX" \
		grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status)" "$want"
}

@test "with --pid host, processes of the host can't be looked into" {
	sleep 1000 3>&- 4>&- &
	run tiffin run --rm --pid host "$BUSYBOX" sh -c "ls /proc/$!/root/ /proc/$!/fd; cat /proc/$!/environ"
	kill $!
	[ "$status" -ne 0 ]
	lacks "$output" boot PATH=
}
