# ids: any
#
# system reset: no store is left, and nothing else is touched.
load ../lib/common

setup() {
	empty_store
	tiffin pull -q "$REGISTRY/layers" >/dev/null
}
teardown() { drop_store; }

@test "containers that run, closed directories, images and volumes: all goes" {
	tiffin run -d --name up "$REGISTRY/layers" sh -c 'mkdir -m 0 /closed /closed/in; chown 5 /closed 2>/dev/null; exec sleep 1000' >/dev/null
	tiffin --storage-driver copy run --name copied "$REGISTRY/layers" true
	tiffin volume create data
	pid=$(tiffin inspect --format '{{.State.Pid}}' up)
	touch "$BATS_TEST_TMPDIR/beside"
	run tiffin system reset -f
	same "$status $output" "0 "
	[ ! -e "$TIFFIN_ROOT" ]
	[ ! -e "/proc/$pid" ]
	[ -e "$BATS_TEST_TMPDIR/beside" ]
	run tiffin system reset -f
	same "$status $output" "0 "
	[ ! -e "$TIFFIN_ROOT" ]
	tiffin run --rm "$BUSYBOX" true
}

@test "it asks" {
	run --separate-stderr tiffin system reset <<<n
	contains "$stderr" "all containers" "all images" "all volumes" "$TIFFIN_ROOT"
	tiffin image exists "$REGISTRY/layers"
	tiffin system reset <<<y 2>/dev/null
	[ ! -e "$TIFFIN_ROOT" ]
}

@test "a directory that is no store is left alone" {
	mkdir -p "$BATS_TEST_TMPDIR/home/layers" "$BATS_TEST_TMPDIR/empty"
	touch "$BATS_TEST_TMPDIR/home/layers/x"
	for dir in home empty; do
		fails 125 --root "$BATS_TEST_TMPDIR/$dir" system reset -f
		same "$error" "Error: '$BATS_TEST_TMPDIR/$dir' is not a store of tiffin's: nothing was removed"
	done
	[ -e "$BATS_TEST_TMPDIR/home/layers/x" ]
	echo "another layout" >"$BATS_TEST_TMPDIR/home/layout"
	fails 125 --root "$BATS_TEST_TMPDIR/home" system reset -f
	contains "$error" "is not a store that this tiffin can read"
	same "$(ls "$BATS_TEST_TMPDIR/home")" $'layers\nlayout'
}

@test "what is not tiffin's stays, and what links lead to" {
	echo mine >"$TIFFIN_ROOT/mine"
	mkdir "$BATS_TEST_TMPDIR/outside"
	touch "$BATS_TEST_TMPDIR/outside/x"
	ln -s "$BATS_TEST_TMPDIR/outside" "$TIFFIN_ROOT/tmp/link"
	rm -r "$TIFFIN_ROOT/base" 2>/dev/null || :
	ln -s "$BATS_TEST_TMPDIR/outside" "$TIFFIN_ROOT/base"
	run tiffin system reset -f
	same "$output" "'$TIFFIN_ROOT' was left where it is: there is 'mine' in it, which is not tiffin's"
	same "$(ls -A "$TIFFIN_ROOT")" mine
	[ -e "$BATS_TEST_TMPDIR/outside/x" ]
	rm -r "$TIFFIN_ROOT"
}

@test "while another is at work nothing is removed" {
	cd "$TIFFIN_ROOT"
	mkdir tmp/00000000000000000000000000000000
	python3 -c '
import fcntl, os, struct, sys, time
fd = os.open("tmp/00000000000000000000000000000000.lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
time.sleep(1000)' >"$BATS_TEST_TMPDIR/held" 3>&- 4>&- &
	holder=$!
	wait_for test -s "$BATS_TEST_TMPDIR/held"
	fails 125 system reset -f
	contains "$error" "another tiffin is at work"
	tiffin image exists "$REGISTRY/layers"
	kill "$holder"
	wait "$holder" || :
	tiffin system reset -f
	[ ! -e "$TIFFIN_ROOT" ]
}
