# ids: any
#
# Registries that want a password: Debian's docker-registry with a password file, the same behind a
# token server (token_server.py), and lying ones, which want it shown where it does not belong.
load ../lib/common

setup_file() {
	local work=$BATS_FILE_TMPDIR auth
	own_store busybox
	"$LIB/registry.sh" start "$work/basic" 3>&- 4>&- >"$work/address"
	python3 "$LIB/images.py" push "$(cat "$work/address")" busybox
	"$LIB/registry.sh" stop "$work/basic"
	cp -R "$work/basic" "$work/token"
	mkdir "$work/token/storage/docker/registry/v2/repositories/public"
	cp -R "$work/token/storage/docker/registry/v2/repositories/busybox" \
		"$work/token/storage/docker/registry/v2/repositories/public/"

	htpasswd -Bbn me secret >"$work/htpasswd" 2>/dev/null
	auth="auth: {htpasswd: {realm: test, path: $work/htpasswd}}"
	BASIC=$("$LIB/registry.sh" start "$work/basic" "$auth" 3>&- 4>&-)

	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=token_server -days 2 \
		-keyout "$work/token/key.pem" -out "$work/token/cert.pem" 2>/dev/null
	python3 "$LIB/token_server.py" "$work/token" >"$work/port" 3>&- 4>&- &
	echo $! >"$work/token_server"
	wait_for test -s "$work/port"
	TOKEN=localhost:$(cat "$work/port")
	auth="auth: {token: {realm: \"http://$TOKEN/token\", service: test registry,
  issuer: token_server, rootcertbundle: $work/token/cert.pem}}"
	"$LIB/registry.sh" start "$work/token" "$auth" 3>&- 4>&- >"$work/token/registry"
	export BASIC TOKEN
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/token_server")"
	"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/basic"
	"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/token"
	drop_store
}

setup() {
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	unset REGISTRY_AUTH_FILE XDG_CONFIG_HOME DOCKER_CONFIG
	mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
	AUTH=$XDG_RUNTIME_DIR/containers/auth.json
}

teardown() { [ -z "${liar:-}" ] || kill "$liar"; }

log_in() { # log_in REGISTRY ARGUMENT…: with the right password
	tiffin login -u me --password-stdin "$@" <<<secret
}

write_auth() { # write_auth FILE KEY USER:PASSWORD
	mkdir -p "$(dirname "$1")"
	jq -n --arg key "$2" --arg auth "$(printf %s "$3" | base64)" \
		'{auths: {($key): {auth: $auth}}}' >"$1"
}

pulls() { # pulls ARGUMENT…: into a store with nothing in it
	local TIFFIN_ROOT
	empty_store
	run --separate-stderr tiffin pull -q "$@"
	printf '%s\n' "$stderr" >&2
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
	drop_store
}

refuses() { # refuses TEXT ARGUMENT…
	local text=$1
	shift
	fails 125 pull -q "$@"
	contains "$error" "$text"
	lacks "$stderr" secret
}

@test "without a password, a registry that wants one refuses, and the hint names login" {
	refuses "authentication required" "$BASIC/busybox"
	contains "$hint" "tiffin login $BASIC"
	refuses "authentication required" "$TOKEN/busybox"
	contains "$hint" "tiffin login $TOKEN"
}

@test "what a token server gives to everybody needs no password" {
	pulls "$TOKEN/public/busybox"
}

@test "--creds shows a password once, and keeps nothing" {
	pulls --creds me:secret "$BASIC/busybox"
	pulls --creds me:secret "$TOKEN/busybox"
	[ ! -e "$AUTH" ]
	refuses "authentication required" --creds me:wrong "$BASIC/busybox"
	refuses "invalid username/password" --creds me:wrong "$TOKEN/busybox"
	refuses "a user is missing" --creds :secret "$BASIC/busybox"
}

@test "login says that it succeeded, and pull needs nothing more" {
	for registry in "$BASIC" "$TOKEN"; do
		run --separate-stderr log_in "$registry"
		same "$status $output" "0 Login Succeeded!"
		pulls "$registry/busybox"
	done
}

@test "run pulls with what login kept" {
	log_in "$BASIC"
	empty_store
	same "$(tiffin run --rm "$BASIC/busybox" echo lunch 2>/dev/null)" lunch
	drop_store
}

