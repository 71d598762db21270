# ids: any
#
# What bad input and bad surroundings get: one line that names the thing and the cause, a hint where
# the surroundings are at fault, status 125, and the store as it was.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { [ "$TIFFIN_ROOT" = "$BATS_FILE_TMPDIR/store" ] || drop_store; }
teardown_file() { drop_store; }

# fails, with the store's images and layers unchanged
fails_unchanged() {
	local before
	before=$(snapshot)
	fails "$@"
	same "$(snapshot)" "$before"
}

@test "an unknown image" {
	fails_unchanged 125 pull "$REGISTRY/no-such-image"
	contains "$error" "$REGISTRY/no-such-image"
	matches "$error" 'unknown|not found|not known'
	same "$hint" ""
	fails_unchanged 125 run --rm "$REGISTRY/no-such-image" true
	contains "$error" "$REGISTRY/no-such-image"
}

@test "an unknown tag" {
	fails_unchanged 125 pull "$BUSYBOX:no-such-tag"
	contains "$error" "$BUSYBOX:no-such-tag"
}

@test "an unknown digest" {
	fails_unchanged 125 pull "$BUSYBOX@sha256:$(printf '0%.0s' {1..64})"
	contains "$error" sha256:0000
}

@test "no image for this platform" {
	fails_unchanged 125 pull "$REGISTRY/layers:foreign"
	contains "$error" "layers:foreign" "linux/"
}

@test "a registry that is down" {
	fails_unchanged 125 pull localhost:1/busybox
	contains "$error" localhost:1 "onnection refused"
	[ -n "$hint" ]
	fails_unchanged 125 run --rm localhost:1/busybox true
	[ -n "$hint" ]
}

@test "a registry whose name is unknown" {
	fails_unchanged 125 pull no-such-host.invalid/busybox
	contains "$error" no-such-host.invalid
	[ -n "$hint" ]
}

@test "a reference that is none" {
	for reference in x/UPPER "a b" "x@sha256:abc" "-x/y" "x:" "x:/y" ":tag" "x//y" "https://x/y"; do
		run --separate-stderr tiffin pull -- "$reference"
		same "$reference: $status" "$reference: 125"
		contains "$stderr" "Error: "
	done
	fails_unchanged 125 pull x/UPPER
	contains "$error" "invalid reference format"
	same "$hint" ""
}

@test "an unknown command, with the nearest one" {
	fails 125 imagse
	contains "$error" imagse
	contains "$stderr" images
}

@test "no command at all" {
	run tiffin
	contains "$output" pull run images
	run tiffin --help
	same "$status" 0
	contains "$output" pull run images
}

@test "--version" {
	run tiffin --version
	same "$status" 0
	matches "$output" '[0-9]+\.[0-9]+'
}

@test "text of a stranger is escaped" {
	run --separate-stderr tiffin pull $'localhost:1/bus\e[31mybox'
	same "$status" 125
	lacks "$stderr" $'\e'
}

@test "a full disk: pull fails, the store is as before, and room makes it work" {
	if [ -z "$TIFFIN_TEST_SMALL" ]; then
		skip "root must set up a small disk"
	fi
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/store
	tiffin pull -q "$BUSYBOX"
	fails_unchanged 125 pull "$REGISTRY/big"
	contains "$error" "$REGISTRY/big" "No space left on device"
	[ -n "$hint" ]
	lacks "$(tiffin images)" big
	same "$(tiffin run --rm "$BUSYBOX" echo still)" still
}

@test "a full disk: rm and rmi work with no byte free" {
	if [ -z "$TIFFIN_TEST_SMALL" ]; then
		skip "root must set up a small disk"
	fi
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/store
	tiffin pull -q "$BUSYBOX"
	tiffin run --name ended "$BUSYBOX" true
	cat /dev/zero >"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	same "$(tiffin rm ended)" ended
	run tiffin rmi "$BUSYBOX"
	same "$status" 0
	rm "$TIFFIN_TEST_SMALL/filler"
	same "$(tiffin images -q)" ""
}

@test "on a full disk, what is there is pulled again" {
	if [ -z "$TIFFIN_TEST_SMALL" ]; then
		skip "cannot be had here: a small disk, which takes root to mount"
	fi
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/store
	id=$(tiffin pull -q "$BUSYBOX")
	cat /dev/zero >"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	run --separate-stderr tiffin pull -q "$BUSYBOX"
	rm "$TIFFIN_TEST_SMALL/filler"
	same "$status $output" "0 $id"
	drop_store
}

@test "a full disk: run says so" {
	if [ -z "$TIFFIN_TEST_SMALL" ]; then
		skip "root must set up a small disk"
	fi
	export TIFFIN_ROOT=$TIFFIN_TEST_SMALL/store
	tiffin pull -q "$BUSYBOX"
	cat /dev/zero >"$TIFFIN_TEST_SMALL/filler" 2>/dev/null || :
	run --separate-stderr tiffin run --rm "$BUSYBOX" true
	rm "$TIFFIN_TEST_SMALL/filler"
	failed_with 125
	contains "$error" "No space left on device"
	[ -n "$hint" ]
	same "$(tiffin ps -aq)" ""
}

# In a user namespace of its own whose limit is set to 0: the machine's stays as it is.
without_namespaces() {
	unshare --user --map-user="$(id -u)" --map-group="$(id -g)" --keep-caps sh -c '
		echo 0 >/proc/sys/user/max_user_namespaces &&
		exec setpriv --ambient-caps=-all --inh-caps=-all "$@"' sh "$TIFFIN" "$@" 3>&- 4>&-
}

@test "no user namespaces" {
	# That what is tested is so.
	run unshare --user --map-user="$(id -u)" --map-group="$(id -g)" --keep-caps sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces; unshare -U true'
	contains "$output" "No space left on device"
	before=$(snapshot)
	run --separate-stderr without_namespaces run --rm "$BUSYBOX" true
	failed_with 125
	contains "$error" namespace
	contains "$hint" max_user_namespaces
	same "$(snapshot)" "$before"
	run --separate-stderr without_namespaces pull "$REGISTRY/config"
	failed_with 125
	contains "$hint" max_user_namespaces
	same "$(snapshot)" "$before"
}

@test "a store that can't be written" {
	mkdir -m 500 "$BATS_TEST_TMPDIR/closed"
	run --separate-stderr tiffin --root "$BATS_TEST_TMPDIR/closed/store" pull "$BUSYBOX"
	failed_with 125
	contains "$error" "$BATS_TEST_TMPDIR/closed" "Permission denied"
	chmod 700 "$BATS_TEST_TMPDIR/closed"
}

@test "stdout that is full is an error" {
	[ -e /dev/full ] || skip "there is no /dev/full"
	run --separate-stderr bash -c '"$TIFFIN" images >/dev/full'
	[ "$status" -ne 0 ]
}
