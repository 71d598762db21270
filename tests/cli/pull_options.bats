# ids: any
#
# What pull asks a registry for, and what not: lying_registry.py writes it down.
load ../lib/common

setup_file() {
	own_store busybox
	skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
		"docker://$BUSYBOX" "docker://$REGISTRY/tagged-$TIFFIN_TEST_IDS:one"
	skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/layers" "docker://$REGISTRY/tagged-$TIFFIN_TEST_IDS:two"
}
teardown_file() { drop_store; }

setup() {
	TAGGED=$REGISTRY/tagged-$TIFFIN_TEST_IDS
	lie late
}

teardown() {
	[ -z "${liar:-}" ] || kill "$liar"
	[ "$TIFFIN_ROOT" = "$BATS_FILE_TMPDIR/store" ] || drop_store
}

lie() { # lie MODE: starts the registry, in place of another; its address is $LIAR
	stop_lying
	rm -f "$BATS_TEST_TMPDIR/port"
	python3 "$LIB/lying_registry.py" "$1" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	liar=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	LIAR=localhost:$(cat "$BATS_TEST_TMPDIR/port")
}

stop_lying() {
	[ -z "${liar:-}" ] || kill "$liar"
	liar=
}

requests() { # requests: what was asked for, a line each: "GET /v2/…"
	curl -fsS "http://$LIAR/_requests" | jq -r '.[] | "\(.method) \(.path)"'
}

count() { # count REGEX: how many of them match
	requests | grep -cE "$1" || :
}

pulls() { # pulls ARGUMENT…
	run --separate-stderr tiffin pull -q "$@"
	printf '%s\n' "$stderr" >&2
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
}

@test "an image that is there already costs one request for its manifest" {
	empty_store
	pulls "$LIAR/lunch"
	before=$(requests | wc -l)
	same "$before" 3
	pulls "$LIAR/lunch"
	same "$(requests | tail -n +4)" "GET /v2/lunch/manifests/latest"
}

@test "a layer that any image has is not downloaded" {
	empty_store
	pulls "$LIAR/lunch"
	lie two
	pulls "$LIAR/dinner"
	same "$(count blobs/)" 2
	tiffin rmi "$LIAR/dinner" >/dev/null
}

@test "two pulls of a layer at once download it once" {
	empty_store
	tiffin pull -q "$LIAR/lunch" >"$BATS_TEST_TMPDIR/one" 2>&1 &
	tiffin pull -q "$LIAR/dinner" >"$BATS_TEST_TMPDIR/two" 2>&1
	wait $!
	same "$(tail -n 1 "$BATS_TEST_TMPDIR/one")" "$(tail -n 1 "$BATS_TEST_TMPDIR/two")"
	# Each asks for the configuration, unless it came after the other had ended.
	layer=$(curl -fsS "http://$LIAR/v2/lunch/manifests/latest" | jq -r '.layers[0].digest')
	same "$(count "blobs/$layer")" 1
}

@test "--policy missing and never ask nobody for what is there" {
	tiffin pull -q "$LIAR/lunch" >/dev/null
	before=$(requests)
	pulls --policy missing "$LIAR/lunch"
	pulls --policy=never "$LIAR/lunch"
	same "$(tiffin run --rm --pull=missing "$LIAR/lunch" 2>&1 | grep -c 'cannot pull' || :)" 0
	same "$(requests)" "$before"
	fails 125 pull -q --policy never "$LIAR/dinner"
	contains "$error" "image not known"
	same "$(requests)" "$before"
	pulls --policy missing "$LIAR/dinner"
	tiffin rmi "$LIAR/lunch" "$LIAR/dinner" >/dev/null
}

@test "--policy newer asks for the manifest's digest alone, where that is the same" {
	tiffin pull -q "$LIAR/lunch" >/dev/null
	before=$(requests | wc -l)
	pulls --policy newer "$LIAR/lunch"
	same "$(requests | tail -n +$((before + 1)))" "HEAD /v2/lunch/manifests/latest"
	stop_lying
	run --separate-stderr tiffin pull -q --policy newer --retry 0 "$LIAR/lunch"
	same "$status" 0
	contains "$stderr" "the image that is there is used"
	fails 125 pull -q --policy newer "$LIAR/dinner"
	tiffin rmi "$LIAR/lunch" >/dev/null
}

@test "--policy newer pulls what is another, and run --pull=newer does" {
	skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
		"docker://$BUSYBOX" "docker://$TAGGED:moving"
	first=$(tiffin pull -q "$TAGGED:moving")
	same "$(tiffin pull -q --policy newer "$TAGGED:moving")" "$first"
	skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/layers" "docker://$TAGGED:moving"
	same "$(tiffin pull -q --policy missing "$TAGGED:moving")" "$first"
	tiffin run --rm --pull=newer "$TAGGED:moving" true
	second=$(tiffin inspect --format '{{.Id}}' "$TAGGED:moving")
	[ "${second#sha256:}" != "$first" ]
}

@test "a policy that is none is refused" {
	fails 125 pull --policy sometimes "$BUSYBOX"
	contains "$error" "'sometimes' is not always, missing, never or newer"
	fails 125 run --rm --pull=sometimes "$BUSYBOX"
	contains "$error" "'sometimes' is not"
}

@test "--all-tags pulls each of them" {
	empty_store
	run --separate-stderr tiffin pull -q -a "$TAGGED"
	same "$status" 0
	same "$(tiffin images --format '{{.Repository}}:{{.Tag}}' | grep -E ':(one|two)$' | sort)" \
		"$TAGGED:one
$TAGGED:two"
	fails 125 pull -a "$TAGGED:one"
	contains "$error" "tag can't be used with --all-tags/-a"
}

@test "--all-tags follows a list of tags from page to page" {
	empty_store
	lie pages
	run --separate-stderr tiffin pull -q -a "$LIAR/lunch"
	same "$status" 0
	same "${#lines[@]}" 2
	same "$(tiffin images --format '{{.Tag}}' | sort | tr '\n' ' ')" "a b "
}

@test "of several images those that are there are pulled, and the others told of" {
	empty_store
	run --separate-stderr tiffin pull -q "$BUSYBOX" "$REGISTRY/nothing" "$REGISTRY/config"
	same "$status" 125
	same "${#lines[@]}" 2
	contains "$stderr" "manifest unknown"
}

@test "--arch, --os and --variant are a platform" {
	fails 125 pull -q --arch arm64 "$LIAR/lunch"
	contains "$error" "no image found for platform linux/arm64, only for linux/amd64"
	fails 125 pull -q --arch arm --variant v6 "$LIAR/lunch"
	contains "$error" "linux/arm/v6"
	fails 125 pull -q --os plan9 "$LIAR/lunch"
	contains "$error" "plan9/"
	fails 125 pull -q --arch arm --platform linux/arm64 "$LIAR/lunch"
	contains "$error" "--platform option can not be specified with --arch"
	fails 125 pull -q --arch 'x y' "$LIAR/lunch"
	contains "$error" "is not a platform"
}
