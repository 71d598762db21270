# ids: any
#
# TLS by an authority that only the user knows: Debian's docker-registry, once as everybody may talk
# to it and once for those who show a certificate of the same authority.
load ../lib/common

setup_file() {
	local work=$BATS_FILE_TMPDIR
	own_store busybox
	"$LIB/registry.sh" start "$work/tls" 3>&- 4>&- >"$work/address"
	python3 "$LIB/images.py" push "$(cat "$work/address")" busybox
	"$LIB/registry.sh" stop "$work/tls"
	cp -R "$work/tls" "$work/client"

	make_authority ca
	make_authority other
	make_certificate server /CN=localhost
	make_certificate me /CN=me
	export REGISTRY_HTTP_TLS_CERTIFICATE=$work/server.pem REGISTRY_HTTP_TLS_KEY=$work/server.key
	TLS=$("$LIB/registry.sh" start "$work/tls" 3>&- 4>&-)
	export REGISTRY_HTTP_TLS_CLIENTCAS="[$work/ca.pem]"
	CLIENT=$("$LIB/registry.sh" start "$work/client" 3>&- 4>&-)
	unset REGISTRY_HTTP_TLS_CERTIFICATE REGISTRY_HTTP_TLS_KEY REGISTRY_HTTP_TLS_CLIENTCAS
	export TLS CLIENT WORK=$work
}

teardown_file() {
	"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/tls"
	"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/client"
	drop_store
}

setup() {
	export HOME=$BATS_TEST_TMPDIR/home
	unset XDG_CONFIG_HOME
	mkdir -m 700 "$HOME"
}

make_authority() { # make_authority NAME: NAME.pem and NAME.key
	openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$1" -days 2 \
		-keyout "$BATS_FILE_TMPDIR/$1.key" -out "$BATS_FILE_TMPDIR/$1.pem" 2>/dev/null
}

make_certificate() { # make_certificate NAME SUBJECT: signed by ca
	local at=$BATS_FILE_TMPDIR/$1
	openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$at.key" -out "$at.csr" 2>/dev/null
	openssl x509 -req -in "$at.csr" -CA "$BATS_FILE_TMPDIR/ca.pem" \
		-CAkey "$BATS_FILE_TMPDIR/ca.key" -CAcreateserial -days 2 -out "$at.pem" \
		-extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
}

certs() { # certs DIRECTORY [NAME…]: puts files into a directory for certificates
	local to=$1 name
	shift
	mkdir -p "$to"
	for name in "$@"; do
		case $name in
		ca | other) cp "$WORK/$name.pem" "$to/$name.crt" ;;
		*) cp "$WORK/$name.pem" "$to/$name.cert" && cp "$WORK/$name.key" "$to/$name.key" ;;
		esac
	done
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

@test "an authority that nobody knows is not trusted" {
	fails 125 pull -q "$TLS/busybox"
	contains "$error" "cannot trust registry '$TLS'"
}

@test "an authority in the user's certs.d is trusted, for that registry alone" {
	certs "$HOME/.config/containers/certs.d/$TLS" ca
	pulls "$TLS/busybox"
	fails 125 pull -q "${TLS/localhost/127.0.0.1}/busybox"
	contains "$error" "cannot trust registry"
}

@test "XDG_CONFIG_HOME comes before ~/.config" {
	certs "$BATS_TEST_TMPDIR/config/containers/certs.d/$TLS" ca
	certs "$HOME/.config/containers/certs.d/$TLS" other
	XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config pulls "$TLS/busybox"
	fails 125 pull -q "$TLS/busybox"
}

@test "several authorities are trusted, and what is in the file besides is passed over" {
	certs "$HOME/.config/containers/certs.d/$TLS" other ca
	{ printf 'de la Caf\xe9 \n' && cat "$WORK/ca.pem"; } >"$HOME/.config/containers/certs.d/$TLS/ca.crt"
	pulls "$TLS/busybox"
}

@test "--cert-dir holds the files itself, and is the only place" {
	certs "$BATS_TEST_TMPDIR/certs" ca
	pulls --cert-dir "$BATS_TEST_TMPDIR/certs" "$TLS/busybox"
	certs "$HOME/.config/containers/certs.d/$TLS" ca
	certs "$BATS_TEST_TMPDIR/wrong" other
	fails 125 pull -q --cert-dir "$BATS_TEST_TMPDIR/wrong" "$TLS/busybox"
	contains "$error" "cannot trust registry"
	fails 125 pull -q --cert-dir "$BATS_TEST_TMPDIR/nothing" "$TLS/busybox"
	contains "$error" "no directory"
}

@test "a certificate is shown to who wants one" {
	local dir=$HOME/.config/containers/certs.d/$CLIENT
	certs "$dir" ca
	fails 125 pull -q "$CLIENT/busybox"
	certs "$dir" me
	pulls "$CLIENT/busybox"
	run --separate-stderr tiffin login --cert-dir "$dir" -u me -p x "$CLIENT"
	same "$status" 0
}

@test "a pair of which one is missing is an error that names it" {
	local dir=$BATS_TEST_TMPDIR/certs
	certs "$dir" ca me
	rm "$dir/me.key"
	fails 125 pull -q --cert-dir "$dir" "$CLIENT/busybox"
	contains "$error" "missing key me.key for client certificate me.cert"
	contains "$hint" ".crt"
	certs "$dir" me
	rm "$dir/me.cert"
	fails 125 pull -q --cert-dir "$dir" "$CLIENT/busybox"
	contains "$error" "missing client certificate me.cert for key me.key"
}

@test "a certificate that is none is an error" {
	certs "$BATS_TEST_TMPDIR/certs" ca me
	echo nonsense >"$BATS_TEST_TMPDIR/certs/me.cert"
	fails 125 pull -q --cert-dir "$BATS_TEST_TMPDIR/certs" "$CLIENT/busybox"
	contains "$error" "is of no use"
}

@test "--tls-verify is a boolean" {
	fails 125 pull -q --tls-verify=maybe "$TLS/busybox"
	contains "$error" "'maybe' is not a boolean"
	pulls --tls-verify=false "$TLS/busybox"
}
