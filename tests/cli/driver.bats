# ids: any
#
# How containers get their files: by overlayfs, or as copies where that can't write.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

copying() { # copying COMMAND…: with the copy driver
	tiffin --storage-driver copy "$@"
}

# All that a container sees of the image's files: kinds, modes, owners, sizes, times, links, contents.
seen() { # seen DRIVER
	tiffin --storage-driver "$1" run --rm "$REGISTRY/layers" sh -c '
		for d in bin data deep etc hard home late modes names owners root sbin special usr var xattrs; do
			find /$d ! -path "/etc/host*" ! -name resolv.conf | sort | while IFS= read -r f; do
				links=
				[ -d "$f" ] || links=$(stat -c %h "$f")
				echo "$(stat -c "%n %F %a %u:%g %Y" "$f") $links"
				if [ -L "$f" ]; then readlink "$f"; elif [ -f "$f" ]; then md5sum <"$f"; fi
			done
		done'
}

@test "the store's driver is tried once, and remembered" {
	tiffin run --rm "$BUSYBOX" true
	same "$(tiffin info --format '{{.Store.GraphDriverName}}')" overlay
	same "$(readlink "$TIFFIN_ROOT/driver")" overlay
	same "$(tiffin inspect --format '{{.GraphDriver.Name}}' "$BUSYBOX")" overlay
	rm "$TIFFIN_ROOT/driver"
	same "$(tiffin info --format '{{.Store.GraphDriverName}}')" overlay
	same "$(readlink "$TIFFIN_ROOT/driver")" overlay
	is_empty "$TIFFIN_ROOT/tmp"
}

@test "an option or the environment names another, for what is new" {
	copying create --name copied "$BUSYBOX" sh -c 'echo run >>/count; wc -l </count'
	TIFFIN_STORAGE_DRIVER=copy tiffin create --name too "$BUSYBOX" true
	tiffin create --name laid "$BUSYBOX" true
	same "$(tiffin inspect --format '{{.Driver}} {{.GraphDriver.Name}}' copied too laid)" \
		$'copy copy\ncopy copy\noverlay overlay'
	same "$(readlink "$TIFFIN_ROOT/driver")" overlay
	same "$(tiffin start -a copied)" 1
	same "$(tiffin --storage-driver overlay start -a copied)" 2
	[ -e "$(tiffin inspect --format '{{.GraphDriver.Data.MergedDir}}' copied)/count" ]
	same "$(copying start -a laid)" ""
	fails 125 --storage-driver vfs create "$BUSYBOX"
	same "$error" "Error: there is no storage driver 'vfs': they are overlay and copy"
	TIFFIN_STORAGE_DRIVER=zfs fails 125 create "$BUSYBOX"
	contains "$error" "no storage driver 'zfs'"
}

@test "a copy has what an overlay shows" {
	same "$(seen copy)" "$(seen overlay)"
}

@test "hard links are links, and holes are holes" {
	mkdir -p "$BATS_TEST_TMPDIR/tree/a"
	truncate -s 64M "$BATS_TEST_TMPDIR/tree/a/sparse"
	printf x | dd of="$BATS_TEST_TMPDIR/tree/a/sparse" bs=1 seek=40000000 conv=notrunc status=none
	ln "$BATS_TEST_TMPDIR/tree/a/sparse" "$BATS_TEST_TMPDIR/tree/second"
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/tree/sh"
	tar -C "$BATS_TEST_TMPDIR/tree" --sparse -cf "$BATS_TEST_TMPDIR/tree.tar" .
	id=$(tiffin import "$BATS_TEST_TMPDIR/tree.tar" 2>/dev/null)
	copying run --name sparse "$id" /sh -c 'echo runs'
	root=$(tiffin inspect --format '{{.GraphDriver.Data.MergedDir}}' sparse)
	same "$(stat -c '%h %i' "$root/second")" "$(stat -c '2 %i' "$root/a/sparse")"
	same "$(stat -c %s "$root/second")" 67108864
	[ "$(stat -c %b "$root/second")" -lt 2048 ]
	same "$(dd if="$root/second" bs=1 skip=40000000 count=1 status=none)" x
}

@test "a copy is the container's own" {
	copying run --name one "$BUSYBOX" sh -c 'echo changed >/etc/passwd; rm -r /home; mkdir -m 0 /closed'
	copying run --rm "$BUSYBOX" sh -c 'grep -q root /etc/passwd && test -d /home && ! test -e /closed'
	same "$(tiffin inspect -s --format '{{.SizeRw}}' one)" 8
	tiffin export one | tar -tf - >"$BATS_TEST_TMPDIR/list"
	grep -qx closed/ "$BATS_TEST_TMPDIR/list"
	run ! grep -q '^home/' "$BATS_TEST_TMPDIR/list"
	tiffin rm one
	is_empty "$TIFFIN_ROOT/tmp"
	is_empty "$TIFFIN_ROOT/containers"
}

@test "what was never started can be exported" {
	copying create --name fresh "$REGISTRY/layers"
	tiffin export fresh | tar -tf - | grep -qx data/kept
	copying create --name again "$REGISTRY/layers" true
	same "$(tiffin inspect -s --format '{{.SizeRw}}' again)" 0
}

@test "a copy that was not finished is swept, and made anew" {
	# newuidmap has no privileges under strace.
	copying create -q --userns single --name killed "$REGISTRY/layers" true
	strace -qq -f -e trace=symlinkat -e inject=symlinkat:signal=KILL:when=3 -o "$BATS_TEST_TMPDIR/trace" \
		"$TIFFIN" start killed 3>&- 4>&- || :
	grep -q SIGKILL "$BATS_TEST_TMPDIR/trace"
	root=$(tiffin inspect --format '{{.GraphDriver.Data.MergedDir}}' killed)
	[ ! -e "$root" ]
	run ! is_empty "$TIFFIN_ROOT/tmp"
	copying start -a killed
	[ -e "$root" ]
	tiffin container cleanup -a
	is_empty "$TIFFIN_ROOT/tmp"
}

@test "what has changed in a copy is what has changed in an overlay" {
	for driver in copy overlay; do
		tiffin --storage-driver $driver run --name changed-$driver "$REGISTRY/layers" sh -c 'cd /
			echo new >added; rm -r modes; echo more >>etc/passwd; mkdir -p made/in; chmod 700 data/kept
			rm -r owners; mkdir owners; echo x >owners/x; rm -r data/opaque; echo file >data/opaque; rm linuxrc'
		tiffin diff changed-$driver | LC_ALL=C sort >"$BATS_TEST_TMPDIR/$driver"
	done
	grep -qx 'A /owners/x' "$BATS_TEST_TMPDIR/copy"
	same "$(cat "$BATS_TEST_TMPDIR/copy")" "$(cat "$BATS_TEST_TMPDIR/overlay")"
	same "$(tiffin diff changed-copy changed-overlay | grep -v '^C /\(etc\|owners\|added\|data\|made\)')" ""
}
