# ids: any
#
# suite.sh ran `make install PREFIX=…`, and TIFFIN is what that made.
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }

@test "the binaries are in bin and in libexec/tiffin" {
	prefix=${TIFFIN%/bin/tiffin}
	same "$(cd "$prefix" && find . -type f | sort)" "./bin/tiffin
./libexec/tiffin/libglib-2.0.so.0
./libexec/tiffin/tiffin-image
./libexec/tiffin/tiffin-init
./libexec/tiffin/tiffin-net"
}

@test "they work from any prefix, found relative to the binary" {
	prefix=$BATS_TEST_TMPDIR/"a prefix"
	cp -R "${TIFFIN%/bin/tiffin}" "$prefix"
	TIFFIN="$prefix/bin/tiffin"
	same "$(tiffin run --rm "$BUSYBOX" echo moved)" moved
	matches "$(tiffin pull -q "$BUSYBOX")" '^[0-9a-f]{64}$'
}

@test "they work through a symlink" {
	ln -s "$TIFFIN" "$BATS_TEST_TMPDIR/link"
	TIFFIN="$BATS_TEST_TMPDIR/link"
	matches "$(tiffin pull -q "$BUSYBOX")" '^[0-9a-f]{64}$'
	same "$(tiffin run --rm "$BUSYBOX" echo linked)" linked
}

@test "without its helpers tiffin says which is missing" {
	mkdir -p "$BATS_TEST_TMPDIR/alone/bin"
	cp "$TIFFIN" "$BATS_TEST_TMPDIR/alone/bin/"
	TIFFIN="$BATS_TEST_TMPDIR/alone/bin/tiffin" run --separate-stderr tiffin pull "$BUSYBOX"
	failed_with 125
	contains "$error" tiffin-image
}

@test "none of them is setuid or has capabilities" {
	same "$(find "${TIFFIN%/bin/tiffin}" -perm /6000)" ""
	same "$(getcap -r "${TIFFIN%/bin/tiffin}")" ""
}

@test "tiffin-net has a GLib of its own, in which nothing is missing that libslirp calls" {
	helper=${TIFFIN%/bin/tiffin}/libexec/tiffin/tiffin-net
	matches "$(ldd "$helper")" "libglib-2.0.so.0 => ${helper%/*}/libglib-2.0.so.0"
	run env LD_BIND_NOW=1 "$helper" 3>&- 4>&-
	same "$output" "tiffin-net is started by tiffin, not by hand."
}

@test "libslirp receives by tiffin-net's recv, a window at a time" {
	helper=${TIFFIN%/bin/tiffin}/libexec/tiffin/tiffin-net
	run env LD_DEBUG=bindings LD_BIND_NOW=1 "$helper" 3>&- 4>&-
	grep -q "file [^ ]*/libslirp[^ ]* .* to [^ ]*/tiffin-net .* symbol .recv'" <<<"$output"
}

@test "tiffin-net does with the system's GLib where its own is missing" {
	prefix=$BATS_TEST_TMPDIR/prefix
	cp -R "${TIFFIN%/bin/tiffin}" "$prefix"
	rm "$prefix/libexec/tiffin/libglib-2.0.so.0"
	run "$prefix/libexec/tiffin/tiffin-net" 3>&- 4>&-
	same "$output" "tiffin-net is started by tiffin, not by hand."
}
