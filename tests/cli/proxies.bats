# ids: any
#
# Proxies, by the environment: a proxy that writes down what it is asked for (proxy.py) leads to
# Debian's docker-registry, by a name that nobody else can resolve.
load ../lib/common

setup_file() {
	local work=$BATS_FILE_TMPDIR
	own_store busybox
	"$LIB/registry.sh" start "$work/tls" 3>&- 4>&- >"$work/address"
	python3 "$LIB/images.py" push "$(cat "$work/address")" busybox
	"$LIB/registry.sh" stop "$work/tls"
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=registry.test -days 2 \
		-addext subjectAltName=DNS:registry.test \
		-keyout "$work/key.pem" -out "$work/ca.crt" 2>/dev/null
	TLS=$(REGISTRY_HTTP_TLS_CERTIFICATE=$work/ca.crt REGISTRY_HTTP_TLS_KEY=$work/key.pem \
		"$LIB/registry.sh" start "$work/tls" 3>&- 4>&-)
	mkdir "$work/certs"
	cp "$work/ca.crt" "$work/certs/"
	export TLS CERTS=$work/certs
}

teardown_file() {
	"$LIB/registry.sh" stop "$BATS_FILE_TMPDIR/tls"
	drop_store
}

setup() {
	unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
	start_proxy
}
teardown() { kill "$proxy"; }

start_proxy() {
	python3 "$LIB/proxy.py" "$REGISTRY" "$TLS" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	proxy=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	PROXY=127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}

asked() {
	curl -fsS --noproxy '*' "http://$PROXY/_requests" | jq -r '.[]'
}

pulls() { # pulls ARGUMENT…
	run --separate-stderr tiffin pull -q "$@"
	printf '%s\n' "$stderr" >&2
	same "$status" 0
	matches "$output" '^[0-9a-f]{64}$'
}

@test "without a proxy there is no such host" {
	fails 125 pull -q --cert-dir "$CERTS" registry.test/busybox
	contains "$error" "there is no such host"
}

@test "TLS goes through HTTPS_PROXY, in either case, and is verified to its end" {
	HTTPS_PROXY=http://$PROXY pulls --cert-dir "$CERTS" registry.test/busybox
	https_proxy=http://$PROXY pulls --cert-dir "$CERTS" registry.test/busybox
	contains "$(asked)" "CONNECT registry.test:443"
	lacks "$(asked)" GET
	HTTPS_PROXY=http://$PROXY fails 125 pull -q registry.test/busybox
	contains "$error" "cannot trust registry 'registry.test'"
}

@test "plain HTTP goes through HTTP_PROXY, in either case" {
	HTTP_PROXY=http://$PROXY pulls --tls-verify=false registry.test/busybox
	contains "$(asked)" "GET http://registry.test/v2/busybox/manifests/latest"
	http_proxy=http://$PROXY pulls --tls-verify=false registry.test/busybox
}

@test "HTTP_PROXY of a CGI script is its client's header, and not heeded" {
	REQUEST_METHOD=GET HTTP_PROXY=http://$PROXY fails 125 pull -q --tls-verify=false registry.test/busybox
	same "$(asked)" ""
}

@test "NO_PROXY names who is asked without one" {
	for names in registry.test .test '*' "x.io, registry.test"; do
		NO_PROXY=$names HTTPS_PROXY=http://$PROXY fails 125 pull -q --cert-dir "$CERTS" registry.test/busybox
		contains "$error" "there is no such host"
	done
	same "$(asked)" ""
	no_proxy=other.test HTTPS_PROXY=http://$PROXY pulls --cert-dir "$CERTS" registry.test/busybox
}

@test "loopback is never asked through a proxy" {
	HTTP_PROXY=http://$PROXY HTTPS_PROXY=http://$PROXY ALL_PROXY=http://$PROXY pulls "$BUSYBOX"
	HTTP_PROXY=http://$PROXY HTTPS_PROXY=http://$PROXY pulls "${BUSYBOX/localhost/127.0.0.1}"
	same "$(asked)" ""
}

@test "a proxy that wants a password is shown that of its address, and no registry is" {
	kill "$proxy"
	rm "$BATS_TEST_TMPDIR/port"
	PROXY_USER=me:secret start_proxy
	HTTPS_PROXY=http://$PROXY fails 125 pull -q --retry 0 --cert-dir "$CERTS" registry.test/busybox
	contains "$error" 407
	HTTPS_PROXY=http://me:secret@$PROXY pulls --cert-dir "$CERTS" registry.test/busybox
}

@test "a proxy that is not there is an error" {
	HTTPS_PROXY=http://nowhere.invalid:1 fails 125 pull -q --cert-dir "$CERTS" registry.test/busybox
	contains "$error" "proxy"
	HTTPS_PROXY=http://127.0.0.1:1 fails 125 pull -q --cert-dir "$CERTS" registry.test/busybox
	contains "$error" "refused"
}
