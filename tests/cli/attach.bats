# ids: any
#
# Clients of containers that run: detaching, signals, streams, and the terminal afterwards.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

has_attached() { # has_attached NAME: somebody has, since it was made
	[ -n "$(tiffin events --stream=false --filter event=attach --filter "container=$1")" ]
}

@test "ctrl-p,ctrl-q ends the client with status 0, and the container goes on" {
	run on_terminal 'expect:[#$] ' 'send:\x10\x11' -- run -it --name d "$BUSYBOX"
	same "$status" 0
	has_status d Up
	run on_terminal 'send:echo $((20+3))\n' 'expect:\n23' 'send:exit 5\n' -- attach d
	same "$status" 5
}

@test "detach keys: others, single letters, for run, start, attach and exec" {
	run on_terminal 'expect:[#$] ' 'send:\x18a' -- run -it --name d --detach-keys ctrl-x,a "$BUSYBOX"
	same "$status" 0
	run on_terminal 'send:\x10\x11echo on\n' 'expect:\non' 'send:Q' -- attach --detach-keys Q d
	same "$status" 0
	run on_terminal 'expect:[#$] ' 'send:\x1d' -- exec -it --detach-keys 'ctrl-]' d sh
	same "$status" 0
	tiffin stop -t 0 d
	run on_terminal 'expect:[#$] ' 'send:zz' -- start -ai --detach-keys z,z d
	same "$status" 0
	has_status d Up
}

@test "keys that are not all typed go on to the container" {
	run on_terminal 'expect:ready' 'send:\x10x\x10\x10y' 'expect:done' -- run -it --rm "$BUSYBOX" \
		sh -c 'stty raw -echo; echo ready; dd bs=1 count=5 2>/dev/null | od -An -tx1; echo done'
	same "$status" 0
	contains "$output" "10 78 10 10 79"
}

@test "--detach-keys '' is none" {
	run on_terminal 'expect:ready' 'send:\x10\x11' 'expect:done' -- \
		run -it --rm --detach-keys '' "$BUSYBOX" \
		sh -c 'stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -tx1; echo done'
	same "$status" 0
	contains "$output" "10 11"
}

@test "without a terminal no byte detaches" {
	same "$(printf 'a\020\021b' | tiffin run -i --rm "$BUSYBOX" cat | od -An -tx1)" " 61 10 11 62"
}

@test "detach keys that are none are refused" {
	for keys in ctrl-A ctrl-1 ctrl- ab a,,b a, ,; do
		fails 125 run --detach-keys "$keys" "$BUSYBOX" true
		contains "$error" "--detach-keys $keys"
	done
	fails 125 run --detach-keys a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q "$BUSYBOX" true
	fails 125 create --detach-keys a "$BUSYBOX" true
}

@test "the terminal is restored when the client is killed" {
	run on_terminal 'expect:[#$] ' kill:KILL -- run -it --name k "$BUSYBOX"
	same "$status" 137
	has_status k Up
}

@test "the terminal is restored when the container is killed, or its monitor" {
	on_terminal 'expect:[#$] ' "tell:$BATS_TEST_TMPDIR/prompted" -- run -it --name k "$BUSYBOX" >"$BATS_TEST_TMPDIR/out" &
	client=$!
	wait_for test -e "$BATS_TEST_TMPDIR/prompted"
	tiffin kill k
	status=0
	wait $client || status=$?
	same "$status" 137
	on_terminal 'expect:[#$] ' "tell:$BATS_TEST_TMPDIR/prompt" -- run -it --name m "$BUSYBOX" >"$BATS_TEST_TMPDIR/out" &
	client=$!
	wait_for test -e "$BATS_TEST_TMPDIR/prompt"
	kill -9 "$(tiffin inspect --format '{{.State.ConmonPid}}' m)"
	status=0
	wait $client || status=$?
	same "$status" 125
}

@test "the terminal is restored when the client dies of a signal" {
	for sig in TERM INT USR1 XCPU ALRM; do
		run on_terminal 'expect:[#$] ' "kill:$sig" -- run -it --rm "$BUSYBOX"
		same "$status" $((128 + $(kill -l "$sig")))
	done
}

@test "attaching tells the container the window's size" {
	run on_terminal --size 20x60 'expect:[#$] ' 'send:\x10\x11' -- run -it --name w "$BUSYBOX"
	run on_terminal --size 31x97 'send:stty size\n' 'expect:31 97' 'send:exit\n' -- attach w
	same "$status" 0
}

@test "two clients on one terminal both see it, and both type" {
	run on_terminal 'expect:[#$] ' 'send:\x10\x11' -- run -it --name two "$BUSYBOX"
	on_terminal 'expect:from 5' 'send:echo and $((8+1))\n' -- attach two >"$BATS_TEST_TMPDIR/other" &
	other=$!
	wait_for has_attached two
	run on_terminal 'send:echo from $((2+3))\n' 'expect:and 9' 'send:exit 4\n' -- attach two
	same "$status" 4
	status=0
	wait $other || status=$?
	same "$status" 4
}

