# ids: any
#
# Images that mean harm (hostile_registry.py says how), each beside one that is like it and means none:
# refused, with what is wrong, and nothing of it in the store; or taken, and harmless.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { stop_serving; }
teardown_file() { drop_store; }

serve() { # serve KIND [ARGUMENT…]: the registry's port is in $port, and the image's name in $image
	stop_serving
	rm -f "$BATS_TEST_TMPDIR/port"
	PYTHONDONTWRITEBYTECODE=1 python3 "$LIB/hostile_registry.py" "$@" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	server=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	port=$(cat "$BATS_TEST_TMPDIR/port")
	image=localhost:$port/lunch
	echo "$*" >&2
}

stop_serving() {
	[ -n "${server:-}" ] || return 0
	kill "$server"
	wait "$server" 2>/dev/null || :
	server=
}

# No control character, and no bidirectional one, but what ends lines.
is_plain() {
	lacks "$1" $'\e' $'\a' $'\r' $'\u009b' $'\u202e'
}

refused() { # refused TEXT KIND [ARGUMENT…]
	local text=$1 before
	shift
	before=$(snapshot)
	serve "$@"
	fails 125 pull "$image"
	contains "$error" "$text"
	is_plain "$stderr"
	same "$(snapshot)" "$before"
}

taken() { # taken KIND [ARGUMENT…]: and it is left in the store
	serve "$@"
	run --separate-stderr tiffin pull -q "$image"
	echo "$stderr" >&2
	same "$status" 0
	is_plain "$output$stderr"
}

