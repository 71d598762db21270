# ids: any
#
# Pushing: to Debian's docker-registry, of which skopeo says what is in it, with passwords and tokens,
# over TLS of an authority of our own; and to one that lies (lying_registry.py).
load ../lib/common

setup_file() {
	local work=$BATS_FILE_TMPDIR auth
	own_store busybox layers layers:docker config big
	OTHER=$("$LIB/registry.sh" start "$work/other" 3>&- 4>&-)

	htpasswd -Bbn me secret >"$work/htpasswd" 2>/dev/null
	auth="auth: {htpasswd: {realm: test, path: $work/htpasswd}}"
	BASIC=$("$LIB/registry.sh" start "$work/basic" "$auth" 3>&- 4>&-)

	mkdir "$work/token"
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=token_server -days 2 \
		-keyout "$work/token/key.pem" -out "$work/token/cert.pem" 2>/dev/null
	python3 "$LIB/token_server.py" "$work/token" >"$work/port" 3>&- 4>&- &
	echo $! >"$work/token_server"
	wait_for test -s "$work/port"
	TOKEN=localhost:$(cat "$work/port")
	auth="auth: {token: {realm: \"http://$TOKEN/token\", service: test registry,
  issuer: token_server, rootcertbundle: $work/token/cert.pem}}"
	"$LIB/registry.sh" start "$work/token" "$auth" 3>&- 4>&- >"$work/token/registry"
	export OTHER BASIC TOKEN
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/token_server")"
	for registry in other basic token; do
		"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/$registry"
	done
	drop_store
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	unset REGISTRY_AUTH_FILE XDG_CONFIG_HOME DOCKER_CONFIG
	mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
}

teardown() { [ -z "${liar:-}" ] || kill "$liar"; }

pushed() { # pushed ARGUMENT…: it succeeds; what it says is in $output and $stderr
	run --separate-stderr tiffin push "$@"
	printf '%s\n%s\n' "$output" "$stderr" >&2
	same "$status" 0
}

digest_at() { # digest_at REFERENCE: as skopeo sees it
	skopeo inspect --raw --tls-verify=false "docker://$1" >raw
	printf 'sha256:%s\n' "$(sha256sum <raw | cut -d' ' -f1)"
}

id_of() {
	tiffin images -q --no-trunc "$1" | sed 's/^sha256://' | head -n 1
}

comes_back() { # comes_back REFERENCE ID: into a store with nothing in it
	local TIFFIN_ROOT
	empty_store
	same "$(tiffin pull -q "$1")" "$2"
	drop_store
}

@test "a pulled image has the same digests in another registry" {
	for image in busybox layers layers:docker config big; do
		echo "image $image" >&2
		pushed "$REGISTRY/$image" "$OTHER/same/$image"
		same "$(digest_at "$OTHER/same/$image")" "$(digest_at "$REGISTRY/$image")"
		contains "$output" "digest: $(digest_at "$REGISTRY/$image") size: "
		comes_back "$OTHER/same/$image" "$(id_of "$REGISTRY/$image")"
	done
}

@test "without a destination the name says where to" {
	tiffin tag "$REGISTRY/layers" "$OTHER/named:one"
	pushed -q "$OTHER/named:one"
	same "$output$stderr" "$OTHER/named:one"
	same "$(digest_at "$OTHER/named:one")" "$(digest_at "$REGISTRY/layers")"
	fails 125 push "$(id_of "$BUSYBOX")"
	contains "$error" "say where to push it to"
	fails 125 push "$OTHER/nowhere"
	contains "$error" "image not known"
	fails 125 push "$BUSYBOX" "$OTHER/x@sha256:$(printf x | sha256sum | cut -d' ' -f1)"
	contains "$error" "digest reference"
	fails 125 push "$BUSYBOX" "$OTHER/UPPER"
	contains "$error" "invalid reference format"
}

@test "what is there is skipped, and what a neighbour has is mounted" {
	pushed "$BUSYBOX" "$OTHER/first"
	pushed "$BUSYBOX" "$OTHER/first"
	contains "$stderr" "Copying blob" "skipped: already exists" "Copying config"
	lacks "$stderr" done
	pushed "$BUSYBOX" "$OTHER/second"
	contains "$stderr" "mounted from "
	same "$(digest_at "$OTHER/second")" "$(digest_at "$BUSYBOX")"
}

