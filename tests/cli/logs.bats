# ids: any
load ../lib/common

setup_file() {
	own_store busybox
	# Two streams have no order among themselves but the one in which they are read.
	tiffin run -d --name both "$BUSYBOX" sh -c 'echo one; echo two >&2; until [ -e /2 ]; do sleep 0.02; done
		echo three; until [ -e /4 ]; do sleep 0.02; done; echo four >&2' >/dev/null
	wrote() { [ "$(tiffin logs both 2>&1 | wc -l)" = "$1" ]; }
	wait_for wrote 2
	tiffin exec both touch /2
	wait_for wrote 3
	tiffin exec both touch /4
	tiffin wait both >/dev/null
}
teardown_file() { drop_store; }

@test "logs keeps the streams apart" {
	run --separate-stderr tiffin logs both
	same "$status" 0
	same "$output" $'one\nthree'
	same "$stderr" $'two\nfour'
}

@test "logs keeps the order of the streams together" {
	run tiffin logs both
	same "$(tail -n 2 <<<"$output")" $'three\nfour'
}

@test "--tail prints the last lines" {
	run tiffin logs --tail 2 both
	same "$output" $'three\nfour'
	run tiffin logs --tail=1 both
	same "$output" four
	run tiffin logs --tail 0 both
	same "$status$output" 0
	run tiffin logs --tail 100 both
	same "${#lines[@]}" 4
}

@test "logs of a running container end with what there is" {
	tiffin run -d --name alive "$BUSYBOX" sh -c 'echo begun; sleep 1000' >/dev/null
	begun() { [ "$(tiffin logs alive)" = begun ]; }
	wait_for begun
	tiffin rm -f alive
}

@test "-f follows, and ends with the container" {
	tiffin run -d --name ends "$BUSYBOX" \
		sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; echo last >&2' >/dev/null
	run --separate-stderr timeout 90 "$TIFFIN" logs -f ends 3>&-
	same "$status" 0
	same "$output" $'1\n2\n3\n4\n5'
	same "$stderr" last
}

@test "-f of a container that has ended prints all and ends" {
	run timeout 90 "$TIFFIN" logs -f both 3>&-
	same "$status ${#lines[@]}" "0 4"
}

@test "-f with --tail follows from there" {
	tiffin run -d --name tailed "$BUSYBOX" \
		sh -c 'echo a; echo b; echo c; until [ -e /go ]; do sleep 0.02; done; echo d' >/dev/null
	has_c() { [ "$(tiffin logs tailed | tail -n 1)" = c ]; }
	wait_for has_c
	start_tiffin "$BATS_TEST_TMPDIR/out" logs -f --tail 1 tailed
	wait_for test -s "$BATS_TEST_TMPDIR/out"
	tiffin exec tailed touch /go
	wait $!
	same "$(cat "$BATS_TEST_TMPDIR/out")" $'c\nd'
}

@test "-t puts the time before each line" {
	run tiffin logs -t both
	matches "${lines[0]}" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+) (one|two)$'
}

@test "a line without its newline is kept so" {
	tiffin run --name partial "$BUSYBOX" printf 'no newline' >/dev/null
	tiffin logs partial >"$BATS_TEST_TMPDIR/out"
	same "$(od -c "$BATS_TEST_TMPDIR/out" | head -n 1 | tr -s ' ')" "$(printf 'no newline' | od -c | head -n 1 | tr -s ' ')"
}

@test "bytes are kept as they are" {
	tiffin run --name bytes "$BUSYBOX" sh -c "printf 'a\\000b\\377\\342\\202\\254\\r\\n'; printf '{\"x\": \"\\\\\\\\\"}\\n'" \
		>"$BATS_TEST_TMPDIR/run"
	tiffin logs bytes >"$BATS_TEST_TMPDIR/logs"
	cmp "$BATS_TEST_TMPDIR/run" "$BATS_TEST_TMPDIR/logs"
}

@test "a very long line is kept whole" {
	tiffin run --name long "$BUSYBOX" sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo' >/dev/null
	same "$(tiffin logs long | wc -c)" 200001
	same "$(tiffin logs long | wc -l)" 1
}

@test "logs work by ID and by the beginning of it" {
	id=$(tiffin ps -a --no-trunc --noheading | awk '/ both *$/ { print $1 }')
	same "$(tiffin logs "$id" 2>/dev/null)" $'one\nthree'
	same "$(tiffin logs "${id:0:5}" 2>/dev/null)" $'one\nthree'
}

@test "logs of what is not there: no such container" {
	fails 125 logs no-such
	contains "$error" 'no container with name or ID "no-such" found: no such container'
	same "$hint" ""
}
