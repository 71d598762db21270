# ids: any
# volume export and import.
load ../lib/common

LAYERS=$REGISTRY/layers

setup_file() { own_store busybox layers; }
teardown() {
	remove_containers
	tiffin volume rm -f --all >/dev/null 2>&1 || :
	is_empty "$TIFFIN_ROOT/volumes"
}
teardown_file() { drop_store; }

box() { tiffin run --rm --network none "$@"; }
listing() { box -v "$1:/x" "$BUSYBOX" sh -c 'cd /x; find . | sort | while read -r f; do
	if [ -L "$f" ]; then stat -c "%n %F" "$f"; readlink "$f"
	elif [ -d "$f" ]; then stat -c "%n %F %a %u:%g" "$f"; else stat -c "%n %F %a %u:%g %s %h %Y" "$f"; fi; done'; }

# An archive of entries that tarfile writes as they are told: NAME KIND [LINK].
archive() {
	python3 - "$@" <<'END'
import io, sys, tarfile
kinds = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
         "char": tarfile.CHRTYPE}
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT) as out:
    for line in sys.stdin if len(sys.argv) == 1 else sys.argv[1:]:
        name, kind, *link = line.split(" ")
        info = tarfile.TarInfo(name)
        info.type, info.mode = kinds[kind], 0o755 if kind == "dir" else 0o644
        info.linkname = link[0] if link else ""
        data = b"new\n" if kind == "file" else b""
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
END
}

@test "what is exported is imported as it was: owners, modes, links, attributes" {
	for place in owners hard modes special names xattrs; do
		box -v "from-$place:/$place" "$LAYERS" true
		tiffin volume export -o "$BATS_TEST_TMPDIR/tar" "from-$place"
		tiffin volume create "to-$place"
		tiffin volume import "to-$place" "$BATS_TEST_TMPDIR/tar"
		same "$(listing "to-$place")" "$(listing "from-$place")"
		# And by pipes, compressed.
		tiffin volume create "piped-$place"
		tiffin volume export "from-$place" | gzip | tiffin volume import "piped-$place" -
		same "$(listing "piped-$place")" "$(listing "from-$place")"
	done
	same "$(getfattr --only-values -n user.tiffin "$TIFFIN_ROOT/volumes/to-xattrs/_data/user")" "a value"
	same "$(tar -tvf <(tiffin volume export from-owners) --numeric-owner | awk '/www-data|app$/ { print $2, $6 }' | sort)" \
		$'1000/1000 app\n33/33 www-data'
}

@test "an import goes over what is there, and leaves the rest, the volume's own owner and the lock" {
	tiffin volume create v
	box -v v:/x "$BUSYBOX" sh -c 'echo old >/x/kept; echo old >/x/changed; mkdir /x/dir; echo old >/x/dir/kept; chmod 710 /x'
	archive "changed file" "dir/ dir" "dir/new file" ".wh.kept file" "dir/.wh..wh..opq file" | tiffin volume import v -
	same "$(box -v v:/x "$BUSYBOX" sh -c 'stat -c %a /x; cd /x; ls -A . dir; cat kept changed dir/kept')" \
		$'710\n.:\n.wh.kept\nchanged\ndir\nkept\n\ndir:\n.wh..wh..opq\nkept\nnew\nold\nnew\nold'
	# It is in use: the image's content does not come.
	tiffin volume create w
	archive "file file" | tiffin volume import w -
	same "$(box -v w:/data "$LAYERS" ls /data)" file
}

@test "a hostile archive stays in the volume" {
	mkdir "$BATS_TEST_TMPDIR/canary"
	echo secret >"$BATS_TEST_TMPDIR/canary/file"
	before=$(find "$BATS_TEST_TMPDIR/canary" -printf '%P %y %m %U:%G %s %i %T@\n')
	tiffin volume create v
	mark=$(find "$TIFFIN_ROOT/volumes/v" -maxdepth 1 ! -name _data ! -name v ! -name lock -printf '%P %i %T@\n' | sort)
	for entries in "../volume.json file" "../../v/volume.json file" "a/../../volume.json file"; do
		run tiffin volume import v - < <(archive "$entries")
		same "$status" 125
		contains "$output" "leads out"
	done
	for how in link hard; do
		for to in "$BATS_TEST_TMPDIR/canary" "../../../../../../../../../..$BATS_TEST_TMPDIR/canary" ..; do
			run tiffin volume import v - < <(archive "out-$how $how $to" "out-$how/file file" "out-$how/volume.json file")
		done
	done
	archive "dev char" "/absolute file" | tiffin volume import v -
	test -f "$TIFFIN_ROOT/volumes/v/_data/absolute"
	test ! -e "$TIFFIN_ROOT/volumes/v/_data/dev"
	same "$(find "$BATS_TEST_TMPDIR/canary" -printf '%P %y %m %U:%G %s %i %T@\n')" "$before"
	test "$(wc -c <"$TIFFIN_ROOT/volumes/v/volume.json")" -gt 20
	lacks "$(find "$TIFFIN_ROOT/volumes/v" -maxdepth 1 -printf '%P %i %T@\n')" canary
	contains "$mark" volume.json
}

@test "a symlink that a container has left leads an import nowhere else" {
	mkdir "$BATS_TEST_TMPDIR/canary"
	box -v v:/x "$BUSYBOX" sh -c "ln -s '$BATS_TEST_TMPDIR/canary' /x/dir; ln -s '$BATS_TEST_TMPDIR/canary/file' /x/file"
	archive "dir/new file" "file file" | tiffin volume import v - || :
	is_empty "$BATS_TEST_TMPDIR/canary"
}

@test "what is no archive, and what is not there" {
	tiffin volume create v
	fails 125 volume import v /no/such
	same "$error" "Error: open /no/such: no such file or directory"
	fails 125 volume import nope /dev/null
	same "$error" 'Error: no volume with name "nope" found: no such volume'
	fails 125 volume export nope
	fails 125 volume export -o /no/such/dir/file v
	run tiffin volume import v - <<<"no archive"
	same "$status" 125
	contains "$output" "cannot import: "
	tiffin volume export v | tar -tf - >/dev/null
}

@test "volume mount says where it is, in a session" {
	tiffin volume create v
	fails 125 volume mount v
	contains "$error" "must execute 'tiffin unshare' first"
	same "$(tiffin unshare "$TIFFIN" volume mount v)" "$TIFFIN_ROOT/volumes/v/_data"
	same "$(tiffin volume unmount v)" v
	fails 125 volume unmount nope
}
