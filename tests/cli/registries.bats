# ids: any
#
# registries.conf(5): mirrors, insecure and blocked registries, short names; which files it is read
# from. lying_registry.py counts what is asked of whom.
load ../lib/common

setup_file() {
	own_store busybox
	tiffin tag "$BUSYBOX" localhost/mine quay.io/team/tool:1
}
teardown_file() { drop_store; }

setup() {
	export HOME=$BATS_TEST_TMPDIR/home CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/conf
	unset XDG_CONFIG_HOME XDG_CACHE_HOME
	mkdir -m 700 "$HOME"
	: >"$CONTAINERS_REGISTRIES_CONF"
	liars=()
}

teardown() {
	[ "${#liars[@]}" = 0 ] || kill "${liars[@]}"
	[ "$TIFFIN_ROOT" = "$BATS_FILE_TMPDIR/store" ] || drop_store
}

lie() { # lie MODE NAME: starts a registry that lies; its address goes into the variable NAME
	local out=$BATS_TEST_TMPDIR/$2-${#liars[@]}
	python3 "$LIB/lying_registry.py" "$1" >"$out" 3>&- 4>&- &
	liars+=($!)
	wait_for test -s "$out"
	printf -v "$2" 'localhost:%s' "$(cat "$out")"
}

requests() { # requests ADDRESS: the paths that were asked for
	curl -fsS "http://$1/_requests" | jq -r '.[].path'
}

conf() { # conf: the configuration is what comes on stdin
	cat >"$CONTAINERS_REGISTRIES_CONF"
}

pulls() { # pulls ARGUMENT…
	run --separate-stderr tiffin pull -q "$@"
	printf '%s\n' "$stderr" >&2
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
}

mirrored() { # mirrored MIRROR…: example.com/lunch with these before it; itself it is nowhere
	local mirror
	printf '[[registry]]\nlocation = "example.com"\n'
	for mirror in "$@"; do
		printf '[[registry.mirror]]\nlocation = "%s"\n' "$mirror"
	done
}

@test "a file in which something is wrong is an error that names it, the line and the fault" {
	local file want
	for file in "$BATS_TEST_DIRNAME"/../data/registries/should-fail-*.conf; do
		want=$(sed -n '1s/^# error: //p' "$file")
		CONTAINERS_REGISTRIES_CONF=$file fails 125 pull -q "$BUSYBOX"
		contains "$error" "configuration of registries: '$file': $want"
	done
	for file in "$BATS_TEST_DIRNAME"/../data/registries/good-*.conf; do
		CONTAINERS_REGISTRIES_CONF=$file pulls "$BUSYBOX"
	done
}

@test "what runs from the store does not read the configuration" {
	echo nonsense | conf
	same "$(tiffin run --rm "$BUSYBOX" echo hi)" hi
	fails 125 pull -q "$BUSYBOX"
	contains "$error" "$CONTAINERS_REGISTRIES_CONF" "line 1"
}

@test "the image comes from the mirror, and has the name that was asked for" {
	empty_store
	lie good mirror
	mirrored "$mirror" | conf
	pulls example.com/lunch
	same "$(tiffin images --format '{{.Repository}}:{{.Tag}}')" example.com/lunch:latest
}

@test "mirrors are asked in order, and those that fail are passed over" {
	local mode
	lie good good
	for mode in 404 500-manifest flipped-bit truncated; do
		empty_store
		lie "$mode" bad
		mirrored localhost:1 "$bad" "$good" | conf
		pulls example.com/lunch
		contains "$(requests "$bad")" /v2/lunch/manifests/latest
		drop_store
	done
	export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store
}

@test "a mirror that fails is told of" {
	empty_store
	lie good good
	lie 404 bad
	mirrored "$bad" "$good" | conf
	run --separate-stderr tiffin pull example.com/lunch
	same "$status" 0
	contains "$stderr" "Warning: mirror $bad/lunch: " "manifest unknown"
}

@test "where nobody has it, the registry's own answer is the error" {
	lie 404 one
	lie 403 two
	printf '[[registry]]\nprefix="example.com"\nlocation="%s"\n[[registry.mirror]]\nlocation="%s"\n' \
		"$two" "$one" | conf
	fails 125 pull -q example.com/lunch
	contains "$error" "cannot pull 'example.com/lunch:latest'" "$two" "denied"
}

@test "layers that one source had are not asked for again" {
	empty_store
	lie good good
	pulls "$good/lunch"
	lie good other
	mirrored "$other" | conf
	pulls example.com/lunch
	lacks "$(requests "$other")" blobs
}

@test "mirrors for digests alone, and for tags alone" {
	empty_store
	lie good tags
	lie good digests
	printf '[[registry]]\nlocation="example.com"\n[[registry.mirror]]\nlocation="%s"\npull-from-mirror="tag-only"\n[[registry.mirror]]\nlocation="%s"\npull-from-mirror="digest-only"\n' \
		"$tags" "$digests" | conf
	pulls example.com/lunch
	same "$(requests "$digests")" ""
	digest=$(curl -fsS "http://$tags/v2/lunch/manifests/latest" | sha256sum | cut -d' ' -f1)
	empty_store
	remove_tree "$TIFFIN_ROOT"
	pulls "example.com/lunch@sha256:$digest"
	contains "$(requests "$digests")" "manifests/sha256:$digest"
}

@test "a prefix gives way to its location" {
	empty_store
	printf '[[registry]]\nprefix="example.com/a"\nlocation="%s"\n' "$REGISTRY" | conf
	pulls example.com/a/busybox:1
	same "$(tiffin images --format '{{.Repository}}:{{.Tag}}')" example.com/a/busybox:1
}

@test "a registry that is blocked is not asked" {
	lie good good
	printf '[[registry]]\nlocation="%s"\nblocked=true\n' "$good" | conf
	fails 125 pull -q "$good/lunch"
	contains "$error" "registry $good is blocked in $CONTAINERS_REGISTRIES_CONF"
	fails 125 login -u me -p x "$good"
	contains "$error" "is blocked"
	mirrored "$good" >>"$CONTAINERS_REGISTRIES_CONF"
	fails 125 pull -q example.com/lunch
	contains "$error" "is blocked"
	same "$(requests "$good")" ""
}

@test "a password that was given for the registry is not shown to its mirror" {
	lie password mirror
	mirrored "$mirror" | conf
	fails 125 pull -q --creds me:secret example.com/lunch
	curl -fsS "http://$mirror/_requests" | jq -e 'all(.authorization == null)'
	pulls --creds me:secret "$mirror/lunch"
}

@test "an alias is what a short name stands for" {
	empty_store
	printf '[aliases]\n"lunch" = "%s/busybox"\n' "$REGISTRY" | conf
	pulls lunch:1
	same "$(tiffin images --format '{{.Repository}}:{{.Tag}}')" "$BUSYBOX:1"
	same "$(tiffin run --rm --pull=never lunch:1 echo hi)" hi
	same "$(tiffin inspect --format '{{.Id}}' lunch:1)" "$(tiffin inspect --format '{{.Id}}' "$BUSYBOX:1")"
	tiffin rmi lunch:1
	same "$(tiffin images -q)" ""
}

@test "short names are looked for in each registry to search" {
	empty_store
	lie 404 empty
	printf 'unqualified-search-registries = ["%s", "%s"]\n' "$empty" "$REGISTRY" | conf
	pulls layers
	same "$(tiffin images --format '{{.Repository}}')" "$REGISTRY/layers"
	printf 'short-name-mode = "enforcing"\n' >>"$CONTAINERS_REGISTRIES_CONF"
	fails 125 pull -q config
	contains "$error" "short-name resolution enforced but cannot prompt without a TTY"
}

@test "what was named localhost is found without it" {
	same "$(tiffin run --rm --pull=never mine echo hi)" hi
	same "$(tiffin inspect --format '{{.Id}}' mine)" "$(tiffin inspect --format '{{.Id}}' "$BUSYBOX")"
	fails 125 run --rm --pull=never theirs
	contains "$error" "image not known"
}

@test "the user's own file comes before the system's, and .conf.d is laid over it" {
	local dir=$HOME/.config/containers
	unset CONTAINERS_REGISTRIES_CONF
	mkdir -p "$dir/registries.conf.d"
	echo 'unqualified-search-registries = ["quay.io"]' >"$dir/registries.conf"
	same "$(tiffin run --rm --pull=never team/tool:1 echo hi)" hi
	printf '[aliases]\n"team/tool" = "localhost/other"\n' >"$dir/registries.conf.d/50-a.conf"
	fails 125 run --rm --pull=never team/tool:1
	printf '[aliases]\n"team/tool" = ""\n' >"$dir/registries.conf.d/60-b.conf"
	same "$(tiffin run --rm --pull=never team/tool:1 echo hi)" hi
	echo nonsense >"$dir/registries.conf.d/70-c.txt"
	same "$(tiffin run --rm --pull=never team/tool:1 echo hi)" hi
	mkdir "$HOME/xdg" && mv "$dir" "$HOME/xdg/"
	fails 125 run --rm --pull=never team/tool:1
	export XDG_CONFIG_HOME=$HOME/xdg
	same "$(tiffin run --rm --pull=never team/tool:1 echo hi)" hi
}

@test "what podman was answered about a short name holds" {
	mkdir -p "$HOME/.cache/containers"
	printf '[aliases]\n"tool" = "quay.io/team/tool"\n' >"$HOME/.cache/containers/short-name-aliases.conf"
	same "$(tiffin run --rm --pull=never tool:1 echo hi)" hi
}

@test "a file that is named has to be there" {
	CONTAINERS_REGISTRIES_CONF=$HOME/none fails 125 pull -q "$BUSYBOX"
	contains "$error" "there is no file '$HOME/none'"
}