# What a person sees: on a terminal, whose lines end in a carriage return, too.
shown() { # shown ARGUMENT…
	run python3 "$LIB/terminal.py" -- "$TIFFIN" "$@" 3>&- 4>&-
	echo "tiffin $*" >&2
	same "$status" 0
	output=${output//$'\r\n'/$'\n'}
	is_plain "${output%$'\r'}"
}

forget() {
	tiffin rmi "$image" >/dev/null
}

asked_for() {
	curl -fsS "http://localhost:$port/_requests" | jq -r '.[].path'
}

@test "a digest that is none is refused wherever it stands, and nothing is asked for by it" {
	for field in config layer manifest diff-id; do
		taken digest "$field" good
		forget
		for form in dotdot upper short long newline sha512 empty number; do
			refused "not a SHA-256 digest" digest "$field" "$form"
			lacks "$(asked_for)" "a/../" ".." SHA256 sha512
		done
		refused "" digest "$field" nul
	done
}

@test "a digest that is none is refused where the user writes it" {
	for digest in sha256:../x "sha256:$(printf 'A%.0s' {1..64})" sha256:abc md5:d41d8cd98f00b204e9800998ecf8427e; do
		fails 125 pull "localhost:1/lunch@$digest"
		contains "$error" "invalid reference format"
	done
}

@test "what inflates to 100 GB ends before anything of it is written" {
	taken bomb small
	forget
	refused "larger than any may be" bomb zstd
	refused "larger than any may be" bomb gzip
}

@test "documents that are deep, ambiguous or endless" {
	taken document good-config
	forget
	refused "not an image configuration" document deep-config
	refused "duplicate" document duplicate-config
	refused "1000000 layers" document million-diff-ids
}

@test "whiteouts of nothing, of a directory itself, and of its parent" {
	taken entry good
	forget
	for which in whiteout-dotdot whiteout-dot whiteout-nothing; do
		refused "is not a valid whiteout" entry "$which"
	done
}

# A marker of the layer's own, not of overlayfs': root and etc are what the lower layer has.
@test "extended attributes of overlayfs' own hide nothing" {
	serve entry overlay-xattrs
	layer=$(find "$TIFFIN_ROOT/layers" -mindepth 1 -maxdepth 1 | sort)
	tiffin pull -q "$image"
	new=$(comm -13 <(echo "$layer") <(find "$TIFFIN_ROOT/layers" -mindepth 1 -maxdepth 1 | sort))
	[ -n "$new" ]
	for dir in $new; do
		lacks "$(getfattr -R -d -m - "$dir/fs" 2>/dev/null)" overlay
	done
	forget
	# What is looked for would be seen: a directory that a whiteout has made opaque has one.
	mkdir "$BATS_TEST_TMPDIR/marked"
	setfattr -n user.overlay.opaque -v y "$BATS_TEST_TMPDIR/marked"
	contains "$(getfattr -d -m - "$BATS_TEST_TMPDIR/marked" 2>/dev/null)" overlay
}

@test "a character device 0:0 hides nothing" {
	taken entry char-zero
	same "$(find "$TIFFIN_ROOT/layers" -type c -name hello)" ""
	forget
}

@test "names of any bytes are taken as they are" {
	taken entry newline
	[ -n "$(find "$TIFFIN_ROOT/layers" -name $'new\nline')" ]
	[ -n "$(LC_ALL=C find "$TIFFIN_ROOT/layers" -name $'latin-\xe9')" ]
	forget
}

@test "owners of 32 bits and more" {
	for which in uid-max uid-beyond; do
		if [ "$TIFFIN_TEST_IDS" = single ]; then
			taken entry "$which"
			forget
		else
			refused "beyond your range" entry "$which"
			contains "$error" "'owned' belongs to"
			contains "$hint" /etc/subuid
		fi
	done
}

@test "text for the terminal is escaped in what goes wrong" {
	refused "leads out of the layer" escape file
	contains "$error" '\x1b[2J'
	refused "unknown type" escape media-type
	refused "no image found for platform" escape platform
	refused "no image found for platform" escape variant
}

@test "text for the terminal is escaped in warnings" {
	serve escape architecture
	run --separate-stderr tiffin pull "$image"
	same "$status" 0
	contains "$stderr" "the image is for" '\x1b'
	is_plain "$output$stderr"
	forget
}

@test "text for the terminal is escaped in what is shown" {
	for where in created-by command label env; do
		taken escape "$where"
		for command in images "history $image" "history --no-trunc $image" "inspect $image" \
			"image tree $image" "create --name escaping $image" "ps -a" "ps -a --no-trunc" \
			"inspect escaping" "rm escaping"; do
			# shellcheck disable=SC2086 # words
			shown $command
		done
		forget
	done
}

# Into a pipe goes what is there: scripts want it so.
@test "templates escape what they show" {
	taken escape label
	shown inspect --format '{{index .Config.Labels "l"}} {{json .Config.Labels}}' "$image"
	contains "$output" evil '\x1b[2J'
	contains "$(tiffin inspect --format '{{index .Config.Labels "l"}}' "$image")" $'\e[2J'
	forget
}

@test "names that the user gives are escaped" {
	for command in "run --rm" "create --name" "rm" "logs" "inspect" "rmi" "tag $BUSYBOX" "pull" "start"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr tiffin $command $'x\e[2J\u202e' y
		echo "tiffin $command: $stderr" >&2
		[ "$status" -ne 0 ]
		is_plain "$output$stderr"
	done
}

@test "layers in every form in which they may be" {
	for how in zstd plain empty foreign; do
		taken layer "$how"
		forget
	done
}

@test "a foreign layer is had from the registry, and nobody else is asked for it" {
	serve layer foreign
	tiffin pull -q "$image"
	lacks "$(asked_for)" elsewhere
	contains "$(asked_for)" /blobs/
	forget
}

@test "layers in forms in which none may be" {
	for how in xz bzip2 cpio; do
		refused "not a valid tar archive" layer "$how"
	done
}

@test "indexes of indexes" {
	for depth in 1 2 3; do
		taken index "$depth"
		forget
	done
	refused "nested too deeply" index 4
}

# What containerd takes: the nearest older variant, and 32-bit programs on a 64-bit machine.
@test "--platform chooses the variant that suits best" {
	serve variants
	while read -r wanted got; do
		tiffin pull -q --platform "$wanted" "$image" >/dev/null
		same "$wanted $(tiffin inspect -f '{{.Architecture}}{{with .Variant}} {{.}}{{end}}' "$image")" \
			"$wanted $got"
		forget
	done <<-EOF
		linux/arm/v7 arm v7
		linux/arm arm v7
		linux/arm/v6 arm v6
		linux/arm/v5 arm v5
		linux/arm/v8 arm v7
		linux/arm64 arm64 v8
		linux/arm64/v8 arm64 v8
		linux/aarch64 arm64 v8
		linux/amd64 amd64
		linux/x86_64 amd64
		linux/amd64/v2 amd64
		linux/amd64/v3 amd64 v3
		linux/amd64/v4 amd64 v3
		linux/386 386
	EOF
	fails 125 pull --platform linux/s390x "$image"
	contains "$error" "no image found for platform linux/s390x"
}