@test "a wrong password is refused, and not kept" {
	for registry in "$BASIC" "$TOKEN"; do
		fails 125 login -u me -p wrong "$registry"
		contains "$error" "logging into \"$registry\"" "invalid username/password"
		lacks "$stderr" wrong
	done
	[ ! -e "$AUTH" ]
}

@test "the file is the user's alone, and others' entries stay" {
	write_auth "$AUTH" example.com you:other
	log_in "$BASIC"
	same "$(stat -c %a "$AUTH")" 600
	rm "$AUTH"
	rmdir "$(dirname "$AUTH")"
	log_in "$BASIC"
	same "$(stat -c %a "$(dirname "$AUTH")")" 700
	write_auth "$AUTH" example.com you:other
	log_in "$BASIC"
	same "$(jq -r '.auths["example.com"].auth' "$AUTH" | base64 -d)" you:other
	same "$(jq -r --arg key "$BASIC" '.auths[$key].auth' "$AUTH" | base64 -d)" me:secret
	same "$(ls "$(dirname "$AUTH")")" auth.json
}

@test "login asks at a terminal, and shows no password" {
	run python3 "$LIB/terminal.py" expect:Username: 'send:mx\x7fe\n' expect:Password: \
		'send:secret\n' expect:Succeeded -- "$TIFFIN" login "$BASIC"
	same "$status" 0
	lacks "$output" secret
	same "$(tiffin login --get-login "$BASIC")" me
}

@test "Ctrl-C at a question leaves the terminal as it was" {
	run python3 "$LIB/terminal.py" expect:Username: 'send:me\n' expect:Password: 'send:\x03' \
		-- "$TIFFIN" login "$BASIC"
	same "$status" 125
	contains "$output" interrupted
}

@test "with no terminal there is nobody to ask" {
	fails 125 login "$BASIC" </dev/null
	contains "$error" "no terminal"
}

@test "who is logged in already is not asked again" {
	log_in "$BASIC"
	run --separate-stderr tiffin login "$BASIC" </dev/null
	same "$status $output" "0 Existing credentials are valid. Already logged in to $BASIC"
}

@test "options of login that make no sense together" {
	fails 125 login --password-stdin "$BASIC"
	contains "$error" "must provide --username with --password-stdin"
	fails 125 login -u me -p secret --password-stdin "$BASIC"
	fails 125 login -u me:x -p secret "$BASIC"
	fails 125 login -u me -p secret 'no registry'
	contains "$error" "is not a registry"
	fails 125 login -u me -p secret "$BASIC/x:tag"
}

@test "logout removes what was kept, and says so" {
	log_in "$BASIC"
	log_in "$TOKEN"
	same "$(tiffin logout "$BASIC")" "Removed login credentials for $BASIC"
	fails 125 logout "$BASIC"
	contains "$error" "not logged into $BASIC"
	same "$(tiffin login --get-login "$TOKEN")" me
	same "$(tiffin logout --all)" "Removed login credentials for all registries"
	fails 125 login --get-login "$TOKEN"
	refuses "authentication required" "$BASIC/busybox"
}

@test "what login keeps skopeo reads, and what skopeo keeps tiffin reads" {
	log_in "$BASIC"
	skopeo inspect --tls-verify=false "docker://$BASIC/busybox" >/dev/null
	tiffin logout "$BASIC"
	skopeo login --tls-verify=false -u me --password-stdin "$BASIC" <<<secret
	same "$(tiffin login --get-login "$BASIC")" me
	pulls "$BASIC/busybox"
	log_in "$BASIC"
	skopeo logout "$BASIC"
	refuses "authentication required" "$BASIC/busybox"
}

@test "--authfile is written and read in place of all others" {
	log_in --authfile "$BATS_TEST_TMPDIR/mine" "$BASIC"
	[ ! -e "$AUTH" ]
	refuses "authentication required" "$BASIC/busybox"
	pulls --authfile "$BATS_TEST_TMPDIR/mine" "$BASIC/busybox"
	refuses "there is no file '/nowhere'" --authfile /nowhere "$BASIC/busybox"
	REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/mine pulls "$BASIC/busybox"
}

