# ids: any
#
# system prune: what nothing uses, and what was left behind.
load ../lib/common

setup() {
	empty_store
	tiffin pull -q "$BUSYBOX" >/dev/null
}
teardown() { drop_store; }

@test "stopped containers and images without a name go, and what runs and is used stays" {
	tiffin pull -q "$REGISTRY/layers" >/dev/null
	stopped=$(tiffin create "$BUSYBOX" true)
	tiffin run -d --name up "$BUSYBOX" sleep 1000
	layers=$(tiffin image inspect --format '{{.Id}}' "$REGISTRY/layers")
	tiffin untag "$REGISTRY/layers"
	run tiffin system prune -f
	same "${lines[0]}"$'\n'"${lines[1]}" $'Deleted Containers:\n'"$stopped"
	contains "$output" "Deleted Images:" "deleted: $layers" "Total reclaimed space: "
	same "$(tiffin ps -aq --no-trunc)" "$(tiffin ps -q --no-trunc)"
	same "$(tiffin images --format '{{.Repository}}')" "$BUSYBOX"
	same "$(tiffin exec up echo on)" on
	run tiffin system prune -f
	same "$output" "Total reclaimed space: 0B"
}

@test "with -a every image without a container goes" {
	tiffin pull -q "$REGISTRY/layers" >/dev/null
	tiffin run -d --name up "$BUSYBOX" sleep 1000
	tiffin system prune -a -f | grep -q "untagged: $REGISTRY/layers"
	same "$(tiffin images --format '{{.Repository}}')" "$BUSYBOX"
	tiffin rm -f up
	tiffin system prune -a -f
	same "$(tiffin images -q)" ""
	is_empty "$TIFFIN_ROOT/layers"
}

@test "it asks, and the answer counts" {
	tiffin create --name one "$BUSYBOX" true
	run --separate-stderr tiffin system prune <<<n
	same "$output" ""
	contains "$stderr" "all stopped containers" "all dangling images"
	lacks "$stderr" volumes
	same "$(tiffin ps -a --format '{{.Names}}')" one
	tiffin system prune --volumes -a <<<y >/dev/null 2>"$BATS_TEST_TMPDIR/asked"
	contains "$(cat "$BATS_TEST_TMPDIR/asked")" "all anonymous volumes" "all images without at least one container"
	same "$(tiffin ps -a --format '{{.Names}}')" ""
	fails 125 system prune </dev/null
}

@test "filters say of which" {
	tiffin create --name kept "$BUSYBOX" true
	tiffin create --name gone --label go=yes "$BUSYBOX" true
	tiffin system prune -f --filter label=go=yes
	same "$(tiffin ps -a --format '{{.Names}}')" kept
	tiffin system prune -f --filter until=1h
	same "$(tiffin ps -a --format '{{.Names}}')" kept
	tiffin system prune -f --filter 'label!=go'
	same "$(tiffin ps -a --format '{{.Names}}')" ""
	fails 125 system prune -f --filter name=x
	contains "$error" "invalid image filter 'name=x'"
	fails 125 system prune -f --volumes --filter until=1h
	contains "$error" 'the "until" filter is not supported with "--volumes"'
}

@test "volumes go only where that is said, and those with a name never" {
	tiffin volume create named
	anonymous=$(tiffin volume create)
	tiffin system prune -f
	same "$(tiffin volume ls -q | wc -l)" 2
	tiffin system prune -f --volumes >"$BATS_TEST_TMPDIR/out"
	same "$(tiffin volume ls -q | grep -c named)" 1
	grep -q "$anonymous" "$BATS_TEST_TMPDIR/out" || tiffin volume ls -q | grep -q "$anonymous"
}

@test "nothing is left of commands that died" {
	id=$(tiffin create --name one "$BUSYBOX" true)
	tiffin run -d --name killed "$BUSYBOX" sleep 1000
	kill -9 "$(monitor_of killed)"
	wait_for has_status killed Exited
	cd "$TIFFIN_ROOT"
	layer=$(ls layers)
	cp -R "layers/$layer" "layers/$(printf 'a%.0s' {1..64})"
	touch "locks/$(printf 'b%.0s' {1..64})" images/references.0123456789abcdef "containers/$id/state.0123456789abcdef"
	mkdir -p tmp/trash/closed tmp/stage && touch tmp/trash/closed/x tmp/stage.lock && chmod 0 tmp/trash/closed
	ln -s "$(printf 'c%.0s' {1..64})" names/nobody
	mkdir "containers/$(printf 'd%.0s' {1..64})"
	tiffin system prune -f --filter label=none | grep -vq 'space: 0B'
	same "$(ls layers)" "$layer"
	nothing_staged
	same "$(ls containers | wc -l)" 2
	same "$(ls names)" $'killed\none'
	same "$(find . -name '*.0123456789abcdef' -o -name attach -o -name 'bbbb*')" ""
	tiffin system prune -f
	is_empty containers
	is_empty names
	tiffin run --rm "$BUSYBOX" true
}

@test "what is being fetched is left alone" {
	cd "$TIFFIN_ROOT"
	name=$(printf 'a%.0s' {1..64})
	cp -R "layers/$(ls layers)" "layers/$name"
	# An open-file-description lock, as whoever fetches it has.
	python3 -c '
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
time.sleep(1000)' "locks/$name" >"$BATS_TEST_TMPDIR/held" 3>&- 4>&- &
	holder=$!
	wait_for test -s "$BATS_TEST_TMPDIR/held"
	tiffin system prune -f
	[ -d "layers/$name" ] && [ -e "locks/$name" ]
	kill "$holder"
	wait "$holder" || :
	tiffin system prune -f
	[ ! -e "layers/$name" ] && [ ! -e "locks/$name" ]
}

@test "on a full disk" {
	[ -n "$TIFFIN_TEST_SMALL" ] || skip "cannot be had here: only root can mount a small disk for the tests"
	drop_store
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/store
	tiffin pull -q "$BUSYBOX" >/dev/null
	closed='mkdir -p /closed/in; touch /closed/in/x; chown -R 5 /closed; chmod 0 /closed/in /closed'
	tiffin run --name one "$BUSYBOX" sh -c "$closed"
	tiffin --storage-driver copy run --name two "$BUSYBOX" sh -c "$closed"
	dd if=/dev/zero of="$TIFFIN_TEST_SMALL/filler" bs=64k 2>/dev/null || :
	cat /dev/zero >>"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	tiffin system df | grep -q '^Images  *1 '
	tiffin system prune -a -f | grep -q 'Total reclaimed space: [1-9]'
	is_empty "$TIFFIN_ROOT/layers"
	is_empty "$TIFFIN_ROOT/containers"
	nothing_staged
	rm "$TIFFIN_TEST_SMALL/filler"
}
