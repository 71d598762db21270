# ids: range
#
# export: owners and extended attributes, which it takes subordinate IDs to see.
load ../lib/common

setup_file() { own_store layers; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "owners, hardlinks and extended attributes are those of the container" {
	tiffin run --name one "$REGISTRY/layers" sh -c 'echo x >/mine; chown 1000:33 /mine'
	tiffin export one >"$BATS_TEST_TMPDIR/one.tar"
	got=$(tar --numeric-owner -tvf "$BATS_TEST_TMPDIR/one.tar" | tr -s ' ' | cut -d' ' -f1,2,6-)
	contains "$got" "-rw-r--r-- 1000/33 mine" "-rw------- 33/33 owners/www-data" "drwx------ 1000/1000 owners/app-dir/" \
		"-rwsr-xr-x 0/0 modes/setuid" "hrw-r----- 33/33 hard/b link to hard/a"
	python3 - "$BATS_TEST_TMPDIR/one.tar" <<-'END'
		import sys, tarfile
		tar = tarfile.open(sys.argv[1])
		assert tar.getmember("xattrs/user").pax_headers["SCHILY.xattr.user.tiffin"] == "a value"
		assert "SCHILY.xattr.security.capability" in tar.getmember("xattrs/capable").pax_headers
		assert not [m for m in tar for k in m.pax_headers if "overlay" in k]
	END
}
