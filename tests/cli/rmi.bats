# ids: any
load ../lib/common

setup_file() { own_store; }
setup() {
	tiffin pull -q "$BUSYBOX" "$BUSYBOX:1" "$REGISTRY/layers" >/dev/null
}
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "one name of several is untagged, and the image stays" {
	id=$(tiffin images -q "$BUSYBOX:1")
	run --separate-stderr tiffin rmi "$BUSYBOX:1"
	same "$status" 0
	contains "$output" "Untagged: $BUSYBOX:1"
	lacks "$output" Deleted
	contains "$(tiffin images -q)" "$id"
}

@test "with its last name the image goes" {
	run --separate-stderr tiffin rmi "$REGISTRY/layers"
	same "$status" 0
	contains "$output" "Untagged: $REGISTRY/layers:latest" "Deleted: "
	lacks "$(tiffin images)" layers
}

@test "what another image needs stays when an image goes" {
	tiffin rmi "$REGISTRY/layers" >/dev/null
	same "$(tiffin run --rm "$BUSYBOX" echo still)" still
}

@test "an image is removed by its ID" {
	id=$(tiffin images -q "$REGISTRY/layers")
	run --separate-stderr tiffin rmi "$id"
	same "$status" 0
	lacks "$(tiffin images)" layers
}

@test "an ID with two names is refused, and goes with -f" {
	id=$(tiffin images -q "$BUSYBOX:1")
	run --separate-stderr tiffin rmi "$id"
	[ "$status" -ne 0 ]
	contains "$stderr" "Error: "
	run --separate-stderr tiffin rmi -f "$id"
	same "$status" 0
	lacks "$(tiffin images)" busybox
}

@test "an image in use is refused with status 2, and the container is named" {
	id=$(tiffin run -d "$REGISTRY/layers" sleep 100)
	fails 2 rmi "$REGISTRY/layers"
	contains "$error" "${id:0:12}" "in use by"
	contains "$(tiffin images)" layers
}

@test "an image of an exited container is in use too" {
	tiffin run --name used "$REGISTRY/layers" true
	fails 2 rmi "$REGISTRY/layers"
	tiffin rm used
	run tiffin rmi "$REGISTRY/layers"
	same "$status" 0
}

@test "rmi -f takes the containers of the image along" {
	id=$(tiffin run -d "$REGISTRY/layers" sleep 100)
	run --separate-stderr tiffin rmi -f "$REGISTRY/layers"
	same "$status" 0
	lacks "$(tiffin ps -a --no-trunc)" "$id"
}

@test "an image that is not there: image not known, status 1" {
	fails 1 rmi "$REGISTRY/nothing"
	contains "$error" "$REGISTRY/nothing" "image not known"
	same "$hint" ""
}

@test "of several, those that are there go, and the status tells" {
	run --separate-stderr tiffin rmi "$REGISTRY/nothing" "$REGISTRY/layers"
	same "$status" 1
	lacks "$(tiffin images)" layers
}

@test "image rm is rmi" {
	run --separate-stderr tiffin image rm "$BUSYBOX:1"
	same "$status" 0
}

@test "rmi leaves nothing of an image on the disk" {
	tiffin rmi -f -a >/dev/null
	is_empty "$TIFFIN_ROOT/layers"
	nothing_staged
}

@test "-a takes every image with all its names, but leaves what a container uses" {
	tiffin pull -q "$BUSYBOX:1" >/dev/null
	tiffin tag "$BUSYBOX:1" "$REGISTRY/other:name"
	tiffin create --name holder "$BUSYBOX:1" true
	run -2 --separate-stderr tiffin rmi -a
	contains "$stderr" "is in use by container holder"
	has_status holder Created
	contains "$(tiffin images)" other
	tiffin rm holder
	tiffin rmi -a
	same "$(tiffin images -q)" ""
}

@test "a digest of an image with several names is refused, and goes with -f" {
	digest=$(tiffin images --digests --format '{{.Digest}}' "$BUSYBOX:1")
	fails 2 rmi "$BUSYBOX@$digest"
	contains "$error" "has several names"
	same "$(tiffin images -q "$BUSYBOX" | sort -u | wc -l)" 1
	tiffin rmi -f "$BUSYBOX@$digest" >/dev/null
	lacks "$(tiffin images)" busybox
	tiffin pull -q "$BUSYBOX" >/dev/null
	tiffin rmi "$BUSYBOX@$digest" >/dev/null
	lacks "$(tiffin images)" busybox
}
