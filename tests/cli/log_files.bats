# ids: any
#
# The log's drivers, its rotation, and several logs at once.
load ../lib/common

setup_file() {
	own_store busybox
	tiffin run --name json --log-driver json-file "$BUSYBOX" \
		sh -c 'printf "tab\\t<\"quoted\\\\\">\\n"; echo oops >&2; printf "no newline"' >/dev/null 2>&1
	# 4,000 records of 50 bytes: 10 files of 20 kB.
	tiffin run --name turned --log-opt max-size=20k --log-opt max-file=3 "$BUSYBOX" \
		seq 100001 104000 >/dev/null
}
teardown_file() { drop_store; }

log_of() { # log_of NAME: where its log is
	tiffin inspect --format '{{.LogPath}}' "$1"
}

@test "json-file is docker's, line by line" {
	while read -r line; do
		python3 -c 'import json, sys
record = json.loads(sys.argv[1])
assert sorted(record) == ["log", "stream", "time"], record' "$line"
	done <"$(log_of json)"
	contains "$(cat "$(log_of json)")" '{"log":"tab\t<\"quoted\\\">\n","stream":"stdout","time":"2' \
		'{"log":"oops\n","stream":"stderr","time":"2'
}

@test "json-file is printed as it was written" {
	run --separate-stderr tiffin logs json
	same "$output" $'tab\t<"quoted\\">\nno newline'
	same "$stderr" oops
	run tiffin logs -t json
	matches "${lines[0]}" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z '
}

@test "json-file replaces what is not UTF-8" {
	tiffin run --name bytes --log-driver json-file "$BUSYBOX" printf 'a\377b\342\202\254' >/dev/null
	same "$(tiffin logs bytes | od -An -tx1 | tr -d ' \n')" 61efbfbd62e282ac
}

@test "--log-driver none keeps nothing, and logs says so" {
	same "$(tiffin run --name quiet --log-driver none "$BUSYBOX" echo heard)" heard
	same "$(log_of quiet)" ""
	fails 125 logs quiet
	contains "$error" "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
}

@test "drivers and options that are not done are refused" {
	fails 125 run --log-driver journald "$BUSYBOX" true
	contains "$error" "--log-driver journald" k8s-file
	fails 125 create --log-driver no-such "$BUSYBOX" true
	fails 125 run --log-opt tag=x "$BUSYBOX" true
	fails 125 run --log-opt compress=true "$BUSYBOX" true
	fails 125 run --log-opt no-such=x "$BUSYBOX" true
	contains "$error" "unknown log opt 'no-such' for k8s-file log driver"
	for option in max-size max-size= max-size=x max-size=0 max-file=0 max-file=101 max-file=x path=/dev/null; do
		fails 125 run --log-opt "$option" "$BUSYBOX" true
		contains "$error" --log-opt
	done
}

@test "inspect and info name the driver" {
	same "$(tiffin inspect --format '{{.HostConfig.LogConfig.Type}}' json)" json-file
	same "$(tiffin inspect --format '{{json .HostConfig.LogConfig}}' turned)" \
		'{"Type":"k8s-file","Config":{"max-size":"20k","max-file":"3"}}'
	same "$(tiffin info --format '{{.Host.LogDriver}}')" k8s-file
}

@test "a log is rotated: three files, none too large, the last lines in order" {
	log=$(log_of turned)
	same "$(ls "$log"*)" "$log"$'\n'"$log.1"$'\n'"$log.2"
	for file in "$log"*; do
		[ "$(stat -c %s "$file")" -le 20480 ]
	done
	tiffin logs turned >"$BATS_TEST_TMPDIR/out"
	n=$(wc -l <"$BATS_TEST_TMPDIR/out")
	[ "$n" -ge 500 ]
	seq 100001 104000 | tail -n "$n" | cmp - "$BATS_TEST_TMPDIR/out"
}

@test "--tail goes back over rotations" {
	same "$(tiffin logs --tail 400 turned)" "$(seq 103601 104000)"
	same "$(tiffin logs --tail 1 turned)" "104000"
}

@test "-f passes over rotations, for two readers at once" {
	tiffin run -d --name turning --log-opt max-size=4k --log-opt max-file=100 "$BUSYBOX" \
		sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 1 3000' >/dev/null
	for reader in 1 2; do
		start_tiffin "$BATS_TEST_TMPDIR/$reader" logs -f turning
		readers+=($!)
	done
	tiffin exec turning touch /tmp/go
	wait "${readers[@]}"
	for reader in 1 2; do
		seq 1 3000 | cmp - "$BATS_TEST_TMPDIR/$reader"
	done
}

@test "-f of a container that writes nothing ends with it" {
	tiffin run -d --name silent "$BUSYBOX" sleep 0.3 >/dev/null
	run timeout 90 "$TIFFIN" logs -f silent 3>&-
	same "$status$output" 0
}

@test "-f --until ends at that time" {
	tiffin run -d --name endless "$BUSYBOX" sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
	begun() { tiffin logs endless | grep -q x; }
	wait_for begun
	run timeout 90 "$TIFFIN" logs -f --until "$(($(date +%s) + 1))" endless 3>&-
	same "$status" 0
	contains "$output" x
	tiffin rm -f endless
}

@test "several containers: lines by their time, the container in front" {
	tiffin run --name first "$BUSYBOX" echo one >/dev/null
	tiffin run --name second "$BUSYBOX" echo two >/dev/null
	id=$(tiffin inspect --format '{{.Id}}' first)
	run tiffin logs second first
	same "${lines[0]}" "${id:0:12} one"
	run tiffin logs --names second first
	same "$output" $'first one\nsecond two'
	run tiffin logs --names -f second first
	same "$output" $'first one\nsecond two'
	same "$(tiffin logs --names first)" one
	fails 125 logs first nobody
}

@test "path= puts the log there" {
	cd "$BATS_TEST_TMPDIR"
	tiffin run --name elsewhere --log-opt path=here.log --log-opt max-size=1k "$BUSYBOX" seq 1 40 >/dev/null
	same "$(log_of elsewhere)" "$BATS_TEST_TMPDIR/here.log"
	[ -s here.log ]
	[ -s here.log.1 ]
	cd /
	same "$(tiffin logs elsewhere)" "$(seq 1 40)"
	tiffin rm elsewhere
	[ -s "$BATS_TEST_TMPDIR/here.log" ]
}

@test "on a full disk the container goes on, and its log when there is room again" {
	[ -n "$TIFFIN_TEST_SMALL" ] || skip "cannot be had here: no small disk was mounted"
	log=$TIFFIN_TEST_SMALL/full.log
	dd if=/dev/zero of="$TIFFIN_TEST_SMALL/filler" bs=64k 2>/dev/null || :
	tiffin run -d --name full --log-opt path="$log" "$BUSYBOX" sh -c 'seq 1 3000
		while [ ! -e /tmp/go ]; do sleep 0.05; done; echo after; exit 7' >/dev/null
	tiffin exec full true
	rm "$TIFFIN_TEST_SMALL/filler"
	tiffin exec full touch /tmp/go
	same "$(tiffin wait full)" 7
	same "$(tiffin logs full | tail -n 1)" after
	rm -f "$log"*
}
