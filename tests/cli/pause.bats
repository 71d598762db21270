# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# Writes a line every moment, from a child of its first process, as another user where there is one.
ticking() { # ticking NAME FLAG…
	local name=$1
	shift
	tiffin run -d --name "$name" "$@" "$BUSYBOX" \
		sh -c '(while :; do echo tick; sleep 0.02; done) & trap "exit 3" TERM; while :; do wait $!; done' >/dev/null
	goes_on "$name"
}

ticks() { tiffin logs "$1" | wc -l; }

goes_on() {
	local before
	before=$(ticks "$1")
	more() { [ "$(ticks "$1")" -gt "$before" ]; }
	wait_for more "$1"
}

# What it wrote before may be on its way to the log for a while.
stands_still() {
	quiet() {
		local before
		before=$(ticks "$1")
		sleep 0.5
		same "$(ticks "$1")" "$before"
	}
	wait_for quiet "$1"
}

status_of() { tiffin inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' "$1"; }

@test "pause stops all processes, and unpause has them go on" {
	ticking box
	same "$(tiffin pause box)" box
	stands_still box
	same "$(status_of box)" "paused true true"
	has_status box 'Up .* \(Paused\)'
	same "$(tiffin ps -q -f status=paused)" "$(tiffin ps -q)"
	same "$(tiffin ps -q -f status=running)" ""
	same "$(tiffin unpause box)" box
	goes_on box
	same "$(status_of box)" "running false true"
}

@test "processes of subordinate users, and those that exec brought, are stopped" {
	user=1000
	[ "$TIFFIN_TEST_IDS" = range ] || user=0
	ticking box -u "$user"
	start_tiffin "$BATS_TEST_TMPDIR/out" exec box sh -c 'while :; do echo x; sleep 0.02; done'
	wait_for test -s "$BATS_TEST_TMPDIR/out"
	said_no_more() {
		local before
		before=$(stat -c %s "$BATS_TEST_TMPDIR/out")
		sleep 0.5
		same "$(stat -c %s "$BATS_TEST_TMPDIR/out")" "$before"
	}
	tiffin pause box
	stands_still box
	wait_for said_no_more
	size=$(stat -c %s "$BATS_TEST_TMPDIR/out")
	tiffin unpause box
	more() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/out")" -gt "$size" ]; }
	wait_for more
}

@test "what forks all the time is stopped as well" {
	tiffin run -d --name box "$BUSYBOX" sh -c 'while :; do (echo tick; (true) &) ; done'
	goes_on box
	tiffin pause box
	stands_still box
	tiffin unpause box
	goes_on box
}

@test "what was stopped before stays so" {
	tiffin run -d --name box "$BUSYBOX" \
		sh -c '(while :; do echo tick; sleep 0.02; done) & kill -STOP $!; echo stopped; sleep 1000'
	stopped() { tiffin logs box | grep -q stopped; }
	wait_for stopped
	tiffin pause box
	tiffin unpause box
	stands_still box
}

@test "pausing twice, or what does not run, and unpausing what goes on, are errors" {
	ticking box
	tiffin pause box
	fails 125 pause box
	contains "$error" "already paused" "container state improper"
	tiffin unpause box
	fails 125 unpause box
	contains "$error" "not paused" "container state improper"
	tiffin stop -t 0 box
	fails 125 pause box
	contains "$error" "not running"
	fails 125 unpause nobody
	contains "$error" "no such container"
}

@test "stop has a paused container act on its signal" {
	ticking box
	tiffin pause box
	same "$(tiffin stop -t 60 box)" box
	has_status box 'Exited \(3\)'
}

@test "kill and rm -f end a paused container, and rm does not" {
	ticking a
	ticking b
	tiffin pause -a
	fails 2 rm a
	contains "$error" "running or paused"
	tiffin kill a
	same "$(tiffin wait a)" 137
	tiffin rm -f b
	same "$(tiffin ps -aq --format '{{.Names}}')" a
}

@test "exec into and start of a paused container are errors" {
	ticking box
	tiffin pause box
	fails 125 exec box true
	contains "$error" paused "container state improper"
	fails 125 start box
	contains "$error" "unpause"
}

@test "the next run is not paused" {
	ticking box
	tiffin pause box
	tiffin kill box
	tiffin wait box
	tiffin start box
	same "$(status_of box)" "running false true"
	goes_on box
}

@test "a pause that died half way is no pause, and unpause mends it" {
	ticking box
	tiffin pause box
	sed -i 's/"whole":true/"whole":false/' "$TIFFIN_ROOT"/containers/*/paused
	same "$(status_of box)" "running false true"
	tiffin unpause box
	goes_on box
	tiffin pause box
	pid=$(tiffin inspect -f '{{.State.Pid}}' box)
	kill -CONT "$pid"
	# Whoever continues it from outside has it run, whatever the note says.
	same "$(status_of box)" "running false true"
}

@test "all that go on are paused with -a, those of a filter with -f, the newest with -l" {
	ticking a --label x=1
	ticking b
	same "$(tiffin pause -f label=x)" "$(tiffin ps -q --no-trunc -f name=a)"
	same "$(tiffin pause --all)" "$(tiffin ps -q --no-trunc -f name=b)"
	same "$(tiffin unpause -l)" "$(tiffin ps -q --no-trunc -f name=b)"
	same "$(tiffin unpause -a)" "$(tiffin ps -q --no-trunc -f name=a)"
	tiffin create --name c --cidfile "$BATS_TEST_TMPDIR/cid" "$BUSYBOX" sleep 1000
	tiffin start c
	same "$(tiffin pause --cidfile "$BATS_TEST_TMPDIR/cid")" "$(cat "$BATS_TEST_TMPDIR/cid")"
	same "$(tiffin ps --format '{{.Names}}' -f status=paused)" c
}

@test "pause and unpause are in the journal" {
	since=$(date +%s.%N)
	ticking box
	tiffin pause box
	tiffin unpause box
	same "$(tiffin events --stream=false --since "$since" --format '{{.Action}}' -f event=pause -f event=unpause)" \
		$'pause\nunpause'
}
