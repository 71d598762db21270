# ids: any
# tun: both
#
# doctor, on this machine and on machines that lack something.
load ../lib/common

setup_file() { export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store; }
teardown_file() { drop_store; }

finding() { # finding NAME [FIELD]: of what doctor found
	tiffin doctor --format json 2>/dev/null | jq -r "select(.Name == \"$1\") | .${2:-State}"
}

@test "doctor finds what it needs, and says so for each thing" {
	run tiffin doctor
	same "$status" 0
	for name in "user namespaces" "other namespaces" "system calls" seccomp store "disk" start; do
		matches "$output" "ok +$name "
	done
	lacks "$output" "missing "
	matches "${lines[-1]}" '^(Containers run here|Everything is there)'
}

@test "doctor says which way frames go" {
	if [ "$TIFFIN_TEST_TUN" = open ]; then
		same "$(finding network)" ok
		contains "$(finding network Found)" "a tap device"
	else
		same "$(finding network)" limited
		contains "$(finding network Found)" "a veth pair"
		contains "$(finding network Mend)" "chmod 666 /dev/net/tun"
	fi
}

@test "doctor makes a connection as --network fast does, where there is an address for one" {
	same "$(finding "fast network")" ok
	if python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))'; then
		contains "$(finding "fast network" Found)" "TCP runs on sockets of the host's own"
	fi
	run timeout 100 unshare --user --map-root-user --net "$TIFFIN" doctor 3>&- 4>&-
	matches "$output" "ok +fast network +not tried"
}

@test "doctor knows of subordinate IDs, and how to get them" {
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		same "$(finding 'subordinate IDs')" ok
		matches "$(finding 'subordinate IDs' Found)" '^[0-9]{5,} users'
	else
		same "$(finding 'subordinate IDs')" limited
		contains "$(finding 'subordinate IDs' Mend)" "usermod --add-subuids"
	fi
}

@test "each line that is not ok says what follows" {
	same "$(tiffin doctor --format json 2>/dev/null | jq -r 'select(.State != "ok" and .Follows == "") | .Name')" ""
	contains "$(tiffin doctor --format '{{.Name}}={{.State}}' 2>/dev/null)" "Landlock=" "pasta=" "name servers=" \
		"low ports=" "cgroup=" "XDG_RUNTIME_DIR="
}

@test "where there are no user namespaces, doctor says how to have them, and ends with 1" {
	# The limit of a namespace of our own is ours to set: user_namespaces(7).
	run timeout 100 unshare --user --map-root-user --mount sh -c '
		echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" doctor' "$TIFFIN" 3>&- 4>&-
	same "$status" 1
	matches "$output" 'missing +user namespaces'
	contains "$output" "sudo sysctl -w user.max_user_namespaces=15000" "Containers do not run here"
}

@test "where there are no network namespaces, doctor says how to have them, and ends with 1" {
	run timeout 100 unshare --user --map-root-user --mount sh -c '
		echo 0 >/proc/sys/user/max_net_namespaces && exec "$0" doctor' "$TIFFIN" 3>&- 4>&-
	same "$status" 1
	matches "$output" 'missing +other namespaces'
	contains "$output" "user.max_net_namespaces=15000"
}

@test "a store that can't be made, a resolv.conf that is empty, pasta that is not there" {
	run -1 timeout 100 env TIFFIN_ROOT=/proc/nothing "$TIFFIN" doctor
	matches "$output" 'missing +store'
	contains "$output" TIFFIN_ROOT
	mkdir "$BATS_TEST_TMPDIR/none"
	contains "$(PATH="$BATS_TEST_TMPDIR/none" "$TIFFIN" doctor --format '{{.Name}}: {{.Mend}}' 2>/dev/null)" \
		"pasta: sudo apt-get install passt"
	run timeout 100 unshare --user --map-root-user --mount sh -c '
		mount -n --bind /dev/null /etc/resolv.conf && exec "$0" doctor' "$TIFFIN" 3>&- 4>&-
	matches "$output" 'limited +name servers'
}

@test "a store on a file system that is full" {
	[ -n "$TIFFIN_TEST_SMALL" ] || skip "cannot be had here: a small disk is root's to mount"
	run timeout 100 env TIFFIN_ROOT="$TIFFIN_TEST_SMALL/store" "$TIFFIN" doctor
	same "$status" 1
	matches "$output" 'missing +disk'
	contains "$output" "tiffin image prune"
	remove_tree "$TIFFIN_TEST_SMALL/store"
}
