# ids: any
#
# --rootfs: a directory in the place of an image.
load ../lib/common

setup_file() {
	export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store
	export TREE=$BATS_FILE_TMPDIR/tree
	mkdir -p "$TREE/bin" "$TREE/etc" "$TREE/data"
	cp "$(command -v busybox)" "$TREE/bin/busybox"
	for name in sh ls cat echo touch rm id ps readlink sleep mkdir grep wc ln sha256sum; do
		ln -s busybox "$TREE/bin/$name"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$TREE/etc/passwd"
	echo here >"$TREE/data/file"
}
teardown_file() { drop_store; }
teardown() { remove_containers; }

in_tree() { tiffin run --rm --rootfs "$TREE" "$@"; }
over_tree() { tiffin run --rm --rootfs "$TREE:O" "$@"; }
in_host() { tiffin run --rm --rootfs /:O "$@"; }

#--- a directory -----------------------------------------------------------------------------------

@test "a directory runs without an image, and is written to" {
	same "$(in_tree cat /data/file)" here
	in_tree sh -c 'echo new >/data/new'
	same "$(cat "$TREE/data/new")" new
	rm "$TREE/data/new"
	same "$(stat -c %u "$TREE/data/file")" "$(id -u)"
}

@test "with :O it is not, and what was written is the container's, over restarts" {
	over_tree sh -c 'echo new >/data/new; rm /data/file; ls /data' >"$BATS_TEST_TMPDIR/out"
	same "$(cat "$BATS_TEST_TMPDIR/out")" new
	same "$(ls "$TREE/data")" file
	tiffin run --name kept --rootfs "$TREE:O" sh -c 'echo again >>/data/file; cat /data/file'
	same "$(tiffin start -a kept)" $'here\nagain\nagain'
	same "$(cat "$TREE/data/file")" here
}

@test "a relative path, and one through a symlink, are made absolute" {
	ln -sfn "$TREE" "$BATS_TEST_TMPDIR/link"
	cd "$BATS_TEST_TMPDIR"
	same "$(tiffin run --rm --rootfs link cat /data/file)" here
	same "$(tiffin run --rm --rootfs ./link:O cat /data/file)" here
	tiffin create --name noted --rootfs link true
	same "$(tiffin inspect --format '{{.Rootfs}}|{{.Image}}' noted)" "$TREE|"
	fails 125 export -o "$BATS_TEST_TMPDIR/out" noted
	contains "$error" "not exported" "$TREE"
}

@test "the rest is as with an image: users, volumes, exec, hosts, limits of sight" {
	tiffin run -d --name box --rootfs -v "$TREE/data:/vol:ro" "$TREE:O" sleep 1000
	same "$(tiffin exec box cat /vol/file)" here
	contains "$(tiffin exec box cat /etc/hosts)" localhost
	run tiffin exec box ls /
	lacks "$output" boot lost+found
	contains "$(tiffin exec box id)" "uid=0(root)"
	contains "$(tiffin ps)" box
}

@test "what is no directory is refused" {
	fails 125 run --rm --rootfs "$TREE/none" true
	contains "$error" "No such file"
	fails 125 run --rm --rootfs "$TREE/etc/passwd" true
	contains "$error" "not a directory"
	fails 125 run --rm --rootfs "$TREE:idmap" true
	fails 125 run --rm --rootfs "$TREE"
	contains "$error" "no command"
	same "$(tiffin ps -aq)" ""
}

@test "symlinks of the directory's lead nowhere outside" {
	mkdir -p "$BATS_TEST_TMPDIR/canary" "$BATS_TEST_TMPDIR/evil"
	cp -R "$TREE/bin" "$BATS_TEST_TMPDIR/evil/"
	ln -s "$BATS_TEST_TMPDIR/canary" "$BATS_TEST_TMPDIR/evil/etc"
	ln -s "$BATS_TEST_TMPDIR/canary" "$BATS_TEST_TMPDIR/evil/vol"
	run tiffin run --rm --rootfs -v "$TREE/data:/vol" "$BATS_TEST_TMPDIR/evil:O" sh -c :
	is_empty "$BATS_TEST_TMPDIR/canary"
	ln -sfn "$BATS_TEST_TMPDIR/canary" "$BATS_TEST_TMPDIR/evil/proc"
	fails 125 run --rm --rootfs "$BATS_TEST_TMPDIR/evil" sh -c :
	is_empty "$BATS_TEST_TMPDIR/canary"
}

