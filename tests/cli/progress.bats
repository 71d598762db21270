# ids: any
#
# What a pull draws on a terminal: tmux is the terminal, and what it shows is compared. The registry
# has an image of 12 layers, of which each takes half a minute until it is told to go on (lying_registry.py).
load ../lib/common

setup_file() {
	own_store
	export SERVER=$XDG_RUNTIME_DIR/tmux TERM_OUTSIDE=$TERM
}
teardown_file() { drop_store; }
setup() { empty_store; }
teardown() {
	tmux -S "$SERVER" kill-server 2>/dev/null || :
	[ -z "${registry:-}" ] || kill "$registry"
	drop_store
}

registry() { # registry MODE: the image is $image
	python3 "$LIB/lying_registry.py" "$1" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	registry=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	image=localhost:$(cat "$BATS_TEST_TMPDIR/port")/lunch
}

release() { curl -fsS "http://${image%/lunch}/_release" >/dev/null; }

is_pulled() { # several layers of it are, at once
	[ "$(curl -fsS "http://${image%/lunch}/_requests" | jq '[.[] | select(.path | contains("/blobs/"))] | length')" -ge 4 ]
}

# Behind a command that is waited for: long enough for several frames, were there any.
release_later() {
	{ wait_for is_pulled && sleep 0.5; release; } 3>&- 4>&- &
}

# window COLUMNSxROWS COMMAND…: a window in which the command runs, and says how it ended
window() {
	local size=$1
	shift
	TERM=xterm tmux -S "$SERVER" -f /dev/null new-session -d -x "${size%x*}" -y "${size#*x}" \
		"trap : INT; echo BEFORE; $*; echo \"AFTER \$?\"; exec sleep 100" 3>&- 4>&-
}

screen() { # what it shows; with -S -: and what has left it at the top
	tmux -S "$SERVER" capture-pane -p "$@" | sed -e 's/ *$//' -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

shows() { # shows REGEX: waits until it does
	local end=$((SECONDS + 60))
	until screen | grep -Eq -- "$1"; do
		if [ $SECONDS -ge $end ]; then
			printf 'never shown: %s\non:\n%s\n' "$1" "$(screen -S -)" >&2
			return 1
		fi
		sleep 0.05
	done
}

# drawn CHECK: waits for a moment at which what it shows, in $lines, is as the check has it: the terminal may
# be asked in the midst of a frame.
drawn() {
	is_drawn() {
		lines=$(screen)
		"$@" 2>"$BATS_TEST_TMPDIR/missing"
	}
	wait_for is_drawn "$@" || {
		cat "$BATS_TEST_TMPDIR/missing" >&2
		echo "$lines" >&2
		return 1
	}
}

# What is left when it is over: nothing of what was drawn, nothing twice, nothing lost.
left_clean() { # left_clean LAYERS STATUS
	local all
	shows "AFTER $2"
	all=$(screen -J -S -)
	echo "$all" >&2
	same "$(grep -c '^Trying to pull ' <<<"$all")" 1
	same "$(grep -c '^Copying blob [0-9a-f]\{12\} done$' <<<"$all")" "$1"
	lacks "$all" Total queued %
	same "$(head -n 1 <<<"$all")" BEFORE
	same "$(tail -n 1 <<<"$all")" "AFTER $2"
	same "$(tmux -S "$SERVER" display-message -p '#{cursor_flag}#{cursor_x}')" 10
	! grep -q '^$' <<<"$all"
}

@test "each layer has a line, with the total below them, redrawn in place" {
	registry slow
	window 80x24 "'$TIFFIN' pull $image"
	each_once() {
		matches "$lines" $'\n[0-9a-f]{12} \\[=*> *\\] +[0-9]+% +[0-9.]+[kM]B/[0-9.]+[kM]B' &&
			same "$(grep -cE '^([0-9a-f]{12} |Copying blob [0-9a-f]{12} done)' <<<"$lines")" 12 &&
			same "$(grep -c '^Total' <<<"$lines")" 1 &&
			matches "$(tail -n 1 <<<"$lines")" '^Total '
	}
	drawn each_once
	shows '^Total [0-9]+/12 .*[0-9]+% +[0-9.]+[kM]B/[0-9.]+MB +[0-9.]+[kM]B/s +([0-9]+m)?[0-9]+s$'
	release
	left_clean 12 0
}

@test "a window of 20 columns has what there is room for" {
	registry slow
	window 20x40 "'$TIFFIN' pull $image 2>&1 >/dev/null"
	shows '^Total [0-9]+/12 +[0-9]+%$'
	counts() { matches "$lines" $'\n[0-9a-f]{12} +[0-9]+%(\n|$)'; }
	drawn counts
	lacks "$(screen)" [
	release
	left_clean 12 0
}

@test "where there are more layers than lines, those that are worked on are shown" {
	registry slow
	window 80x7 "'$TIFFIN' pull $image"
	four() { same "$(grep -cE '^[0-9a-f]{12} \[' <<<"$lines")" 4 && matches "$lines" $'\nTotal [0-9]+/12'; }
	drawn four
	release
	left_clean 12 0
}

@test "a window of two lines has the total" {
	registry slow
	window 80x2 "'$TIFFIN' pull $image"
	shows '^Total [0-9]+/12'
	release
	left_clean 12 0
}

@test "the window may become narrower and wider" {
	registry slow
	window 100x60 "'$TIFFIN' pull $image"
	shows '^Total [0-9]+/12.* [0-9]+%'
	tmux -S "$SERVER" resize-window -x 30 -y 60
	shows '^Total [0-9]+/12 +[0-9]+%( .*/s)?$'
	# Some twenty frames more, of each width.
	sleep 2
	tmux -S "$SERVER" resize-window -x 90 -y 60
	shows '^Total [0-9]+/12 +\['
	sleep 2
	release
	shows 'AFTER 0'
	all=$(screen -J -S -)
	echo "$all" >&2
	same "$(grep -c '^Copying blob [0-9a-f]\{12\} done$' <<<"$all")" 12
	lacks "$(sed '1,/^Copying blob/d' <<<"$all")" Total queued %
	# tmux tells of a new size a quarter of a second late, or more: what it wrapped until then may stay.
	[ "$(grep -c '^Total' <<<"$all")" -le 20 ]
}

@test "an interrupt takes the lines away" {
	registry stall
	window 80x24 "'$TIFFIN' pull $image"
	shows '^[0-9a-f]{12} \['
	tmux -S "$SERVER" send-keys C-c
	left_clean 0 125
	contains "$(screen)" "Error: cannot pull"
}

@test "an error takes the lines away" {
	registry 500-held
	window 80x24 "'$TIFFIN' pull $image"
	shows '^[0-9a-f]{12} (\[|queued)'
	release
	left_clean 0 125
}

@test "once the client is killed, the terminal is left alone" {
	registry stall
	window 80x24 "'$TIFFIN' pull $image & echo \$! >'$BATS_TEST_TMPDIR/pid'; wait \$!"
	shows '^[0-9a-f]{12} \['
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/pid")"
	shows 'AFTER 137'
	sleep 1
	same "$(screen | tail -n 1)" "AFTER 137"
	matches "$(screen)" $'\nTotal 0/1 .*\n(.*Killed.*\n)?AFTER 137$'
}

@test "a pull that is stopped and goes on does not draw over what was shown meanwhile" {
	registry slow
	TERM=xterm tmux -S "$SERVER" -f /dev/null new-session -d -x 80 -y 40 "PS1='PROMPT ' bash --norc -i" 3>&- 4>&-
	shows '^PROMPT'
	tmux -S "$SERVER" send-keys "'$TIFFIN' pull $image; echo AFTER \$?" Enter
	shows '^Total [0-9]+/12'
	tmux -S "$SERVER" send-keys C-z
	shows 'Stopped'
	tmux -S "$SERVER" send-keys "fg" Enter
	shows '^Total [0-9]+/12.*'
	release
	wait_for sh -c "tmux -S '$SERVER' capture-pane -p | grep -q 'Copying blob'"
	wait_for sh -c "tmux -S '$SERVER' capture-pane -p | grep -Eq '^[0-9a-f]{64}'"
	contains "$(screen)" Stopped "PROMPT fg"
}

@test "in the background nothing is drawn" {
	registry slow
	TERM=xterm tmux -S "$SERVER" -f /dev/null new-session -d -x 80 -y 40 "PS1='PROMPT ' bash --norc -i" 3>&- 4>&-
	shows '^PROMPT'
	tmux -S "$SERVER" send-keys "'$TIFFIN' pull $image &" Enter
	wait_for is_pulled
	sleep 0.5
	lacks "$(screen)" Total
	release
	shows '^Copying blob'
	shows '^[0-9a-f]{64}'
	lacks "$(screen)" Total
}

# plain COMMAND…: on a terminal, yet without a control character
plain() {
	registry slow
	release_later
	run python3 "$LIB/terminal.py" -- env "$@" "$TIFFIN" pull "$image" 3>&- 4>&-
	same "$status" 0
	lacks "$output" $'\e' $'\r' Total
	same "$(grep -c '^Copying blob [0-9a-f]\{12\} done$' <<<"$output")" 12
}

@test "a dumb terminal gets plain lines" {
	plain TERM=dumb
}

@test "a terminal of no known kind gets plain lines" {
	plain -u TERM
}

@test "with NO_COLOR, and without, there is no colour; the cursor is never hidden" {
	registry slow
	{ wait_for test -e "$BATS_TEST_TMPDIR/drawn"; release; } 3>&- 4>&- &
	run python3 "$LIB/terminal.py" expect:Total "tell:$BATS_TEST_TMPDIR/drawn" -- \
		env TERM=xterm NO_COLOR=1 "$TIFFIN" pull "$image" 3>&- 4>&-
	same "$status" 0
	contains "$output" $'\e['
	lacks "$(tr -d '\n' <<<"$output" | sed 's/\x1b\[[0-9]*[AK]//g')" $'\e'
}

@test "-q prints the image ID alone on a terminal, too" {
	registry slow
	release_later
	run python3 "$LIB/terminal.py" -- env TERM=xterm "$TIFFIN" pull -q "$image" 3>&- 4>&-
	same "$status" 0
	matches "$(tail -n 1 <<<"$output")" '^[0-9a-f]{64}$'
	lacks "$output" lunch Copying Total $'\e'
}
