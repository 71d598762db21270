# ids: any
#
# export: a container's file system, running or not, becomes a tar archive.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

listing() { # listing ARCHIVE: what is in it
	python3 - "$1" <<-'END'
		import sys, tarfile
		for m in sorted(tarfile.open(sys.argv[1]), key=lambda m: m.name):
		    kind = {b"0": "file", b"1": "link", b"2": "symlink", b"5": "dir", b"6": "fifo"}[m.type]
		    print(m.name, kind, oct(m.mode), m.uid, m.gid, m.linkname, sep="|")
	END
}

change='cd /
	echo new >added; rm -r modes; echo more >>hard/a; mkdir -p made/in; ln added made/linked
	mkfifo made/fifo; ln -s /added made/symlink; rm -r data/kept; mkdir data/kept; touch -d @1000000000 added
	chmod 4711 made/in; chmod 0 late/added'

@test "a container that ran is exported as it is: what was added, changed and removed" {
	tiffin run --name one "$REGISTRY/layers" sh -c "$change"
	tiffin export -o "$BATS_TEST_TMPDIR/one.tar" one
	got=$(listing "$BATS_TEST_TMPDIR/one.tar")
	contains "$got" "added|file|0o644|0|0|" "made/linked|link|0o644|0|0|added" "made/fifo|fifo|" \
		"made/symlink|symlink|0o777|0|0|/added" "made/in|dir|0o4711|0|0|" "data/kept|dir|" "late/added|file|0o0|"
	lacks "$got" modes .wh.
	same "$(tar -xOf "$BATS_TEST_TMPDIR/one.tar" added)" new
	contains "$(tar -xOf "$BATS_TEST_TMPDIR/one.tar" hard/a)" linked more
	same "$(tar --full-time -tvf "$BATS_TEST_TMPDIR/one.tar" added | tr -s ' ' | cut -d' ' -f4)" 2001-09-09
}

@test "standard output is written to, and the archive imports and runs" {
	tiffin run --name two "$BUSYBOX" sh -c 'echo here >/file'
	tiffin export two | tiffin import -c 'CMD cat /file' - again >/dev/null
	same "$(tiffin run --rm localhost/again)" here
	tiffin rmi localhost/again >/dev/null
}

@test "a container that runs is exported, without its mounts" {
	echo outside >"$BATS_TEST_TMPDIR/secret"
	tiffin run -d --name three -v "$BATS_TEST_TMPDIR:/mnt" "$BUSYBOX" \
		sh -c 'echo hello >/running; echo tmp >/dev/shm/x; touch /ready; sleep 1000' >/dev/null
	wait_for tiffin exec three test -e /ready
	tiffin export three >"$BATS_TEST_TMPDIR/three.tar"
	same "$(tar -xOf "$BATS_TEST_TMPDIR/three.tar" running)" hello
	lacks "$(tar -tf "$BATS_TEST_TMPDIR/three.tar")" secret dev/shm/x proc/1
	same "$(tiffin exec three cat /running)" hello
	tiffin exec three sh -c 'echo still >/writable && cat /writable'
}

@test "what a container makes of its own links and names leads nowhere else" {
	ln -s /etc "$BATS_TEST_TMPDIR/canary"
	tiffin run -d --name four "$BUSYBOX" sh -c 'mkdir -p /a/b /swap; echo in >/a/b/f; ln -s /etc/passwd /link
		ln -s ../../../../../../etc /up; touch /ready
		while :; do mv /a/b /swap/d; ln -s /../../../../etc /a/b; rm /a/b; mv /swap/d /a/b; done' >/dev/null
	wait_for tiffin exec four test -e /ready
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		tiffin export four >"$BATS_TEST_TMPDIR/four.tar"
		lacks "$(tar -tf "$BATS_TEST_TMPDIR/four.tar")" a/b/passwd up/passwd
		contains "$(listing "$BATS_TEST_TMPDIR/four.tar")" "link|symlink|0o777|0|0|/etc/passwd"
	done
}

@test "the same container is the same archive" {
	tiffin create --name five "$REGISTRY/layers" true >/dev/null
	same "$(tiffin export five | sha256sum)" "$(tiffin export five | sha256sum)"
}

@test "names of any bytes and lengths come through" {
	tiffin run --name six "$BUSYBOX" sh -c 'mkdir -p "/$(printf "%0200d" 1)/$(printf "%0200d" 2)"
		echo x >"/$(printf "%0200d" 1)/$(printf "%0200d" 2)/grün"; echo y >"/$(printf "new\nline")"; ln -s "$(printf "%0150d" 3)" /long'
	tiffin export six | tiffin import - six >/dev/null
	same "$(tiffin run --rm localhost/six sh -c 'cat /0*1/0*2/gr*n; cat /new*; readlink /long')" \
		"$(printf 'x\ny\n%0150d' 3)"
	tiffin rmi localhost/six >/dev/null
}

@test "a terminal is not written to" {
	tiffin create --name seven "$BUSYBOX" >/dev/null
	run python3 "$LIB/terminal.py" -- "$TIFFIN" export seven 3>&- 4>&-
	same "$status" 125
	contains "$output" "refusing to export to terminal. Use -o flag or redirect"
}

@test "what can't be written leaves nothing, and who is not there is an error" {
	tiffin create --name eight "$BUSYBOX" >/dev/null
	fails 125 export -o "$BATS_TEST_TMPDIR/no/such/dir.tar" eight
	fails 125 export -o "$BATS_TEST_TMPDIR/x.tar" nobody
	contains "$error" 'no container with name or ID "nobody" found: no such container'
	same "$(find "$BATS_TEST_TMPDIR" -name "*.tar*")" ""
	run bash -c "'$TIFFIN' export eight >/dev/full"
	same "$status" 125
	contains "$output" "No space left on device"
}
