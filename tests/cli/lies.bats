# ids: any
#
# A registry that lies (lying_registry.py says how): an error that names the cause, status 125, and
# nothing of it in the store.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { [ -z "${liar:-}" ] || kill "$liar"; }
teardown_file() { drop_store; }

refused() { # refused MODE TEXT…: the pull fails and says so
	local mode=$1 before
	shift
	before=$(snapshot)
	lie "$mode"
	echo "mode $mode" >&2
	fails 125 pull --retry-delay 0 "localhost:$port/lunch"
	contains "$error" "localhost:$port" "$@"
	lacks "$stderr" $'\e' $'\a'
	same "$(snapshot)" "$before"
	stop_lying
}

taken() { # taken MODE: the pull succeeds, and what it made is removed again
	lie "$1"
	echo "mode $1" >&2
	run --separate-stderr tiffin pull -q "localhost:$port/lunch"
	echo "$stderr" >&2
	same "$status" 0
	tiffin rmi "localhost:$port/lunch" >/dev/null
	stop_lying
}

@test "one that does not lie" {
	taken good
	taken index
	taken redirect
}

@test "connections that break are taken up again" {
	taken cut-once
	taken cut-often
	taken cut-no-range
	taken 500-twice
	taken token-cut
	taken no-length
	refused wrong-range "resumes where nobody asked it to"
}

@test "what is out of order for a while is asked for again: manifest, configuration, token, layer" {
	taken 500-all
	taken token-500
	taken reset-all
}

@test "--retry 0 asks once" {
	lie 500-all
	fails 125 pull -q --retry 0 "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq length)" 1
	stop_lying
}

@test "a registry that says when to come back is not asked before" {
	taken 429-once
	taken 429-date
}

@test "a layer that stalls is taken up again where it was" {
	taken stall-once
	taken trickle-once
}

@test "Ctrl-C in mid-layer leaves nothing" {
	before=$(snapshot)
	lie stall
	env --default-signal=INT setsid "$TIFFIN" pull "localhost:$port/lunch" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	wait_for sh -c "ls '$TIFFIN_ROOT'/tmp | grep -q ."
	kill -INT -- "-$!"
	wait $! || :
	contains "$(cat "$BATS_TEST_TMPDIR/out")" interrupted
	same "$(snapshot)" "$before"
	stop_lying
}

@test "a pull that was killed goes on with the layers that are missing" {
	empty_store
	lie two-stall
	"$TIFFIN" pull -q "localhost:$port/lunch" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	wait_for sh -c "ls '$TIFFIN_ROOT'/layers 2>/dev/null | grep -q ."
	kill -9 $!
	wait $! || :
	stop_lying
	lie two
	tiffin pull -q "localhost:$port/lunch"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq -r '.[].path' | grep -c blobs)" 2
	stop_lying
	drop_store
	export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store
}

@test "statuses are put into words" {
	refused 401 "authentication required"
	refused 403 "denied"
	refused 404 "manifest unknown"
	refused 404-html "manifest unknown"
	refused 429 "too many requests"
	refused 500 500
	refused 500-manifest 500
}

@test "a registry's text is escaped" {
	refused 404-escape
}

@test "what is no manifest" {
	refused html "text/html"
	refused not-json "not JSON"
	refused deep-json "not a manifest"
	refused duplicate-keys duplicate
	refused schema1 "schema 1"
	refused artifact artifact
}

@test "a manifest that is two things, or not what its type says" {
	refused confusion "an image and an index at once"
	refused confusion-type "not of the type"
}

@test "digests that are none, and bytes that are others" {
	refused bad-digest "not a SHA-256 digest"
	refused wrong-config "wrong digest"
	refused wrong-digest "wrong digest"
	refused flipped-bit "wrong digest"
	refused wrong-diff-id "wrong diff ID"
}

@test "a manifest that is not what was asked for" {
	lie wrong-manifest
	digest=sha256:$(curl -fsS "http://localhost:$port/v2/lunch/manifests/latest" | head -c -1 |
		sha256sum | cut -d' ' -f1)
	before=$(snapshot)
	fails 125 pull "localhost:$port/lunch@$digest"
	contains "$error" "wrong digest"
	same "$(snapshot)" "$before"
	stop_lying
}

@test "what the store has is not asked for again, unless it was changed" {
	lie good
	id=$(tiffin pull -q "localhost:$port/lunch")
	image=localhost:$port/lunch@$(tiffin inspect -f '{{.Digest}}' "$id")
	before=$(requests)
	tiffin pull -q "$image"
	same "$(requests)" "$before"
	printf ' ' >>"$TIFFIN_ROOT/images/$id/manifest"
	tiffin pull -q "$image"
	same "$(requests)" $((before + 1))
	printf ' ' >>"$TIFFIN_ROOT/images/$id/config"
	tiffin pull -q "$image"
	same "$(requests)" $((before + 2))
	tiffin rmi "$id" >/dev/null
	stop_lying
}

requests() { # how many so far, of those that say anything
	curl -fsS "http://localhost:$port/_requests" | jq '[.[] | select(.path != "/v2/")] | length'
}

@test "a digest that is none leads to no request" {
	lie bad-digest
	fails 125 pull "localhost:$port/lunch"
	lacks "$(curl -fsS "http://localhost:$port/_requests")" ".."
	stop_lying
}

@test "numbers that do not fit together" {
	refused million-layers layers
	refused layer-count "its manifest has 1 layers, and its configuration has 2"
	refused lying-size "bytes, and"
	refused config-size "bytes, and"
	refused short "bytes, and"
	refused long "longer than"
	refused truncated "broke off"
}

@test "platforms that are not there" {
	refused no-platform "no image found for platform"
	refused nested-index "nested too deeply"
}

@test "input without end" {
	refused endless-manifest "has no end"
	refused endless-config "has no end"
	refused endless-error "manifest unknown"
	refused endless-headers "has no end"
	refused endless-layer "longer than"
}

@test "redirects that lead astray" {
	refused redirect-file "redirects to where no registry leads"
	refused redirect-loop "in a circle"
}

@test "layers that lead out" {
	refused dotdot "leads out of the layer"
	refused hardlink-out "not in the layer"
	refused symlink-out "not a directory"
	[ ! -e "$TIFFIN_ROOT/escaped" ]
}

@test "layers that are no layers" {
	refused not-tar "not a valid tar archive"
	refused not-gzip "not a valid gzip stream"
	refused garbage-after "gzip stream"
	refused zstd-window zstd
}

@test "an owner beyond the range" {
	if [ "$TIFFIN_TEST_IDS" = single ]; then
		taken owner
	else
		refused owner "beyond your range"
	fi
}

@test "a registry that does not answer" {
	lie stall-manifest
	fails 125 pull --retry 1 "localhost:$port/lunch"
	contains "$error" "localhost:$port" "timed out"
	same "$(curl -fsS "http://localhost:$port/_requests" | jq length)" 2
	stop_lying
}
