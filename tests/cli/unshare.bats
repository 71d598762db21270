# ids: any
#
# unshare: a command in the store's user namespace; mount and unmount, which take it.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# The owner that a container's user has on the host shows as that user in the session.
OTHER=$([ "$TIFFIN_TEST_IDS" = range ] && echo 33 || echo 0)

@test "a command runs as root, with the IDs that containers have, and mounts of its own" {
	same "$(tiffin unshare id -u)" 0
	same "$(tiffin unshare cat /proc/self/uid_map)" "$(tiffin run --rm "$BUSYBOX" cat /proc/self/uid_map)"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	same "$(tiffin unshare sh -c 'mount -t tmpfs none "$0" && touch "$0/inside" && ls "$0"' "$BATS_TEST_TMPDIR/mnt")" inside
	is_empty "$BATS_TEST_TMPDIR/mnt"
}

@test "its status, its signals and its environment are the command's" {
	run tiffin unshare sh -c 'exit 7'
	same "$status" 7
	run tiffin unshare sh -c 'kill -USR1 $$'
	same "$status" $((128 + $(kill -l USR1)))
	same "$(VAR=here tiffin unshare sh -c 'echo $VAR $TIFFIN_ROOT $CONTAINERS_GRAPHROOT')" \
		"here $TIFFIN_ROOT $TIFFIN_ROOT"
	same "$(echo 'echo from $0' | SHELL=/bin/sh tiffin unshare)" "from /bin/sh"
	start_tiffin "$BATS_TEST_TMPDIR/out" unshare sleep 1000
	sleeper=$!
	runs() { [ "$(cat /proc/$sleeper/comm)" = sleep ]; }
	wait_for runs
	kill $sleeper
	run wait $sleeper
	fails 127 unshare nonesuch
	same "$error" "Error: cannot execute 'nonesuch': No such file or directory"
	fails 126 unshare /
}

@test "what others own can be read and removed" {
	mkdir "$BATS_TEST_TMPDIR/d"
	tiffin run --rm -v "$BATS_TEST_TMPDIR/d:/d" "$BUSYBOX" sh -c "mkdir /d/in; echo secret >/d/in/f; chmod 600 /d/in/f
		chown -R $OTHER:$OTHER /d/in; chmod 700 /d/in"
	same "$(tiffin unshare cat "$BATS_TEST_TMPDIR/d/in/f")" secret
	tiffin unshare rm -r "$BATS_TEST_TMPDIR/d/in"
	is_empty "$BATS_TEST_TMPDIR/d"
}

@test "a container's file system is mounted, and what is written there is the container's" {
	tiffin create --name one "$BUSYBOX" sh -c 'cat /made; stat -c %u /made' >/dev/null
	run tiffin unshare sh -c 'set -e; tiffin=$0; other=$1
		dir=$($tiffin mount one); echo "$dir"; ls "$dir/bin/busybox" >/dev/null
		echo new >"$dir/made"; chown $other "$dir/made"
		[ "$($tiffin mount one)" = "$dir" ]; $tiffin mount --no-trunc; $tiffin unmount one; [ ! -e "$dir" ]' \
		"$TIFFIN" "$OTHER"
	same "$status" 0
	id=$(tiffin inspect -f '{{.Id}}' one)
	same "$output" "$TIFFIN_ROOT/containers/$id/merged
$id  $TIFFIN_ROOT/containers/$id/merged
one"
	same "$(tiffin start -a one)" "new
$OTHER"
}

@test "one that runs is mounted read-only, and others can't be run twice into one layer" {
	tiffin run -d --name two "$BUSYBOX" sh -c 'echo running >/file; exec sleep 1000' >/dev/null
	wait_for tiffin exec two test -e /file
	run tiffin unshare sh -c 'dir=$("$0" mount two) && cat "$dir/file" && touch "$dir/new"' "$TIFFIN"
	contains "$output" "container two runs: it is mounted read-only" running "Read-only file system"
}

@test "all are mounted and unmounted, and the mounts end with the session" {
	tiffin create --name three "$BUSYBOX" >/dev/null
	tiffin create --name four "$REGISTRY/layers" >/dev/null
	run tiffin unshare sh -c '$0 mount -a; $0 mount --format json; $0 umount -a; $0 mount; $0 mount three' "$TIFFIN"
	same "$status" 0
	same "$(grep -c "^[0-9a-f]\{12\}  /" <<<"$output")" 2
	same "$(grep -c '"mountpoint": ' <<<"$output")" 2
	same "$(tail -n 1 <<<"$output")" "$TIFFIN_ROOT/containers/$(tiffin inspect -f '{{.Id}}' three)/merged"
	same "$(tiffin unshare "$TIFFIN" mount)" ""
	run ! grep -q "$TIFFIN_ROOT" /proc/self/mountinfo
	tiffin unshare sh -c '$0 mount three; $0 rm three; cd /' "$TIFFIN" || :
	tiffin rm -f three four
}

@test "outside of a session nothing is mounted, and the error says what to do" {
	tiffin create --name five "$BUSYBOX" >/dev/null
	fails 125 mount five
	contains "$error" "must execute 'tiffin unshare' first"
	fails 125 unmount five
	contains "$error" "must execute 'tiffin unshare' first"
	# An inherited variable makes no session.
	value=$(tiffin unshare sh -c 'echo $TIFFIN_UNSHARE')
	TIFFIN_UNSHARE=$value fails 125 mount five
	run tiffin unshare "$TIFFIN" mount nobody
	same "$status" 125
	contains "$output" 'no container with name or ID "nobody" found: no such container'
	run tiffin unshare "$TIFFIN" unmount five
	same "$status" 125
	contains "$output" "layer is not mounted"
}

@test "tiffin works in a session as outside of it" {
	tiffin unshare "$TIFFIN" run --name six "$REGISTRY/layers" sh -c "echo x >/file && chown $OTHER /file"
	same "$(tiffin unshare "$TIFFIN" run --rm "$REGISTRY/layers" stat -c %u /owners/www-data)" \
		"$(tiffin run --rm "$REGISTRY/layers" stat -c %u /owners/www-data)"
	tiffin unshare "$TIFFIN" rm six
	is_empty "$TIFFIN_ROOT/containers"
}