@test "nobody's word is taken for a layer's blob in another registry" {
	empty_store
	tiffin pull -q "$BUSYBOX" >/dev/null
	layer=$(echo "$TIFFIN_ROOT"/layers/*)
	other=sha256:$(printf another | sha256sum | cut -d' ' -f1)
	jq --arg d "$other" '.blobs[0].digest = $d | .blobs[0].verified = false' "$layer/blobs" >blobs
	cat blobs >"$layer/blobs"
	pushed "$BUSYBOX" "$OTHER/doubt"
	lacks "$(skopeo inspect --raw --tls-verify=false "docker://$OTHER/doubt")" "$other"
	drop_store
}

@test "all tags of a repository go" {
	tiffin tag "$BUSYBOX" "$OTHER/all:1"
	tiffin tag "$REGISTRY/layers" "$OTHER/all:2"
	pushed -a "$OTHER/all"
	same "$(digest_at "$OTHER/all:1")" "$(digest_at "$BUSYBOX")"
	same "$(digest_at "$OTHER/all:2")" "$(digest_at "$REGISTRY/layers")"
	fails 125 push -a "$OTHER/all:1"
	contains "$error" "tag can't be used with --all-tags"
	fails 125 push -a "$OTHER/none"
	contains "$error" "image not known"
}

@test "--format and --compression-format change the manifest, and not the image" {
	pushed --format v2s2 "$REGISTRY/layers" "$OTHER/format:docker"
	same "$(skopeo inspect --raw --tls-verify=false "docker://$OTHER/format:docker" |
		jq -r '.mediaType, .layers[].mediaType' | sort -u)" \
		"application/vnd.docker.distribution.manifest.v2+json
application/vnd.docker.image.rootfs.diff.tar.gzip"
	comes_back "$OTHER/format:docker" "$(id_of "$REGISTRY/layers")"
	pushed --compression-format zstd --digestfile digest "$REGISTRY/layers" "$OTHER/format:zstd"
	same "$(skopeo inspect --raw --tls-verify=false "docker://$OTHER/format:zstd" |
		jq -r '.layers[].mediaType' | sort -u)" "application/vnd.oci.image.layer.v1.tar+zstd"
	same "$(cat digest)" "$(digest_at "$OTHER/format:zstd")"
	comes_back "$OTHER/format:zstd" "$(id_of "$REGISTRY/layers")"
	fails 125 push --format v2s2 --compression-format zstd "$BUSYBOX" "$OTHER/format"
	contains "$error" "no layers of zstd"
	fails 125 push --format v2s1 "$BUSYBOX" "$OTHER/format"
	contains "$error" "not supported"
	fails 125 push --compression-format lzma "$BUSYBOX" "$OTHER/format"
	contains "$error" "no compression"
}

@test "a loaded image is compressed when it is pushed" {
	tiffin save -o all.tar "$REGISTRY/layers"
	id=$(id_of "$REGISTRY/layers")
	empty_store
	tiffin load -q -i all.tar >/dev/null
	pushed "$REGISTRY/layers" "$OTHER/loaded"
	contains "$(skopeo inspect --raw --tls-verify=false "docker://$OTHER/loaded")" gzip
	drop_store
	comes_back "$OTHER/loaded" "$id"
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$OTHER/loaded" dir:there
	same "$(skopeo inspect --config --raw dir:there | sha256sum)" "$id  -"
}

@test "a layer that has a file twice can be pushed" {
	tiffin pull -q "$REGISTRY/twice" >/dev/null
	pushed "$REGISTRY/twice" "$OTHER/twice"
	same "$(digest_at "$OTHER/twice")" "$(digest_at "$REGISTRY/twice")"
	tiffin save -o twice.tar "$REGISTRY/twice"
	tar -xOf twice.tar manifest.json | jq -r '.[0].Layers[]' >layers
	while read -r layer; do
		same "$(tar -xOf twice.tar "$layer" | sha256sum)" "${layer%.tar}  -"
	done <layers
	[ -s layers ]
}

@test "a password, a token, and the token for a neighbour" {
	fails 125 push "$BUSYBOX" "$BASIC/busybox"
	contains "$error" "cannot push '$BASIC/busybox:latest'" "authentication required"
	contains "$hint" "tiffin login $BASIC"
	fails 125 push "$BUSYBOX" "$TOKEN/public/busybox"
	contains "$error" "authentication required"
	fails 125 push --creds me:wrong "$BUSYBOX" "$BASIC/busybox"
	contains "$error" "authentication required"
	lacks "$stderr" wrong
	for registry in "$BASIC" "$TOKEN"; do
		pushed --creds me:secret "$BUSYBOX" "$registry/busybox"
		tiffin login -u me --password-stdin "$registry" <<<secret
		pushed "$BUSYBOX" "$registry/neighbour"
		contains "$stderr" "mounted from busybox"
		same "$(skopeo inspect --raw --creds me:secret --tls-verify=false \
			"docker://$registry/neighbour" | sha256sum)" \
			"$(digest_at "$BUSYBOX" | cut -d: -f2)  -"
	done
	contains "$(curl -s "http://$TOKEN/_requests" | jq -r '.[].query')" \
		"scope=repository%3Aneighbour%3Apull%2Cpush&scope=repository%3Abusybox%3Apull"
}

@test "an identity token pushes, too" {
	mkdir -p "$XDG_RUNTIME_DIR/containers"
	jq -n --arg key "$TOKEN" --arg auth "$(printf '<token>:' | base64)" \
		'{auths: {($key): {auth: $auth, identitytoken: "identity"}}}' \
		>"$XDG_RUNTIME_DIR/containers/auth.json"
	pushed "$BUSYBOX" "$TOKEN/identity"
}

@test "a token that runs out on the way is fetched anew" {
	pushed --creds me:secret "$REGISTRY/big" "$TOKEN/expires"
	curl -s "http://$TOKEN/_expire" >/dev/null
	pushed --creds me:secret "$REGISTRY/big" "$TOKEN/expires"
}

@test "over TLS, an authority is trusted that --cert-dir has, and no other" {
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
		-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null
	mkdir tls
	printf '%s\n' "version: 0.1" "storage: {filesystem: {rootdirectory: $PWD/tls}}" \
		"http: {addr: 127.0.0.1:0, tls: {certificate: $PWD/cert.pem, key: $PWD/key.pem}}" >tls.yml
	port=$(free_port)
	sed -i "s/127.0.0.1:0/127.0.0.1:$port/" tls.yml
	OTEL_TRACES_EXPORTER=none docker-registry serve tls.yml >log 2>&1 3>&- 4>&- &
	liar=$!
	wait_for curl -sk -o /dev/null "https://localhost:$port/v2/"
	fails 125 push "$BUSYBOX" "localhost:$port/busybox"
	contains "$error" "cannot trust registry"
	mkdir certs
	cp cert.pem certs/authority.crt
	pushed --cert-dir certs "$BUSYBOX" "localhost:$port/busybox"
	same "$(digest_at "localhost:$port/busybox")" "$(digest_at "$BUSYBOX")"
	pushed --tls-verify=false "$BUSYBOX" "localhost:$port/again"
}

# A layer of 16 MiB, uncompressed: in chunks. The other one, and the configuration, go in one piece.
arrives() { # arrives MODE ARGUMENT…
	lie "$1"
	echo "mode $1" >&2
	pushed "${@:2}" "$REGISTRY/big" "localhost:$port/lunch"
	curl -s "http://localhost:$port/_pushed" >pushed
	same "$(jq -c '.blobs' pushed)" "$(skopeo inspect --raw --tls-verify=false \
		"docker://$REGISTRY/big" | jq -c '[.layers[].digest, .config.digest] | sort')"
	same "$(jq -r '.manifests.latest' pushed)" "$(digest_at "$REGISTRY/big")"
}

refused() { # refused MODE TEXT…
	local mode=$1 before
	shift
	before=$(snapshot)
	lie "$mode"
	echo "mode $mode" >&2
	fails 125 push --retry-delay 0 "$REGISTRY/big" "localhost:$port/lunch"
	contains "$error" "cannot push 'localhost:$port/lunch:latest'" "$@"
	same "$(curl -s "http://localhost:$port/_pushed" | jq -c .manifests)" "${manifests:-{\}}"
	same "$(snapshot)" "$before"
	stop_lying
}

@test "uploads that break off are taken up where they were" {
	for mode in push-good push-cut push-cut-often push-partial push-lost push-500-twice \
		push-answer-lost push-429; do
		arrives $mode --retry-delay 0
		stop_lying
	done
}

@test "a registry that refuses, or makes no sense, is an error, and the store stays as it was" {
	refused push-403 "access denied"
	refused push-500 "status 500"
	refused push-429-always "too many requests"
	refused push-redirect "status 307"
	refused push-nothing "takes nothing more"
	refused push-no-location "does not say where"
	refused push-file "no place to upload to"
	refused push-range "was not sent"
	refused push-bad-range "can't be told"
	refused push-digest "something else"
	manifests='{"latest":"'$(digest_at "$REGISTRY/big")'"}'
	refused push-manifest-digest "something else"
}

@test "--retry says how often a request is made again" {
	lie push-500-twice
	fails 125 push --retry 1 --retry-delay 0 "$REGISTRY/big" "localhost:$port/lunch"
	contains "$error" "status 500"
	stop_lying
	lie push-500
	fails 125 push --retry 0 "$BUSYBOX" "localhost:$port/lunch"
	same "$(asked POST)" 1
}

@test "what was pushed from one of its tags is among the image's digests" {
	tiffin tag "$BUSYBOX" "$OTHER/digests:1"
	tiffin push -q --format oci "$OTHER/digests:1"
	digests=$(tiffin inspect -f '{{json .RepoDigests}}' "$OTHER/digests:1")
	contains "$digests" "$OTHER/digests@$(digest_at "$OTHER/digests:1")"
	tiffin push -q "$BUSYBOX" "$OTHER/elsewhere"
	lacks "$(tiffin inspect -f '{{json .RepoDigests}}' "$BUSYBOX")" "elsewhere"
	tiffin untag "$OTHER/digests:1"
	lacks "$(tiffin inspect -f '{{json .RepoDigests}}' "$BUSYBOX")" "$OTHER/digests@"
}

@test "a password is not shown where a Location leads" {
	arrives push-elsewhere --creds me:secret
	curl -s "http://localhost:$port/_requests" >requests
	same "$(jq '[.[] | select(.elsewhere)] | length > 3' requests)" true
	same "$(jq -c '[.[] | select(.elsewhere) | .authorization] | unique' requests)" '[null]'
	contains "$(jq -c '[.[] | select(.elsewhere | not) | .authorization] | unique' requests)" Basic
}

asked() { # asked METHOD: so often
	curl -s "http://localhost:$port/_requests" | jq --arg m "$1" '[.[] | select(.method == $m)] | length'
}

has_asked() {
	[ "$(asked "$1")" -gt 0 ]
}

is_gone() {
	[ -z "$(pids_with "$1")" ]
}

@test "a push that is killed leaves nothing behind" {
	lie push-stall
	before=$(snapshot)
	start_tiffin out push "$REGISTRY/big" "localhost:$port/lunch"
	pid=$!
	wait_for has_asked PATCH
	kill -9 "$pid"
	wait "$pid" || :
	wait_for is_gone "tiffin-image push.*localhost:$port/lunch"
	same "$(snapshot)" "$before"
}

@test "a layer that was changed is never pushed" {
	empty_store
	tiffin pull -q "$BUSYBOX" >/dev/null
	layer=$(echo "$TIFFIN_ROOT"/layers/*)
	chmod u+w "$layer/fs/bin/busybox"
	printf x | dd of="$layer/fs/bin/busybox" bs=1 seek=1000 conv=notrunc 2>/dev/null
	lie push-good
	fails 125 push "$BUSYBOX" "localhost:$port/lunch"
	contains "$error" "can't be rebuilt"
	same "$(curl -s "http://localhost:$port/_pushed" | jq -c .)" '{"blobs":[],"manifests":{}}'
	drop_store
}
