# ids: any
load ../lib/common

setup_file() { own_store; }
teardown_file() { drop_store; }
teardown() { [ "$TIFFIN_ROOT" = "$BATS_FILE_TMPDIR/store" ] || drop_store; }

digest_of() { # digest_of NAME TAG: of its manifest, as the registry says
	curl -fsSI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$REGISTRY/v2/$1/manifests/$2" |
		sed -n 's/\r$//; s/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}

@test "pull prints the image's ID last on stdout, and nothing else there" {
	run --separate-stderr tiffin pull "$BUSYBOX"
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
}

@test "the image's ID is the digest of its configuration" {
	want=$(curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$REGISTRY/v2/busybox/manifests/latest" | jq -r '.config.digest')
	same "sha256:$(tiffin pull -q "$BUSYBOX")" "$want"
}

@test "pulling again changes nothing and gives the same ID" {
	first=$(tiffin pull -q "$BUSYBOX")
	before=$(snapshot)
	same "$(tiffin pull -q "$BUSYBOX")" "$first"
	same "$(snapshot)" "$before"
}

@test "-q prints the ID alone" {
	run --separate-stderr tiffin pull -q "$BUSYBOX:1"
	matches "$output" '^[0-9a-f]{64}$'
	same "$stderr" ""
}

@test "with no terminal there are no control characters" {
	empty_store
	run --separate-stderr tiffin pull "$BUSYBOX"
	same "$status" 0
	lacks "$output$stderr" $'\e' $'\r'
}

@test "every form in which a registry has an image gives the same image" {
	want=$(tiffin pull -q "$REGISTRY/layers")
	for form in docker zstd plain index list; do
		same "$form $(tiffin pull -q "$REGISTRY/layers:$form")" "$form $want"
	done
}

@test "an image is pulled by digest" {
	digest=$(digest_of layers latest)
	matches "$digest" '^sha256:'
	same "$(tiffin pull -q "$REGISTRY/layers@$digest")" "$(tiffin pull -q "$REGISTRY/layers")"
}

@test "an index is pulled by digest" {
	digest=$(curl -fsSI -H 'Accept: application/vnd.oci.image.index.v1+json' \
		"http://$REGISTRY/v2/layers/manifests/index" |
		sed -n 's/\r$//; s/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p')
	same "$(tiffin pull -q "$REGISTRY/layers@$digest")" "$(tiffin pull -q "$REGISTRY/layers")"
}

@test "several references are pulled in one go" {
	empty_store
	run --separate-stderr tiffin pull -q "$BUSYBOX" "$REGISTRY/config"
	same "$status" 0
	same "${#lines[@]}" 2
	same "$(tiffin images -q | sort -u | wc -l)" 2
}

@test "an image with one layer twice is pulled" {
	run --separate-stderr tiffin pull -q "$REGISTRY/layers:twice"
	same "$status" 0
}

@test "a repository name may have several parts" {
	run --separate-stderr tiffin pull -q "$REGISTRY/team/tools/busybox:v1.0_x"
	same "$status" 0
}

@test "two pulls of one image at once both succeed" {
	empty_store
	tiffin pull -q "$REGISTRY/big" >"$BATS_TEST_TMPDIR/one" &
	tiffin pull -q "$REGISTRY/big" >"$BATS_TEST_TMPDIR/two"
	wait $!
	same "$(cat "$BATS_TEST_TMPDIR/one")" "$(cat "$BATS_TEST_TMPDIR/two")"
	matches "$(cat "$BATS_TEST_TMPDIR/one")" '^[0-9a-f]{64}$'
}

@test "a pull that is killed leaves no image, and the next one succeeds" {
	empty_store
	"$TIFFIN" pull -q "$REGISTRY/big" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	sleep 0.03
	kill -9 $!
	wait $! || :
	# Or all of it, if it was too late.
	[ -z "$(tiffin images -q)" ] || tiffin save -q -o /dev/null "$REGISTRY/big"
	run --separate-stderr tiffin pull -q "$REGISTRY/big"
	same "$status" 0
}

@test "nothing is left in tmp/ of the store" {
	nothing_staged
}

@test "the store is closed to others" {
	same "$(stat -c %a "$TIFFIN_ROOT")" 700
}

@test "pull --help says what it does" {
	run --separate-stderr tiffin pull --help
	same "$status" 0
	contains "$output" pull --quiet
}
