# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "rm removes what has ended and echoes what it was given" {
	tiffin run --name ended "$BUSYBOX" true
	run --separate-stderr tiffin rm ended
	same "$status$output$stderr" 0ended
	same "$(tiffin ps -aq)" ""
}

@test "rm takes an ID, and the beginning of one" {
	tiffin run --name ended "$BUSYBOX" true
	id=$(tiffin ps -aq)
	same "$(tiffin rm "${id:0:7}")" "${id:0:7}"
}

@test "what runs is refused with status 2, and keeps running" {
	tiffin run -d --name running "$BUSYBOX" sleep 1000
	fails 2 rm running
	contains "$error" running force
	has_status running ' Up '
}

@test "-f kills and removes what runs" {
	tiffin run -d --name running "$BUSYBOX" sleep "$NAP"
	run --separate-stderr tiffin rm -f running
	same "$status$output" 0running
	same "$(tiffin ps -aq)" ""
	same "$(pids_with "sleep $NAP")" ""
}

@test "-f removes what others start again and again" {
	for _ in $(seq 10); do
		tiffin create --name again --network none "$BUSYBOX" sleep 1000 >/dev/null
		starting() { while tiffin start again; do :; done >/dev/null 2>&1 3>&-; }
		starting &
		one=$!
		starting &
		other=$!
		wait_for has_status again ' Up '
		tiffin rm -f again
		wait $one $other
		same "$(tiffin ps -aq)" ""
	done
}

@test "-t says how long a running one has, with -f" {
	tiffin run -d --name running "$BUSYBOX" sleep 1000
	same "$(tiffin rm -f -t 0 running)" running
}

@test "what is not there: status 1, and 0 with -f" {
	fails 1 rm no-such
	contains "$error" 'no container with name or ID "no-such" found: no such container'
	same "$hint" ""
	run --separate-stderr tiffin rm -f no-such
	same "$status" 0
	run --separate-stderr tiffin rm -i no-such
	same "$status" 0
}

@test "-a removes all that have ended, and -f all" {
	tiffin run --name one "$BUSYBOX" true
	tiffin run --name two "$BUSYBOX" true
	run tiffin rm -a
	same "$status ${#lines[@]}" "0 2"
	tiffin run -d --name running "$BUSYBOX" sleep 1000
	tiffin run --name ended "$BUSYBOX" true
	run tiffin rm -f -a
	same "$status" 0
	same "$(tiffin ps -aq)" ""
}

@test "of several, those that are there go, and the status tells" {
	tiffin run --name ended "$BUSYBOX" true
	run --separate-stderr tiffin rm no-such ended
	same "$status$output" 1ended
	same "$(tiffin ps -aq)" ""
}

@test "an ambiguous ID is an error that lists the candidates" {
	for _ in $(seq 17); do
		tiffin run "$BUSYBOX" true
	done
	digit=$(tiffin ps -aq | cut -c 1 | sort | uniq -d | head -n 1)
	run --separate-stderr tiffin rm "$digit"
	[ "$status" -ne 0 ]
	listed=0
	for id in $(tiffin ps -aq | grep "^$digit"); do
		[[ $stderr != *$id* ]] || listed=$((listed + 1))
	done
	[ "$listed" -ge 2 ]
}

@test "rm without arguments is an error" {
	fails 125 rm
}

@test "rm leaves nothing of a container on the disk" {
	tiffin run --name deep "$BUSYBOX" \
		sh -c 'mkdir -p /a/b/c; echo x >/a/b/c/d; chown -R 1000:1000 /a; chmod 0 /a/b; rm -rf /etc' || :
	tiffin rm deep
	is_empty "$TIFFIN_ROOT/containers"
	nothing_staged
}

@test "container rm is rm" {
	tiffin run --name ended "$BUSYBOX" true
	same "$(tiffin container rm ended)" ended
}
