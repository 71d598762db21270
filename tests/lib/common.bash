# What the bats files share. Each file has a store of its own, in which its images are pulled once:
#
#	setup_file() { own_store busybox layers:docker; }
#	teardown_file() { drop_store; }
#
# suite.sh sets TIFFIN, TIFFIN_TEST_REGISTRY (localhost:PORT), TIFFIN_TEST_IDS (range or single),
# TIFFIN_TEST_TUN (open or closed), TIFFIN_TEST_DEBIAN, TIFFIN_TEST_SMALL, and
# TIFFIN_TEST_NO_TYPES, _NO_XATTRS, _XFS: directories on file systems of those kinds, or nothing.

bats_require_minimum_version 1.5.0

REGISTRY=$TIFFIN_TEST_REGISTRY
BUSYBOX=$REGISTRY/busybox
LIB=$BATS_TEST_DIRNAME/../lib

# bats waits for whoever holds its descriptors: a container that outlives the test would, if tiffin
# let it. That it does not is a test of its own (detached.bats).
tiffin() {
	# TIFFIN_TEST_NETWORK: the mode of those who do not say any.
	if [[ -n ${TIFFIN_TEST_NETWORK:-} && ${1:-} =~ ^(run|create)$ && " $* " != *" --net"* ]]; then
		set -- "$1" --network "$TIFFIN_TEST_NETWORK" "${@:2}"
	fi
	# One that hangs, deaf to signals, must not hang the suite. No test takes a minute, but where the
	# programs are many times slower.
	timeout --foreground -k 1 $((${BATS_TEST_TIMEOUT:-180} * 5 / 9)) "$TIFFIN" "$@" 3>&- 4>&-
}

own_store() {
	local image
	export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store
	for image in "$@"; do
		tiffin pull -q "$REGISTRY/$image" >/dev/null
	done
}

# tiffin & in a test: the client is $!, not a subshell's child.
start_tiffin() { # start_tiffin OUTPUT ARGUMENT…
	local out=$1
	shift
	"$TIFFIN" "$@" >"$out" 2>&1 3>&- 4>&- &
}

# signal_when_ready OUTPUT SIGNAL: to the client that start_tiffin has just started, once it has written
# "ready". How it ends is $status.
signal_when_ready() {
	wait_for grep -q ready "$1"
	kill "-$2" $!
	status=0
	wait $! || status=$?
}

# A second store, for a test that must begin with nothing.
empty_store() {
	export TIFFIN_ROOT=$BATS_TEST_TMPDIR/store
}

# Removes a tree that may have files of subordinate users.
remove_tree() {
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		unshare --user --map-root-user --map-auto rm -rf "$@"
	fi
	chmod -R u+rwX "$@" 2>/dev/null || :
	rm -rf "$@"
}

remove_containers() {
	tiffin rm -f -a >/dev/null 2>&1 || :
}

drop_store() {
	remove_containers
	remove_tree "$TIFFIN_ROOT"
}

# Everything in the store that an image or a container is made of: kinds, modes, owners, sizes, inodes
# and times; of the small files that are replaced whole, the bytes. What is in tmp/ counts: what
# failed leaves nothing there.
snapshot() {
	local enter=()
	[ -e "$TIFFIN_ROOT" ] || return 0
	[ ! -e "$TIFFIN_ROOT/tmp" ] || nothing_staged || :
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		enter=(unshare --user --map-root-user --map-auto)
	fi
	"${enter[@]}" sh -c 'cd "$1" && for dir in layers tmp containers; do
			[ ! -e $dir ] || find $dir -mindepth 1 -printf "%p %y %m %U:%G %s %i %T@\n"
		done | sort
		[ ! -e images ] || find images -type f -exec sha256sum {} + | sort' sh "$TIFFIN_ROOT"
}

same() { # same GOT WANT
	if [ "$1" != "$2" ]; then
		if [[ $1$2 == *$'\n'* ]]; then
			diff -u --label got --label want <(echo "$1") <(echo "$2") | head -n 40 >&2
		else
			printf 'got:  %s\nwant: %s\n' "$1" "$2" >&2
		fi
		return 1
	fi
}

contains() { # contains TEXT PART…
	local text=$1 part
	shift
	for part in "$@"; do
		if [[ $text != *"$part"* ]]; then
			printf 'not there: %s\nin:        %s\n' "$part" "$text" >&2
			return 1
		fi
	done
}

lacks() { # lacks TEXT PART…
	local text=$1 part
	shift
	for part in "$@"; do
		if [[ $text == *"$part"* ]]; then
			printf 'there: %s\nin:    %s\n' "$part" "$text" >&2
			return 1
		fi
	done
}