@test "signals to the client are the container's" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --rm "$BUSYBOX" \
		sh -c 'trap "exit 44" USR2; echo ready; while :; do sleep 0.05; done'
	signal_when_ready "$BATS_TEST_TMPDIR/out" USR2
	same "$status" 44
}

@test "--sig-proxy=false: the client dies of them, and the container goes on" {
	start_tiffin "$BATS_TEST_TMPDIR/out" run --sig-proxy=false --name s "$BUSYBOX" \
		sh -c 'trap "exit 44" TERM; echo ready; while :; do sleep 0.05; done'
	signal_when_ready "$BATS_TEST_TMPDIR/out" TERM
	same "$status" 143
	has_status s Up
	start_tiffin "$BATS_TEST_TMPDIR/out2" attach --sig-proxy=false s
	client=$!
	wait_for has_attached s
	kill -TERM $client
	status=0
	wait $client || status=$?
	same "$status" 143
	has_status s Up
}

@test "-a names the streams that are carried" {
	run --separate-stderr tiffin run --rm -a stdout "$BUSYBOX" sh -c 'echo out; echo err >&2'
	same "$output|$stderr" "out|"
	run --separate-stderr tiffin run --rm -a stderr "$BUSYBOX" sh -c 'echo out; echo err >&2'
	same "$output|$stderr" "|err"
	run --separate-stderr tiffin run --rm -a stdout -a stderr "$BUSYBOX" sh -c 'echo out; echo err >&2'
	same "$output|$stderr" "out|err"
	same "$(echo in | tiffin run -i --rm -a stdin -a stdout "$BUSYBOX" cat)" in
	id=$(echo in | tiffin run -i --name fed -a stdin "$BUSYBOX" cat)
	same "$id" "$(tiffin inspect --format '{{.Id}}' fed)"
	same "$(tiffin logs fed)" in
}

@test "-a that makes no sense is refused" {
	fails 125 run -a bogus "$BUSYBOX" true
	contains "$error" "invalid stream 'bogus' for --attach"
	fails 125 run -d -a stdout "$BUSYBOX" true
	contains "$error" "Conflicting options: -a and -d"
	fails 125 run -a stdin "$BUSYBOX" true
	fails 125 create -a stdout "$BUSYBOX" true
}

@test "attach comes before its monitor listens, and waits for it" {
	id=$(tiffin run -di --name fed "$BUSYBOX" sh -c 'read line; echo "got $line"')
	mv "$TIFFIN_ROOT/containers/$id/attach" "$TIFFIN_ROOT/containers/$id/later"
	echo soup | tiffin attach fed >"$BATS_TEST_TMPDIR/out" 2>&1 &
	client=$!
	sleep 0.3
	mv "$TIFFIN_ROOT/containers/$id/later" "$TIFFIN_ROOT/containers/$id/attach"
	wait $client
	same "$(cat "$BATS_TEST_TMPDIR/out")" "got soup"
}

@test "attach --no-stdin leaves standard input to others" {
	tiffin run -di --name fed "$BUSYBOX" sh -c 'read line; echo "got $line"'
	start_tiffin "$BATS_TEST_TMPDIR/out" attach --no-stdin fed <<<"not this"
	client=$!
	wait_for has_attached fed
	same "$(echo this | tiffin attach fed)" "got this"
	wait $client
	same "$(cat "$BATS_TEST_TMPDIR/out")" "got this"
}

@test "start -i attaches" {
	tiffin create -i --name again "$BUSYBOX" cat
	same "$(echo soup | tiffin start -i again)" soup
}

@test "nobody reads any more: the container hears it, and its status is the client's" {
	run bash -c '"$TIFFIN" run --rm "$0" sh -c "yes; echo \$? >/dev/null; exit 9" 2>"$1" | head -n 1
		echo "${PIPESTATUS[0]}"' "$BUSYBOX" "$BATS_TEST_TMPDIR/err"
	same "$output" $'y\n9'
	lacks "$(cat "$BATS_TEST_TMPDIR/err")" Error
}

@test "output that nobody reads stops the container, and is all there afterwards" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	"$TIFFIN" run --name slow "$BUSYBOX" sh -c 'head -c 3000000 /dev/zero; echo end >&2' \
		>"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	exec 7<"$BATS_TEST_TMPDIR/pipe"
	wait_for has_status slow Up
	sleep 0.5
	has_status slow Up
	same "$(wc -c <&7)" 3000000
	exec 7<&-
	wait $!
	same "$(cat "$BATS_TEST_TMPDIR/err")" end
}

@test "-i is binary both ways, and half-close ends input alone" {
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	tiffin run -i --rm "$BUSYBOX" sh -c 'cat; sleep 0.2; echo after >&2' <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	same "$(cat "$BATS_TEST_TMPDIR/err")" after
}

@test "vi and top draw, and leave the terminal as it was" {
	run on_terminal 'expect:~' send:ihello 'expect:hello' 'send:\x1b' wait:0.5 'send::wq\n' 'expect:[#$] ' 'send:cat /tmp/f\n' 'expect:\nhello' \
		'send:top\n' 'expect:Load average' 'send:q' 'expect:[#$] ' 'send:exit\n' -- \
		run -it --rm "$BUSYBOX" sh -c 'vi /tmp/f; exec sh'
	same "$status" 0
}