@test "files are read in their order" {
	write_auth "$HOME/.docker/config.json" "$BASIC" me:secret
	pulls "$BASIC/busybox"
	write_auth "$HOME/.config/containers/auth.json" "$BASIC" me:wrong
	refuses "authentication required" "$BASIC/busybox"
	write_auth "$AUTH" "$BASIC" me:secret
	pulls "$BASIC/busybox"
	write_auth "$BATS_TEST_TMPDIR/mine" "$BASIC" me:wrong
	REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/mine refuses "authentication required" "$BASIC/busybox"
}

@test "the most specific key counts" {
	write_auth "$AUTH" "$TOKEN" me:wrong
	jq --arg key "$TOKEN/public" --arg auth "$(printf me:secret | base64)" \
		'.auths[$key] = {auth: $auth}' "$AUTH" >"$AUTH.new"
	mv "$AUTH.new" "$AUTH"
	pulls "$TOKEN/public/busybox"
	refuses "invalid username/password" "$TOKEN/busybox"
}

@test "docker's keys may be addresses" {
	write_auth "$HOME/.docker/config.json" "http://$BASIC/v1/" me:secret
	pulls "$BASIC/busybox"
}

@test "an identity token is exchanged for a token" {
	mkdir -p "$(dirname "$AUTH")"
	jq -n --arg key "$TOKEN" '{auths: {($key): {identitytoken: "identity"}}}' >"$AUTH"
	pulls "$TOKEN/busybox"
	contains "$(curl -fsS "http://$TOKEN/_requests" | jq -r '.[-1].query')" \
		grant_type=refresh_token refresh_token=identity scope=repository%3Abusybox%3Apull
}

@test "a token that has run out is had anew" {
	pulls --creds me:secret "$TOKEN/busybox"
	curl -fsS "http://$TOKEN/_expire" >/dev/null
	pulls --creds me:secret "$TOKEN/busybox"
}

make_helper() {
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/keys"
	cat >"$BATS_TEST_TMPDIR/bin/docker-credential-test" <<-'END'
		#!/bin/sh
		# Keeps a file a server.
		cd "${0%/*}/../keys" && input=$(cat)
		echo "$1 $input" >>log
		key=$(printf %s "$input" | jq -r '.ServerURL' 2>/dev/null) || key=$input
		file=$(printf %s "$key" | tr / _)
		case $1 in
		store) printf %s "$input" >"$file" ;;
		erase) rm -f "$file" ;;
		get)
			[ -e "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
			cat "$file"
			;;
		esac
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-test"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	KEYS=$BATS_TEST_TMPDIR/keys
}

@test "credential helpers keep, give and forget" {
	make_helper
	mkdir -p "$(dirname "$AUTH")"
	jq -n --arg key "$BASIC" '{credHelpers: {($key): "test"}}' >"$AUTH"
	refuses "authentication required" "$BASIC/busybox"
	log_in "$BASIC"
	same "$(jq -r '.Username + .Secret' "$KEYS/$BASIC")" mesecret
	lacks "$(cat "$AUTH")" "$(printf me:secret | base64)"
	pulls "$BASIC/busybox"
	tiffin logout "$BASIC"
	[ ! -e "$KEYS/$BASIC" ]
	contains "$(cat "$KEYS/log")" "erase $BASIC"
}

@test "docker's credsStore is asked" {
	make_helper
	mkdir -p "$HOME/.docker"
	echo '{"auths": {}, "credsStore": "test"}' >"$HOME/.docker/config.json"
	refuses "authentication required" "$BASIC/busybox"
	jq -n --arg server "$BASIC" '{ServerURL: $server, Username: "me", Secret: "secret"}' \
		>"$KEYS/$BASIC"
	pulls "$BASIC/busybox"
}

@test "a helper that is not there, and one whose name is a path, are errors" {
	mkdir -p "$(dirname "$AUTH")"
	jq -n --arg key "$BASIC" '{credHelpers: {($key): "nowhere"}}' >"$AUTH"
	refuses "docker-credential-nowhere" "$BASIC/busybox"
	jq -n --arg key "$BASIC" '{credHelpers: {($key): "x/../../sh"}}' >"$AUTH"
	refuses "is no credential helper's name" "$BASIC/busybox"
}