matches() { # matches TEXT REGEX
	if ! [[ $1 =~ $2 ]]; then
		printf 'no match: %s\nin:       %s\n' "$2" "$1" >&2
		return 1
	fi
}

is_empty() { # is_empty DIRECTORY
	[ -d "$1" ] && same "$(ls -A "$1")" ""
}

# A client does not wait until its container's monitor has deleted what was removed.
nothing_staged() { # nothing in tmp/ of the store, for long
	wait_for is_empty "$TIFFIN_ROOT/tmp" 2>/dev/null || is_empty "$TIFFIN_ROOT/tmp"
}

# fails STATUS ARGUMENT…: runs tiffin, which must end so, with nothing on stdout and one line
# "Error: …" on stderr, in $error; $hint is the "hint: …" line, if any.
fails() {
	local want=$1
	shift
	# Said to run, so that it does not warn of 127.
	run "-$want" --separate-stderr tiffin "$@"
	failed_with "$want"
}

# shellcheck disable=SC2154 # stderr is set by run
failed_with() {
	# The two are for the test that calls.
	# shellcheck disable=SC2034
	error=$(grep '^Error: ' <<<"$stderr" || :)
	# shellcheck disable=SC2034
	hint=$(grep '^hint: ' <<<"$stderr" || :)
	printf 'stdout: %s\nstderr: %s\nstatus: %s\n' "$output" "$stderr" "$status" >&2
	[ "$status" -eq "$1" ] && [ -z "$output" ] && [ "$(grep -c '^Error: ' <<<"$stderr")" = 1 ] &&
		[ "$(grep -c '^hint: ' <<<"$stderr")" -le 1 ]
}

wait_for() { # wait_for COMMAND…: until it succeeds; what is to come comes within a minute
	local end=$((SECONDS + 60))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			printf 'waited in vain for: %s\n' "$*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# Has the client with this number made its connection to a container's monitor?
is_connected() { # is_connected PID
	local inode
	for inode in $(readlink /proc/"$1"/fd/* 2>/dev/null | sed -n 's/^socket:\[\(.*\)\]$/\1/p'); do
		awk -v inode="$inode" '$7 == inode && $6 == "03" { found = 1 } END { exit !found }' \
			/proc/net/unix && return
	done
	return 1
}

row_of() { # row_of NAME: its row of `ps -a`
	tiffin ps -a --noheading | grep -E " $1 *\$"
}

has_status() { # has_status NAME REGEX: as `ps -a` words it
	row_of "$1" | grep -Eq "$2"
}

monitor_of() { # monitor_of NAME: its process
	tiffin inspect --format '{{.State.ConmonPid}}' "$1"
}

# For how long a container's program sleeps that is looked for on the host: as no other test's does, of those
# suites either that the same user runs beside this one.
NAP=1000.$$

# The number of a running process: of ours, with this text among its arguments.
pids_with() {
	pgrep -u "$(id -u)" -f -- "$1" || :
}

# free_port [COUNT]: of a row of free ones on the loopback, the first. The kernel gives none of these to
# those who ask for any, nor do suites of the other user.
free_port() {
	python3 - "${1:-1}" "$TIFFIN_TEST_IDS" <<'PYTHON'
import random, socket, sys
count = int(sys.argv[1])
lowest = 20000 if sys.argv[2] == "range" else 26000
while True:
    first, held = random.randrange(lowest, lowest + 6000 - count), []
    try:
        for i in range(count):
            for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
                held.append(socket.socket(socket.AF_INET, kind))
                held[-1].bind(("127.0.0.1", first + i))
        print(first)
        break
    except OSError:
        pass
PYTHON
}

# The registry that lies (lying_registry.py), for a test; teardown ends it: [ -z "${liar:-}" ] || kill "$liar"
lie() { # lie MODE [CERTIFICATE KEY [AUTHORITY]]: starts the registry; its port is in $port
	python3 "$LIB/lying_registry.py" "$@" >"$BATS_TEST_TMPDIR/port" 3>&- 4>&- &
	liar=$!
	wait_for test -s "$BATS_TEST_TMPDIR/port"
	port=$(cat "$BATS_TEST_TMPDIR/port")
}

stop_lying() {
	kill "$liar"
	wait "$liar" 2>/dev/null || :
	liar=
	rm "$BATS_TEST_TMPDIR/port"
}

# on_terminal [--size ROWSxCOLUMNS] STEP… -- ARGUMENT…: tiffin on a terminal (terminal.py)
on_terminal() {
	local steps=()
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	python3 "$LIB/terminal.py" "${steps[@]}" -- "$TIFFIN" "$@" 3>&- 4>&-
}
