# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "rename: the new name is the container's, the old one is free" {
	tiffin create --name old "$BUSYBOX" true
	run --separate-stderr tiffin rename old new
	same "$status$output$stderr" 0
	same "$(tiffin ps -a --format '{{.Names}}')" new
	fails 125 stop old
	tiffin create --name old "$BUSYBOX" true
	same "$(tiffin ps -a --format '{{.Names}}' | sort)" $'new\nold'
}

@test "what runs is renamed, and its new name is free when it has gone" {
	tiffin run -d --rm --name old "$BUSYBOX" sleep 1000
	tiffin rename old new
	same "$(tiffin exec new echo here)" here
	tiffin stop -t 0 new
	gone() { [ -z "$(tiffin ps -aq)" ]; }
	wait_for gone
	# A name goes after what it leads to, and is free from then on.
	tiffin create --name new "$BUSYBOX" true
}

@test "it is told under its new name that it died" {
	since=$(date +%s.%N)
	tiffin run -d --rm --name old "$BUSYBOX" sleep 1000
	tiffin rename old new
	tiffin stop -t 0 new
	told() { [ -n "$(tiffin events --since "$since" --stream=false -f event=remove)" ]; }
	wait_for told
	same "$(tiffin events --since "$since" --stream=false --format '{{.Name}} {{.Action}}' -f event=rename -f event=died -f event=remove)" \
		$'new rename\nnew died\nnew remove'
	same "$(tiffin events --since "$since" --stream=false --format '{{.Attributes.oldName}}' -f event=rename)" old
}

@test "a name that is taken, its own, or none at all, is refused" {
	tiffin create --name a "$BUSYBOX" true
	id=$(tiffin create --name b "$BUSYBOX" true)
	fails 125 rename a b
	contains "$error" "the container name \"b\" is already in use by $id"
	fails 125 rename a a
	fails 125 rename a 'no/name'
	fails 125 rename nobody c
	contains "$error" "no such container"
	same "$(tiffin ps -a --format '{{.Names}}' | sort)" $'a\nb'
}

@test "of two that want a name one gets it" {
	for i in 1 2 3 4; do
		tiffin create --name "c$i" "$BUSYBOX" true
	done
	for i in 1 2 3 4; do
		start_tiffin "$BATS_TEST_TMPDIR/$i" rename "c$i" wanted
		pids+=" $!"
	done
	won=0
	for pid in $pids; do
		! wait "$pid" || won=$((won + 1))
	done
	same "$won" 1
	same "$(tiffin ps -a --format '{{.Names}}' | sort | uniq -d)" ""
	same "$(tiffin ps -a --format '{{.Names}}' | grep -c wanted)" 1
	same "$(find "$TIFFIN_ROOT/names" -type l | wc -l)" 4
}

@test "a rename that died half way leaves neither name taken for ever" {
	id=$(tiffin create --name a "$BUSYBOX" true)
	# As it is between the first step and the second, and between the second and the third.
	ln -s "$id" "$TIFFIN_ROOT/names/later"
	ln -s "$id" "$TIFFIN_ROOT/names/before"
	tiffin create --name later "$BUSYBOX" true
	tiffin create --name before "$BUSYBOX" true
	same "$(tiffin inspect -f '{{.Name}}' later before a | tr '\n' ' ')" "later before a "
}

@test "container exists tells by its status" {
	tiffin create --name a "$BUSYBOX" true
	run tiffin container exists a
	same "$status$output" 0
	run tiffin container exists nobody
	same "$status$output" 1
	run tiffin container exists --external a
	same "$status$output" 0
}

@test "container prune removes what does not run" {
	tiffin create --name a --label keep=1 "$BUSYBOX" true
	b=$(tiffin create --name b "$BUSYBOX" true)
	tiffin run -d --name up "$BUSYBOX" sleep 1000
	same "$(tiffin container prune -f --filter until=1h)" "Total reclaimed space: 0B"
	same "$(tiffin container prune -f --filter label!=keep)" "$b"$'\n'"Total reclaimed space: 0B"
	same "$(tiffin ps -a --format '{{.Names}}' | sort)" $'a\nup'
	tiffin run --name wrote "$BUSYBOX" sh -c 'head -c 5000 /dev/zero >/x'
	contains "$(tiffin container prune -f)" "Total reclaimed space: 5kB"
	same "$(tiffin ps -a --format '{{.Names}}')" up
	fails 125 container prune -f --filter name=x
}

@test "several containers by --filter, --latest, --cidfile" {
	tiffin create --name a --label x "$BUSYBOX" sleep 1000
	tiffin create --name b --cidfile "$BATS_TEST_TMPDIR/cid" "$BUSYBOX" sleep 1000
	a=$(tiffin ps -aq --no-trunc -f name=a) b=$(cat "$BATS_TEST_TMPDIR/cid")
	same "$(tiffin start --filter label=x)" "$a"
	same "$(tiffin start --cidfile "$BATS_TEST_TMPDIR/cid")" "$b"
	same "$(tiffin kill -l)" "$b"
	tiffin wait b
	same "$(tiffin stop -t 0 -a)" "$a"
	same "$(tiffin start --all | sort)" "$(printf '%s\n' "$a" "$b" | sort)"
	same "$(tiffin restart -t 0 --running -f label=x)" "$a"
	same "$(tiffin rm -f --cidfile "$BATS_TEST_TMPDIR/cid")" "$b"
	fails 1 rm --cidfile "$BATS_TEST_TMPDIR/cid"
	run tiffin rm -i --cidfile "$BATS_TEST_TMPDIR/cid" --cidfile "$BATS_TEST_TMPDIR/none"
	same "$status$output" 0
	same "$(tiffin rm -f --filter label=x)" "$a"
	fails 125 rm -l
	for command in rm stop start restart kill pause unpause; do
		fails 125 "$command"
		fails 125 "$command" --all a
		contains "$error" "do not go together"
	done
}
