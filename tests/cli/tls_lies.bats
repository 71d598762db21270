# ids: any
#
# Registries that speak TLS, and lead away from it or to others (lying_registry.py says how).
load ../lib/common

setup_file() {
	own_store busybox
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 2 \
		-keyout "$BATS_FILE_TMPDIR/ca.key" -out "$BATS_FILE_TMPDIR/ca.pem" 2>/dev/null
	make_certificate server DNS:localhost,IP:127.0.0.1
	make_certificate stranger DNS:elsewhere.example
	make_certificate me DNS:me
	export WORK=$BATS_FILE_TMPDIR
}

setup() {
	CERTS=$BATS_TEST_TMPDIR/certs
	mkdir "$CERTS"
	cp "$WORK/ca.pem" "$CERTS/ca.crt"
}

teardown() { [ -z "${liar:-}" ] || kill "$liar"; }
teardown_file() { drop_store; }

make_certificate() { # make_certificate NAME FOR: signed by ca
	local at=$BATS_FILE_TMPDIR/$1
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$at.key" -out "$at.csr" 2>/dev/null
	openssl x509 -req -in "$at.csr" -CA "$BATS_FILE_TMPDIR/ca.pem" \
		-CAkey "$BATS_FILE_TMPDIR/ca.key" -CAcreateserial -days 2 -out "$at.pem" \
		-extfile <(echo "subjectAltName=$2") 2>/dev/null
}

lie_over_tls() { # lie_over_tls MODE [NAME]: with the certificate of that name
	lie "$1" "$WORK/${2:-server}.pem" "$WORK/${2:-server}.key" "$WORK/ca.pem"
	image=localhost:$port/lunch
}

asked() { # asked FILTER: how many of the requests so far are such
	curl -fsSk "https://localhost:$port/_requests" | jq "[.[] | select($1)] | length"
}

refused() { # refused TEXT ARGUMENT…
	local text=$1
	shift
	fails 125 pull -q --retry 0 "$@" "$image"
	contains "$error" "$text"
}

taken() { # taken ARGUMENT…
	run --separate-stderr tiffin pull -q "$@" "$image"
	echo "$stderr" >&2
	same "$status" 0
	tiffin rmi "$image" >/dev/null
}

@test "a certificate of another host is not trusted" {
	lie_over_tls good stranger
	refused "cannot trust registry 'localhost:$port'" --cert-dir "$CERTS"
	taken --tls-verify=false
	stop_lying
	lie_over_tls good
	taken --cert-dir "$CERTS"
}

@test "a redirect does not leave TLS, unless nobody asked for certificates anyway" {
	lie_over_tls redirect-plain
	refused "redirects to where no registry leads" --cert-dir "$CERTS"
	same "$(asked .elsewhere)" 0
	taken --tls-verify=false
}

@test "no token is had without TLS for a registry that has it" {
	lie_over_tls realm-plain
	refused "does without TLS" --cert-dir "$CERTS"
	refused "does without TLS" --tls-verify=false
	same "$(asked .elsewhere)" 0
}

@test "an upload does not leave TLS, unless nobody asked for certificates anyway" {
	lie_over_tls push-plain
	fails 125 push -q --retry 0 --cert-dir "$CERTS" "$BUSYBOX" "$image"
	contains "$error" "without TLS: refused"
	same "$(asked .elsewhere)" 0
	tiffin push -q --tls-verify=false "$BUSYBOX" "$image"
	[ "$(asked .elsewhere)" -gt 0 ]
}

# --tls-verify=false is said of the registry alone.
@test "a token server on another host shows a certificate that is trusted" {
	lie_over_tls realm-tls
	taken --cert-dir "$CERTS"
	refused "cannot trust registry '127.0.0.1'" --tls-verify=false
}

@test "who we are is shown to the registry, and to no token server elsewhere" {
	cp "$WORK/me.pem" "$CERTS/me.cert"
	cp "$WORK/me.key" "$CERTS/me.key"
	lie_over_tls realm-tls
	taken --cert-dir "$CERTS"
	[ "$(asked '.certificate and (.elsewhere | not)')" -gt 0 ]
	[ "$(asked .elsewhere)" -gt 0 ]
	same "$(asked '.certificate and .elsewhere')" 0
}