#--- the host's own system -------------------------------------------------------------------------

@test "/:O runs the host's programs, isolated" {
	same "$(in_host cat /etc/os-release)" "$(cat /etc/os-release)"
	same "$(in_host sh -c 'echo $$')" 1
	same "$(in_host python3 -c 'print(6 * 7)')" 42
	for kind in user mnt pid net ipc uts; do
		[ "$(in_host readlink "/proc/self/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ]
	done
	same "$(in_host grep NoNewPrivs /proc/self/status | tr '\t' ' ')" "NoNewPrivs: 1"
}

@test "/:O: the host's compiler works" {
	command -v gcc >/dev/null || skip "cannot be had here: there is no gcc"
	printf '#include <stdio.h>\nint main(void) { return puts("compiled") < 0; }\n' >"$HOME/tiffin-test-$$.c"
	run in_host sh -c "cd $HOME && gcc -o prog-$$ tiffin-test-$$.c && ./prog-$$ && cp prog-$$ /tmp/ && /tmp/prog-$$"
	rm "$HOME/tiffin-test-$$.c"
	same "$output" $'compiled\ncompiled'
	[ ! -e "$HOME/prog-$$" ]
}

@test "/:O: every write is discarded" {
	canary=tiffin-canary-$$ new=tiffin-new-$$
	echo mine >"$HOME/$canary"
	run in_host sh -c 'cd "$0" && echo x >$2; echo x >$1; rm $1
		for d in / /etc /usr /usr/local/bin /usr/bin /var /home /tmp /run /var/tmp /opt; do
			touch $d/$2 || echo "not writable: $d"; done; ls -d /$2' "$HOME" "$canary" "$new"
	same "$output" "/$new"
	same "$(cat "$HOME/$canary")" mine
	for dir in / /etc /usr /usr/local/bin /usr/bin /var /home /tmp /run /var/tmp /opt "$HOME"; do
		[ ! -e "$dir/$new" ]
	done
	rm "$HOME/$canary"
}

@test "/:O: a file of root's can't be written to, nor read where the caller may not" {
	run in_host sh -c 'echo x >>/etc/passwd; cat /etc/shadow'
	[ "$status" -ne 0 ]
	contains "$output" "Permission denied"
	lacks "$output" "root:"
}

@test "/:O: sockets and FIFOs of the host lead nowhere" {
	dir=$BATS_TEST_TMPDIR/sockets
	mkdir "$dir"
	mkfifo "$dir/fifo"
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)' "$dir/socket" 3>&- 4>&- &
	wait_for test -S "$dir/socket"
	connect="import socket; socket.socket(socket.AF_UNIX).connect('$dir/socket')"
	# It is there to be connected to.
	python3 -c "$connect"
	run in_host python3 -c "$connect"
	kill $!
	[ "$status" -ne 0 ]
	contains "$output" "refused"
	run in_host sh -c "echo x >$dir/fifo & sleep 0.2; kill %1"
	run timeout 1 cat "$dir/fifo"
	same "$output" ""
}

@test "/:O: /run and /tmp are empty, the store is hidden, devices and processes are the container's" {
	touch /tmp/tiffin-host-$$
	run in_host ls -A /tmp /run
	rm /tmp/tiffin-host-$$
	same "$output" $'/run:\n\n/tmp:'
	run in_host ls -A "$TIFFIN_ROOT"
	same "$output" ""
	lacks "$(in_host ls /dev)" vda sda loop0 fuse
	# None of the host's.
	numbers=$(in_host sh -c 'echo /proc/[0-9]*')
	same "$numbers" /proc/1
}

@test "/:O: setuid programs of the host give nothing" {
	[ -u /usr/bin/newuidmap ] || [ -u /bin/su ] || skip "cannot be had here: no setuid program"
	run in_host sh -c 'cp /bin/su /tmp/x 2>/dev/null; grep CapEff /proc/self/status; mount -t tmpfs x /mnt'
	[ "$status" -ne 0 ]
	contains "$output" "00000000800400fb"
}
