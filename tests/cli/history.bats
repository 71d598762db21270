# ids: any
load ../lib/common

setup_file() { own_store layers busybox; }
teardown_file() { drop_store; }

@test "history has a row for each layer, the newest first, under docker's headings" {
	run --separate-stderr tiffin history "$REGISTRY/layers"
	same "$status" 0
	matches "${lines[0]}" '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT'
	layers=$(curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$REGISTRY/v2/layers/manifests/latest" | jq '.layers | length')
	same "${#lines[@]}" $((layers + 1))
	matches "${lines[1]}" "^$(tiffin images -q "$REGISTRY/layers") +[0-9]+ years? ago +tests/lib/images.py"
	matches "${lines[2]}" '^<missing> '
}

@test "-q prints IDs alone, --no-trunc whole ones" {
	same "$(tiffin history -q "$BUSYBOX")" "$(tiffin images -q "$BUSYBOX")"
	same "$(tiffin history -q --no-trunc "$BUSYBOX")" "$(tiffin images -q --no-trunc "$BUSYBOX")"
}

@test "--human=false prints bytes and times" {
	run --separate-stderr tiffin history --human=false --format '{{.CreatedSince}} {{.Size}}' "$BUSYBOX"
	same "$status" 0
	matches "$output" '^2023-11-14T22:13:20Z [0-9]+$'
}

@test "--format takes templates and json" {
	same "$(tiffin history --format '{{.CreatedBy}}' "$BUSYBOX")" tests/lib/images.py
	same "$(tiffin history --format json "$BUSYBOX" | jq -r '.. | .CreatedBy? // empty')" \
		tests/lib/images.py
}

@test "image history is history" {
	same "$(tiffin image history "$BUSYBOX")" "$(tiffin history "$BUSYBOX")"
}

@test "history of what is not there" {
	fails 125 history nowhere
	contains "$error" "nowhere: image not known"
}