@test "a helper that fails, or has no end, is an error that names it" {
	make_helper
	mkdir -p "$(dirname "$AUTH")"
	jq -n --arg key "$BASIC" '{credHelpers: {($key): "odd"}}' >"$AUTH"
	printf '#!/bin/sh\necho no key ring; exit 3\n' >"$BATS_TEST_TMPDIR/bin/docker-credential-odd"
	chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-odd"
	refuses "'docker-credential-odd': 'get' ends with status 3: no key ring" "$BASIC/busybox"
	printf '#!/bin/sh\nexec yes\n' >"$BATS_TEST_TMPDIR/bin/docker-credential-odd"
	refuses "docker-credential-odd': more than 1048576 bytes" "$BASIC/busybox"
}

@test "files that are none are errors that name them" {
	mkdir -p "$(dirname "$AUTH")"
	echo '{"auths": ' >"$AUTH"
	refuses "$AUTH" "$BASIC/busybox"
	jq -n --arg key "$BASIC" '{auths: {($key): {auth: "no base64"}}}' >"$AUTH"
	refuses "'auth' is not the base64" "$BASIC/busybox"
	: >"$AUTH"
	refuses "authentication required" "$BASIC/busybox"
	head -c 4194305 /dev/zero >"$AUTH"
	refuses "more than 4194304 bytes" "$BASIC/busybox"
	rm "$AUTH"
	mkfifo "$AUTH"
	refuses "is not a regular file" "$BASIC/busybox"
}

@test "no password is among the arguments of any process" {
	[ "$TIFFIN_TEST_IDS" = single ] ||
		skip "cannot be had here: newuidmap has no privileges under strace"
	# The leak checker traces, too.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -e trace=execve -s 4096 -o "$BATS_TEST_TMPDIR/trace" \
		"$TIFFIN" login -u me --password-stdin "$BASIC" <<<secret
	contains "$(cat "$BATS_TEST_TMPDIR/trace")" tiffin-image
	lacks "$(cat "$BATS_TEST_TMPDIR/trace")" secret
}

shown() { # shown: how often the password was, to the registry and elsewhere
	curl -fsS "http://localhost:$port/_requests" |
		jq -r '[.[] | select((.authorization // "") | startswith("Basic"))] |
			"\(map(select(.elsewhere | not)) | length > 0) \(map(select(.elsewhere)) | length)"'
}

@test "a password goes to no other port, wherever realms and redirects lead" {
	for mode in password token-redirect realm-port token-once challenge-many; do
		echo "mode $mode" >&2
		lie "$mode"
		pulls --creds me:secret "localhost:$port/lunch"
		want="true 0"
		[ "$mode" != realm-port ] || want="false 0"
		same "$(shown)" "$want"
		# Nor does a token that the registry gave.
		same "$(curl -fsS "http://localhost:$port/_requests" |
			jq '[.[] | select(.elsewhere and .authorization)] | length')" 0
		stop_lying
	done
}

@test "who asks for a password where a redirect led is given no answer" {
	lie redirect-401
	refuses "authentication required" --creds me:secret "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq -c '[.[] | select(.elsewhere) | .authorization]')" \
		'[null]'
	same "$(shown)" "false 0"
	stop_lying
}

@test "an identity token goes nowhere that a redirect leads" {
	lie token-redirect
	mkdir -p "$(dirname "$AUTH")"
	jq -n --arg key "localhost:$port" '{auths: {($key): {identitytoken: "secret identity"}}}' >"$AUTH"
	refuses "status 307" "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq -c '[.[] | [.method, .elsewhere]]')" \
		'[["GET",false],["POST",false]]'
}

lies() { # lies MODE TEXT
	lie "$1"
	echo "mode $1" >&2
	refuses "$2" --creds me:secret "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" |
		jq '[.[] | select(.elsewhere)] | length')" 0
	stop_lying
}

@test "token servers that lie" {
	lies token-refused "invalid username/password"
	lies token-endless "has no end"
	lies token-html "not JSON"
	lies token-newline "no valid token"
	lies token-long "no valid token"
}

@test "a token that nobody takes is not asked for again and again" {
	lie token-useless
	refuses "authentication required" --creds me:secret "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq length)" 3
	stop_lying
}

@test "realms that are none, or without TLS" {
	lies realm-file "no address of a token server"
	lies realm-user "no address of a token server"
	lies realm-http "without TLS"
	lies challenge-bad malformed
}
