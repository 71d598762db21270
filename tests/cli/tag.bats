# ids: any
#
# Names of images: tag, untag, image exists, image tree, image prune.
load ../lib/common

setup() {
	empty_store
	tiffin pull -q "$BUSYBOX" >/dev/null
	ID=$(tiffin images -q --no-trunc)
	ID=${ID#sha256:}
}
teardown() { drop_store; }

names() { # names: of all images, sorted
	tiffin images --noheading --format '{{.Repository}}:{{.Tag}}' | sort
}

@test "tag gives another name, says nothing, and the first one stays" {
	run --separate-stderr tiffin tag "$BUSYBOX" lunch.example/box:1
	same "$status $output $stderr" "0  "
	same "$(names)" "$(printf '%s\n' "$BUSYBOX:latest" lunch.example/box:1 | sort)"
	same "$(tiffin run --rm --pull never lunch.example/box:1 echo yes)" yes
}

@test "tag takes an ID, the beginning of one, a digest, and several names" {
	digest=$(tiffin images --noheading --digests --format '{{.Digest}}')
	tiffin tag "$ID" localhost/a
	tiffin tag "${ID:0:6}" localhost/b localhost/c:x
	tiffin tag "sha256:$ID" localhost/d
	tiffin tag "$BUSYBOX@$digest" localhost/e
	tiffin image tag localhost/e localhost/f
	same "$(names | grep -c ^localhost/.:)" 6
	same "$(tiffin images -q | sort -u | wc -l)" 1
}

@test "a name without a registry is docker's" {
	tiffin tag "$BUSYBOX" box
	contains "$(names)" docker.io/library/box:latest
	same "$(tiffin run --rm --pull never box echo yes)" yes
}

@test "tag moves a name from one image to another" {
	tiffin pull -q "$REGISTRY/config" >/dev/null
	tiffin tag "$BUSYBOX" localhost/x
	tiffin tag "$REGISTRY/config" localhost/x
	same "$(tiffin images -q localhost/x)" "$(tiffin images -q "$REGISTRY/config")"
	same "$(names | grep -c localhost/x)" 1
}

@test "tag refuses what is not there and what is no name" {
	before=$(snapshot)
	fails 125 tag nowhere localhost/x
	contains "$error" "nowhere: image not known"
	fails 125 tag "$BUSYBOX" localhost/x localhost/UPPER
	contains "$error" "invalid reference format"
	fails 125 tag "$BUSYBOX" "localhost/x@sha256:$ID"
	contains "$error" digest
	fails 125 tag "$BUSYBOX"
	same "$(snapshot)" "$before"
}

@test "rmi of one name of several takes off that name alone" {
	tiffin tag "$BUSYBOX" localhost/x
	same "$(tiffin rmi localhost/x)" "Untagged: localhost/x:latest"
	same "$(names)" "$BUSYBOX:latest"
}

@test "untag takes off one name, or all, and the image stays" {
	tiffin tag "$BUSYBOX" localhost/x localhost/y
	run --separate-stderr tiffin untag "$BUSYBOX" localhost/x
	same "$status $output $stderr" "0  "
	lacks "$(names)" localhost/x
	tiffin untag "$ID"
	same "$(names)" "<none>:<none>"
	same "$(tiffin run --rm --pull never "$ID" echo yes)" yes
}

@test "untag refuses names that the image does not have, and then takes off none" {
	tiffin tag "$BUSYBOX" localhost/x
	fails 125 untag "$BUSYBOX" localhost/x localhost/z
	contains "$error" "localhost/z:latest: tag not known"
	contains "$(names)" localhost/x
	fails 125 untag nowhere
	contains "$error" "nowhere: image not known"
}

@test "image exists says it by its status, and nothing else" {
	for text in "$BUSYBOX" "$ID" "${ID:0:12}" "sha256:$ID"; do
		run --separate-stderr tiffin image exists "$text"
		same "$status $output $stderr" "0  "
	done
	run --separate-stderr tiffin image exists nowhere
	same "$status $output $stderr" "1  "
	run --separate-stderr tiffin image exists UPPER
	same "$status" 125
}

@test "image tree shows the layers" {
	tiffin pull -q "$REGISTRY/layers" >/dev/null
	run --separate-stderr tiffin image tree "$REGISTRY/layers"
	same "$status" 0
	same "${lines[0]}" "Image ID: $(tiffin images -q "$REGISTRY/layers")"
	contains "$output" "$REGISTRY/layers:latest" "Image Layers" "Top Layer of: [$REGISTRY/layers"
	contains "${lines[-1]}" "└── ID: "
}

@test "image prune removes what has no name, and says what came free" {
	tiffin pull -q "$REGISTRY/config" >/dev/null
	tiffin untag "$REGISTRY/config"
	gone=$(tiffin images -q --no-trunc | grep -v "$ID")
	run --separate-stderr tiffin image prune -f
	same "$status" 0
	contains "$output" "Deleted Images:" "deleted: $gone" "Total reclaimed space: "
	same "$(names)" "$BUSYBOX:latest"
	same "$(tiffin image prune -f)" "Total reclaimed space: 0B"
}

@test "image prune -a removes all that no container uses" {
	tiffin pull -q "$REGISTRY/config" >/dev/null
	tiffin create --name keeper "$BUSYBOX" true >/dev/null
	run --separate-stderr tiffin image prune -a -f
	same "$status" 0
	contains "$output" "untagged: $REGISTRY/config:latest"
	same "$(names)" "$BUSYBOX:latest"
	tiffin rm keeper >/dev/null
	tiffin image prune -a -f
	same "$(names)" ""
	nothing_staged
	same "$(find "$TIFFIN_ROOT/layers" -mindepth 1 -maxdepth 1)" ""
}

@test "image prune asks at a terminal, and takes no for an answer" {
	tiffin untag "$BUSYBOX"
	run python3 "$LIB/terminal.py" 'expect:y/N' 'send:\n' -- "$TIFFIN" image prune
	same "$status" 0
	contains "$output" "WARNING! This will remove all dangling images."
	tiffin image exists "$ID"
	run python3 "$LIB/terminal.py" 'expect:y/N' 'send:y\n' 'expect:Total' -- "$TIFFIN" image prune
	same "$status" 0
	run tiffin image exists "$ID"
	same "$status" 1
}

@test "image and container prune ask without a terminal, too" {
	tiffin tag "$BUSYBOX" localhost/asked:1
	for kind in image container; do
		fails 125 "$kind" prune </dev/null
		contains "$error" "there is nobody to ask"
		same "$(tiffin "$kind" prune <<<n 2>/dev/null)" ""
		contains "$(tiffin "$kind" prune <<<y 2>/dev/null)" "Total reclaimed space"
	done
}
