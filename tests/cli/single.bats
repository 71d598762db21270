# ids: single
#
# A user without subordinate IDs: one ID is mapped, the container's root is the caller.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown_file() { drop_store; }

@test "busybox runs" {
	run --separate-stderr tiffin run --rm "$BUSYBOX" echo hi
	same "$status$output" 0hi
}

@test "that there is one ID only is said once, on stderr, with what mends it" {
	empty_store
	run --separate-stderr tiffin pull -q "$BUSYBOX"
	same "$status" 0
	said=$stderr
	run --separate-stderr tiffin run --rm "$BUSYBOX" true
	same "$status" 0
	said+=$'\n'$stderr
	contains "$said" subuid
	same "$(grep -c 'no subordinate IDs' <<<"$said")" 1
	run --separate-stderr tiffin run --rm "$BUSYBOX" true
	same "$stderr" ""
	drop_store
}

@test "one ID is mapped: root is the caller" {
	run tiffin run --rm "$BUSYBOX" cat /proc/self/uid_map
	matches "$output" "^ +0 +$(id -u) +1$"
	same "$(tiffin run --rm "$BUSYBOX" id -u)" 0
}

@test "an image with many owners is pulled and runs" {
	same "$(tiffin run --rm "$REGISTRY/layers" cat /data/kept /data/reborn)" $'kept\nthird'
	same "$(tiffin run --rm "$REGISTRY/layers" ls /data/opaque)" new
}

@test "modes are kept, closed ones too" {
	same "$(tiffin run --rm "$REGISTRY/layers" stat -c %a /modes/none /modes/closed /modes/sticky)" \
		$'0\n0\n1777'
}

@test "what the container writes belongs to the caller" {
	mkdir "$BATS_TEST_TMPDIR/d"
	tiffin run --rm -v "$BATS_TEST_TMPDIR/d:/d" "$BUSYBOX" touch /d/x
	same "$(stat -c %u "$BATS_TEST_TMPDIR/d/x")" "$(id -u)"
}

@test "the container has a network of its own" {
	run tiffin run --rm "$BUSYBOX" ip route
	contains "$output" "default via"
}

@test "run -d, logs, stop, rm work" {
	tiffin run -d --name d "$BUSYBOX" sh -c 'echo up; sleep 1000'
	up() { [ "$(tiffin logs d)" = up ]; }
	wait_for up
	same "$(tiffin stop -t 0 d)" d
	has_status d 'Exited \(137\)'
	same "$(tiffin rm d)" d
	is_empty "$TIFFIN_ROOT/containers"
}

@test "capabilities, new privileges and the filter are as with a range" {
	run tiffin run --rm "$BUSYBOX" grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" "CapEff: 00000000800400fb
CapBnd: 00000000800400fb
NoNewPrivs: 1
Seccomp: 2"
}

@test "an image is removed whole, closed directories and all" {
	empty_store
	tiffin pull -q "$REGISTRY/layers"
	tiffin rmi "$REGISTRY/layers"
	is_empty "$TIFFIN_ROOT/layers"
	drop_store
}

@test "--userns keep-id is the one ID by the caller's number; what takes others is refused" {
	run tiffin run --rm --userns keep-id "$BUSYBOX" sh -c 'id -u; cat /proc/self/uid_map; echo x >/made; stat -c %u /made'
	same "$(xargs <<<"$output")" "$(id -u) $(id -u) $(id -u) 1 $(id -u)"
	same "$(tiffin run --rm --userns keep-id:uid=200 "$BUSYBOX" id -u)" 200
	for mode in nomap auto; do
		fails 125 run --rm --userns "$mode" "$BUSYBOX" true
		contains "$error" "requires additional UIDs or GIDs"
	done
	fails 125 run --rm --uidmap 0:1:1 "$BUSYBOX" true
	contains "$error" "not enough IDs"
	same "$(tiffin run --rm --uidmap 0:0:1 "$BUSYBOX" id -u)" 0
}
