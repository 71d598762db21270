# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }
setup() {
	export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/conf
	: >"$CONTAINERS_REGISTRIES_CONF"
}
teardown() { [ -z "${server:-}" ] || kill "$server"; }

serve() { # serve: a registry that has a search, as Docker Hub; its address is $HUB
	cat >"$BATS_TEST_TMPDIR/hub.py" <<-'END'
		import http.server, json, urllib.parse
		class Hub(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        url = urllib.parse.urlsplit(self.path)
		        found = [{"name": "x/" + n, "description": d, "star_count": s, "is_official": o}
		                 for n, d, s, o in (("one", "plain", 3, False), ("two", "a" * 60, 7, True),
		                                    ("three", "\x1b[31mred", 0, False))]
		        ask = urllib.parse.parse_qs(url.query)
		        body = json.dumps({"results": found, "asked": ask}).encode()
		        ok = url.path == "/v1/search" and ask == {"q": ["a b/c"], "n": ["25"]}
		        self.send_response(200 if ok else 404)
		        self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        self.wfile.write(body)
		    def log_message(self, *args):
		        pass
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
		print(server.server_port, flush=True)
		server.serve_forever()
	END
	python3 "$BATS_TEST_TMPDIR/hub.py" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	server=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	HUB=localhost:$(cat "$BATS_TEST_TMPDIR/port")
}

# The other user's tests push to this registry, too, between one question and the next.
@test "a registry without a search is asked for its repositories, and a full match comes first" {
	run --separate-stderr tiffin search "$BUSYBOX"
	same "$status" 0
	matches "${lines[0]}" '^NAME +DESCRIPTION *$'
	same "$(awk '{print $1}' <<<"${lines[1]}")" "$BUSYBOX"
	contains "$output" "$REGISTRY/team/tools/busybox"
	first_of_them() {
		same "$(tiffin search --limit 1 --format '{{.Index}} {{.Name}}' "$REGISTRY/busy")" "$REGISTRY $(
			curl -fsS "http://$REGISTRY/v2/_catalog?n=1000" | jq -r '[.repositories[] | select(contains("busy"))][0]' |
				sed "s|^|$REGISTRY/|")"
	}
	wait_for first_of_them
}

@test "an empty term finds all, and one that is not there nothing" {
	all_of_them() {
		same "$(tiffin search --limit 1000 --format '{{.Name}}' "$REGISTRY/" | sort)" "$(
			curl -fsS "http://$REGISTRY/v2/_catalog?n=1000" | jq -r '.repositories[]' |
				sed "s|^|$REGISTRY/|" | sort)"
	}
	wait_for all_of_them
	same "$(tiffin search --format '{{.Name}}' "$REGISTRY/no-such-thing")" ""
}

@test "a search of the registry's own is asked, and its text is safe" {
	serve
	run --separate-stderr tiffin search "$HUB/a b/c"
	same "$status" 0
	contains "$output" "$HUB/x/one" plain "$(printf 'a%.0s' {1..44})..."
	lacks "$output" $'\e' "$(printf 'a%.0s' {1..45})"
	contains "$(tiffin search --no-trunc "$HUB/a b/c")" "$(printf 'a%.0s' {1..60})"
	same "$(tiffin search --filter stars=3 --format '{{.Name}} {{.Stars}}' "$HUB/a b/c")" \
		"$HUB/x/one 3
$HUB/x/two 7"
	same "$(tiffin search -f is-official --format '{{.Name}} {{.Official}}' "$HUB/a b/c")" "$HUB/x/two [OK]"
	same "$(tiffin search -f is-official=false -f stars=1 --format '{{.Name}}' "$HUB/a b/c")" "$HUB/x/one"
}

@test "--list-tags prints a repository's tags" {
	run --separate-stderr tiffin search --list-tags "$BUSYBOX"
	same "$status" 0
	matches "${lines[0]}" '^NAME +TAG *$'
	same "$(tiffin search --list-tags --format '{{.Tag}}' "$BUSYBOX" | sort)" \
		"$(curl -fsS "http://$REGISTRY/v2/busybox/tags/list" | jq -r '.tags[]' | sort)"
	same "$(tiffin search --list-tags --limit 1 --format '{{.Tag}}' "$BUSYBOX" | wc -l)" 1
	fails 125 search --list-tags "$REGISTRY/nothing"
	contains "$error" "$REGISTRY" "list tags"
}

@test "a term without a registry is looked for in the registries to search" {
	printf 'unqualified-search-registries = ["localhost:1", "%s"]\n' "$REGISTRY" >"$CONTAINERS_REGISTRIES_CONF"
	run --separate-stderr tiffin search --format '{{.Name}}' team/tools
	same "$status" 125
	same "$output" "$REGISTRY/team/tools/busybox"
	contains "$stderr" "localhost:1"
}

@test "options that make no sense" {
	fails 125 search --limit 0 "$BUSYBOX"
	fails 125 search --filter colour=red "$BUSYBOX"
	contains "$error" "invalid filter 'colour=red'"
	fails 125 search --filter stars=many "$BUSYBOX"
	fails 125 search --list-tags --filter stars=1 "$BUSYBOX"
	contains "$error" "not applicable"
}
