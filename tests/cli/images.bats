# ids: any
load ../lib/common

setup_file() { own_store busybox busybox:1 layers; }
teardown_file() { drop_store; }

@test "images has docker's columns" {
	run --separate-stderr tiffin images
	same "$status" 0
	same "$(tr -s ' ' <<<"${lines[0]}" | sed 's/ *$//')" "REPOSITORY TAG IMAGE ID CREATED SIZE"
	same "${#lines[@]}" 4
}

@test "a row has repository, tag, a 12-digit ID, age and size" {
	row=$(tiffin images --noheading | grep -E 'layers +latest')
	matches "$row" "^$REGISTRY/layers +latest +[0-9a-f]{12} +[0-9]+ years ago +[0-9.]+ ?[kM]?B *$"
}

@test "two names of one image have one ID" {
	run tiffin images --noheading
	same "$(grep busybox <<<"$output" | awk '{ print $3 }' | sort -u | wc -l)" 1
	same "$(grep -c busybox <<<"$output")" 2
}

@test "--noheading leaves the headings out" {
	lacks "$(tiffin images --noheading)" REPOSITORY
}

@test "-q prints IDs alone" {
	run --separate-stderr tiffin images -q
	same "$status" 0
	for line in "${lines[@]}"; do
		matches "$line" '^[0-9a-f]{12}$'
	done
	same "$(sort -u <<<"$output" | wc -l)" 2
}

@test "--no-trunc prints the whole ID" {
	matches "$(tiffin images --no-trunc --noheading | head -n 1)" ' sha256:[0-9a-f]{64} '
	matches "$(tiffin images -q --no-trunc | head -n 1)" '^(sha256:)?[0-9a-f]{64}$'
}

@test "a name limits the list to that repository" {
	run tiffin images --noheading "$REGISTRY/layers"
	same "${#lines[@]}" 1
	contains "$output" layers
}

@test "a name with a tag limits the list to that image" {
	run tiffin images --noheading "$BUSYBOX:1"
	same "${#lines[@]}" 1
	matches "$output" 'busybox +1 '
}

@test "image ls and image list are images" {
	same "$(tiffin image ls)" "$(tiffin images)"
	same "$(tiffin image list)" "$(tiffin images)"
}

@test "an empty store has headings alone" {
	TIFFIN_ROOT=$BATS_TEST_TMPDIR/empty run --separate-stderr tiffin images
	same "$status" 0
	same "${#lines[@]}" 1
}

@test "--root names the store too" {
	run --separate-stderr tiffin --root "$BATS_TEST_TMPDIR/other" images -q
	same "$status$output" 0
	run tiffin --root "$TIFFIN_ROOT" images -q
	same "$(sort -u <<<"$output" | wc -l)" 2
}

@test "a name's digest is that of the manifest that it came with" {
	empty_store
	for name in layers layers:docker; do
		tiffin pull -q "$REGISTRY/$name"
	done
	for name in layers layers:docker; do
		same "$(tiffin images --digests --noheading --format '{{.Digest}}' "$REGISTRY/${name/%layers/layers:latest}")" \
			"$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/$name")"
	done
	drop_store
}

@test "an image that was pulled by its digest shows its repository" {
	empty_store
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$BUSYBOX")
	tiffin pull -q "$BUSYBOX@$digest"
	same "$(tiffin images --noheading --format '{{.Repository}} {{.Tag}} {{.Digest}}')" "$BUSYBOX <none> $digest"
	tiffin tag "$BUSYBOX@$digest" "$BUSYBOX:mine" localhost/other:1
	tiffin untag "$BUSYBOX:mine" "$BUSYBOX:mine"
	same "$(tiffin images --noheading --format '{{.Repository}} {{.Tag}}')" "localhost/other 1"
	fails 125 untag "$BUSYBOX@$digest"
	fails 125 run --rm --pull never "$BUSYBOX@$digest" true
	tiffin untag localhost/other:1
	same "$(tiffin images --noheading --format '{{.Repository}} {{.Tag}}')" "<none> <none>"
	drop_store
}
