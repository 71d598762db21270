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
	nothing_staged
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
	nothing_staged
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
	# Nor does the leak checker work there.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		strace -qq -f -e trace=symlinkat -e inject=symlinkat:signal=KILL:when=3 -o "$BATS_TEST_TMPDIR/trace" \
		"$TIFFIN" start killed 3>&- 4>&- || :
	grep -q SIGKILL "$BATS_TEST_TMPDIR/trace"
	root=$(tiffin inspect --format '{{.GraphDriver.Data.MergedDir}}' killed)
	[ ! -e "$root" ]
	run ! is_empty "$TIFFIN_ROOT/tmp"
	copying start -a killed
	[ -e "$root" ]
	tiffin container cleanup -a
	nothing_staged
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

# An archive of an image of so many layers: each adds a file, and takes the one before the last away.
many_layers() { # many_layers NUMBER FILE
	python3 - "$1" "$2" "$(command -v busybox)" <<'END'
import hashlib, io, json, sys, tarfile

def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            t.addfile(entry, io.BytesIO(data))
    return out.getvalue()

shell = open(sys.argv[3], "rb").read()
layers = [tar_of([("bin/sh", shell, 0o755)])]
for i in range(1, int(sys.argv[1])):
    layers.append(tar_of([("d/f%d" % i, b"x", 0o644)] + ([("d/.wh.f%d" % (i - 2), b"", 0o644)] if i > 2 else [])))
diff_ids = ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                     "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = [{"Config": name, "RepoTags": ["localhost/many:latest"],
             "Layers": ["%d/layer.tar" % i for i in range(len(layers))]}]
with open(sys.argv[2], "wb") as f:
    f.write(tar_of([("manifest.json", json.dumps(manifest).encode(), 0o644), (name, config, 0o644)] +
                   [("%d/layer.tar" % i, l, 0o644) for i, l in enumerate(layers)]))
END
}

@test "as many layers as the kernel takes, and more as copies" {
	many_layers 499 "$BATS_TEST_TMPDIR/many.tar"
	tiffin load -q -i "$BATS_TEST_TMPDIR/many.tar"
	tiffin run --name many localhost/many sh -c 'echo /d/*; cd /; pwd' >"$BATS_TEST_TMPDIR/out"
	same "$(cat "$BATS_TEST_TMPDIR/out")" $'/d/f497 /d/f498\n/'
	tiffin export many | tar -tf - | grep -x 'd/f498'
	same "$(copying run --rm localhost/many sh -c 'echo /d/*')" "/d/f497 /d/f498"
	tiffin rm many
	many_layers 500 "$BATS_TEST_TMPDIR/many.tar"
	tiffin load -q -i "$BATS_TEST_TMPDIR/many.tar"
	fails 125 run --rm localhost/many true
	contains "$error" "too many layers (500)"
	contains "$hint" "--storage-driver copy"
	same "$(copying run --rm localhost/many sh -c 'echo /d/*')" "/d/f498 /d/f499"
	tiffin rmi -f localhost/many
}

# A store elsewhere: what containers see, do and leave there is what they do on the file system of a home.
works_on() { # works_on DIRECTORY DRIVER
	drop_other() { remove_tree "$other"; }
	other=$1/store
	same "$(TIFFIN_ROOT=$other tiffin run --rm "$REGISTRY/layers" sh -c 'ls -A /data /data/opaque /data/opaque-late' 2>/dev/null)" \
		"$(tiffin run --rm "$REGISTRY/layers" sh -c 'ls -A /data /data/opaque /data/opaque-late')"
	same "$(TIFFIN_ROOT=$other tiffin info --format '{{.Store.GraphDriverName}}')" "$2"
	TIFFIN_ROOT=$other tiffin run --name one "$REGISTRY/layers" sh -c 'rm -r /data; mkdir /data; echo x >/data/x; rm -f /linuxrc'
	same "$(TIFFIN_ROOT=$other tiffin start -a one 2>&1; TIFFIN_ROOT=$other tiffin diff one | grep -c '^D /data/')" 13
	TIFFIN_ROOT=$other tiffin diff one | grep -qx 'A /data/x'
	same "$(TIFFIN_ROOT=$other tiffin image diff "$REGISTRY/layers")" "$(tiffin image diff "$REGISTRY/layers")"
	TIFFIN_ROOT=$other tiffin commit -q one localhost/made
	same "$(TIFFIN_ROOT=$other tiffin run --rm localhost/made ls /data)" x
	TIFFIN_ROOT=$other tiffin save -o "$BATS_TEST_TMPDIR/saved.tar" "$REGISTRY/layers"
	TIFFIN_ROOT=$other nothing_staged
	run tiffin --root "$other" system check
	same "$status $output" "0 "
	tiffin --root "$other" system reset -f
	[ ! -e "$other" ]
}

has() { # has VARIABLE WHAT: a directory on such a file system
	[ -n "$1" ] || skip "cannot be had here: $2"
}

@test "on ext4 without types in directories" {
	has "$TIFFIN_TEST_NO_TYPES" "loop devices are root's"
	works_on "$TIFFIN_TEST_NO_TYPES" copy
}

@test "on a file system without extended attributes" {
	has "$TIFFIN_TEST_NO_XATTRS" "ramfs is root's to mount"
	works_on "$TIFFIN_TEST_NO_XATTRS" copy
}

@test "on XFS, where copies share their blocks" {
	has "$TIFFIN_TEST_XFS" "loop devices are root's"
	works_on "$TIFFIN_TEST_XFS" overlay
	export TIFFIN_ROOT=$TIFFIN_TEST_XFS/store
	dd if=/dev/urandom of="$BATS_TEST_TMPDIR/big" bs=1M count=60 status=none
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/sh"
	tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/big.tar" big sh
	id=$(tiffin import "$BATS_TEST_TMPDIR/big.tar" 2>/dev/null)
	before=$(stat -f -c %f "$TIFFIN_TEST_XFS")
	for i in 1 2 3 4; do
		copying run "$id" /sh -c 'echo x >/x'
	done
	sync -f "$TIFFIN_ROOT"
	[ $(((before - $(stat -f -c %f "$TIFFIN_TEST_XFS")) * $(stat -f -c %S "$TIFFIN_TEST_XFS"))) -lt 30000000 ]
	tiffin system reset -f
}
