# ids: single
#
# Images whose files belong to many, where one ID is mapped: unpacked, seen, exported, saved, committed
# with their owners.
load ../lib/common

setup_file() { own_store layers; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

LAYERS=$REGISTRY/layers

owners_in() { # owners_in ARCHIVE: "mode uid/gid path", of what is not root's
	tar --numeric-owner -tvf "$1" | tr -s ' ' | cut -d' ' -f1,2,6- | grep -v ' 0/0 '
}

# shellcheck disable=SC2016
OF_THE_IMAGE='lrwxrwxrwx 1000/1000 data/dangling -> /no/such/file
-rw-r----- 33/33 hard/a
hrw-r----- 33/33 hard/b link to hard/a
hrw-r----- 33/33 hard/other/c link to hard/a
drwxr-xr-x 1000/1000 home/app/
-rwxr-sr-x 0/33 modes/setgid
drwxrwsr-x 0/33 modes/sgid-dir/
-rw-r--r-- 1000/1000 owners/app
drwx------ 1000/1000 owners/app-dir/
-rw-r--r-- 65534/65534 owners/last
-rw-r--r-- 1000/33 owners/mixed
-rw------- 33/33 owners/www-data'

@test "a container sees the owners that the image's files have" {
	same "$(tiffin run --rm --network none "$LAYERS" stat -c '%u:%g %a %n' /hard/a /hard/other/c /home/app /modes/setgid \
			/owners/last /owners/mixed /data/dangling /owners/root)" \
		'33:33 640 /hard/a
33:33 640 /hard/other/c
1000:1000 755 /home/app
0:33 2755 /modes/setgid
65534:65534 644 /owners/last
1000:33 644 /owners/mixed
1000:1000 777 /data/dangling
0:0 644 /owners/root'
}

@test "export writes them, and nothing of how they are kept" {
	tiffin run --network none --name one "$LAYERS" true
	tiffin export one >"$BATS_TEST_TMPDIR/one.tar"
	same "$(owners_in "$BATS_TEST_TMPDIR/one.tar")" "$OF_THE_IMAGE"
	lacks "$(strings -n 8 "$BATS_TEST_TMPDIR/one.tar")" rootlesscontainers
}

@test "what a container gives away, files, directories, symlinks and FIFOs, is exported so, and kept by a start" {
	tiffin run --network none --name one "$LAYERS" sh -c 'mkdir /new; touch /new/f /new/mine; ln -s f /new/l
		mkfifo /new/p; chown 7:8 /new /new/f; chown -h 5:6 /new/l /new/p /data/dangling; chown 0:0 /owners/mixed; exec true'
	want=$(sed -e '/mixed/d' -e '/dangling/s/1000.1000/5\/6/' <<<"$OF_THE_IMAGE"; printf '%s\n' 'drwxr-xr-x 7/8 new/' '-rw-r--r-- 7/8 new/f' 'lrwxrwxrwx 5/6 new/l -> f' 'prw-r--r-- 5/6 new/p')
	tiffin export one >"$BATS_TEST_TMPDIR/one.tar"
	same "$(owners_in "$BATS_TEST_TMPDIR/one.tar" | sort -k 3)" "$(sort -k 3 <<<"$want")"
	tiffin commit -q one "$REGISTRY/given"
	same "$(tiffin run --rm --network none "$REGISTRY/given" stat -c '%u:%g' /new /new/f /new/mine /new/l /new/p /data/dangling /owners/mixed)" \
		$'7:8\n7:8\n0:0\n5:6\n5:6\n5:6\n0:0'
}

@test "save, and load elsewhere, keep them, those of a committed layer as well" {
	tiffin run --network none --name one "$LAYERS" sh -c 'touch /f; ln -s f /l; chown 7:8 /f; chown -h 5:6 /l'
	tiffin commit -q one "$REGISTRY/given"
	tiffin save -o "$BATS_TEST_TMPDIR/given.tar" "$REGISTRY/given"
	empty_store
	tiffin load -q -i "$BATS_TEST_TMPDIR/given.tar"
	tiffin run --network none --name two "$REGISTRY/given" true
	tiffin export two >"$BATS_TEST_TMPDIR/two.tar"
	same "$(owners_in "$BATS_TEST_TMPDIR/two.tar" | sort -k 3)" \
		"$(printf '%s\n' "$OF_THE_IMAGE" '-rw-r--r-- 7/8 f' 'lrwxrwxrwx 5/6 l -> f' | sort -k 3)"
	drop_store
}

@test "a layer can't say how we keep owners" {
	cat >"$BATS_TEST_TMPDIR/make.py" <<-'END'
		import sys, tarfile, io
		with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
		    e = tarfile.TarInfo("f"); e.uid = 3
		    e.pax_headers = {"SCHILY.xattr.user.rootlesscontainers": "\x08\x21\x10\x21", "SCHILY.xattr.user.other": "kept"}
		    tar.addfile(e)
	END
	python3 "$BATS_TEST_TMPDIR/make.py" "$BATS_TEST_TMPDIR/x.tar"
	tiffin import "$BATS_TEST_TMPDIR/x.tar" "$REGISTRY/lie" >/dev/null
	tiffin create --name lie "$REGISTRY/lie" /none >/dev/null
	tiffin export lie >"$BATS_TEST_TMPDIR/out.tar"
	contains "$(tar --numeric-owner --xattrs --xattrs-include='*' -tvvf "$BATS_TEST_TMPDIR/out.tar")" "3/0" "user.other"
}
