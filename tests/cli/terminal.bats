# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }

@test "run -it gives a shell that takes input and ends with its status" {
	run on_terminal 'expect:[#$] ' 'send:echo $((20+3))\n' 'expect:\n23' 'send:exit 5\n' -- \
		run -it --rm "$BUSYBOX"
	same "$status" 5
}

@test "stdin, stdout and stderr are one terminal in /dev/pts, and /dev/console is there" {
	run on_terminal -- run -it --rm "$BUSYBOX" \
		sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; tty <&2; ls /dev/console'
	same "$status" 0
	matches "$output" '/dev/(pts/0|console)'
	contains "$output" all /dev/console
}

@test "TERM is set" {
	run on_terminal -- run -it --rm "$BUSYBOX" sh -c 'echo "[$TERM]"'
	contains "$output" "[xterm"
}

@test "the window's size is the caller's" {
	run on_terminal --size 33x99 -- run -it --rm "$BUSYBOX" stty size
	contains "$output" "33 99"
}

@test "the window's size follows the caller's" {
	run on_terminal 'expect:[#$] ' resize:44x120 \
		'send:until [ "$(stty size)" = "44 120" ]; do sleep 0.1; done; echo it $((2+3))\n' 'expect:\nit 5' \
		'send:exit\n' -- run -it --rm "$BUSYBOX"
	same "$status" 0
}

@test "job control works" {
	run on_terminal 'expect:[#$] ' \
		'send:sh -c "trap \x27echo again\x27 CONT; echo up; while :; do sleep 0.1; done"\n' \
		'expect:\nup' 'send:\x1a' 'expect:Stopped' 'expect:[#$] ' 'send:fg\n' \
		'expect:\nagain' 'send:\x03' 'expect:[#$] ' 'send:exit 0\n' -- \
		run -it --rm "$BUSYBOX"
	same "$status" 0
	lacks "$output" "job control turned off"
}

@test "ctrl-c interrupts the command, not the client" {
	run on_terminal 'expect:ready' 'send:\x03' 'expect:got it' -- \
		run -it --rm "$BUSYBOX" sh -c 'trap "echo got it; exit 9" INT; echo ready; while :; do sleep 0.1; done'
	same "$status" 9
}

@test "end of file ends the shell" {
	run on_terminal 'expect:[#$] ' 'send:\x04' -- run -it --rm "$BUSYBOX"
	same "$status" 0
}

@test "the terminal is restored when the client is told to hang up" {
	run on_terminal 'expect:[#$] ' kill:HUP -- run -it --rm "$BUSYBOX"
	[ "$status" -ne 98 ]
	[ "$status" -ne 97 ]
}

@test "the terminal is restored after an error" {
	run -127 on_terminal -- run -it --rm "$BUSYBOX" no-such-command
}

@test "-t without a terminal for stdin still gives the command one" {
	run tiffin run -t --rm "$BUSYBOX" sh -c 'test -t 1 && echo yes'
	contains "$output" yes
}

@test "much output on a terminal arrives whole" {
	run on_terminal -- run -it --rm "$BUSYBOX" seq 1 20000
	same "$(grep -cE '^[0-9]+$' <<<"$output")" 20000
}

@test "pulling on a terminal draws progress and ends clean" {
	empty_store
	run on_terminal -- pull "$REGISTRY/big"
	same "$status" 0
	matches "$(tail -n 1 <<<"$output")" '[0-9a-f]{64}'
	drop_store
}
