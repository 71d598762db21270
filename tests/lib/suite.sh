#!/bin/bash
# suite.sh BUILD: runs the unit tests and the bats suites against what `make` built in BUILD, as
# unprivileged users, and prints "N passed, N failed, N skipped" last. Exit status 1: one failed.
#
# For root: sets up the users, /dev/net/tun, a small disk; runs everything. For a user: runs what
# that user's machine allows and says what it does not. A bats file says whom it is for:
#
#	# ids: range|single|any		needs subordinate IDs, needs there to be none, runs with both
#	# tun: both			runs again with /dev/net/tun closed, and with --network slirp
#	# network: both			runs again with --network slirp
#
# STRICT=1 turns skips into failures, but for those whose reason begins with "cannot be had here:".
# TIFFIN_TEST_NETWORK is the --network of containers that name none (slirp, fast).
# TESTS=run,logs limits the bats files to those named, and leaves the unit tests out; "fault" is the
# sample of faults. FUZZ_BUILD is where the fuzz targets were built, if they are to run, too: FUZZ_SECONDS each.
set -eu

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=root.sh
. "$here/root.sh"
kind=$("$here/user.sh" kind)
strict=${STRICT:-0}

# In /var/tmp: on a disk, as a home is. The runtime directories have names as short as real ones,
# for the sake of the sockets in them (unix(7): 108 bytes).
work=$(mktemp -d /var/tmp/tiffin-tests.XXXXXX)
runtime=$(mktemp -d /tmp/tt.XXXXXX)
chmod 755 "$work" "$runtime"
results=$work/results
: >"$results"

say() {
	printf '# %s\n' "$*"
}

ours() { # pids of processes that the suites started and left
	local pid
	for pid in /proc/[0-9]*; do
		if tr '\0' '\n' <"$pid/environ" 2>/dev/null | grep -q "^TIFFIN_TEST_WORK=$work\$"; then
			echo "${pid#/proc/}"
		fi
	done 2>/dev/null
}

remove() {
	[ -e "$1" ] || return 0
	case $kind in
	range) unshare --user --map-root-user --map-auto rm -rf "$1" ;;
	*) chmod -R u+rwX "$1" 2>/dev/null || : ;;
	esac
	rm -rf "$1"
}

clean_up() {
	local pid who disk
	"$here/registry.sh" stop "$work/registry"
	for pid in $(ours); do
		kill -9 "$pid" 2>/dev/null || :
	done
	for who in $(whos); do
		for disk in small no-types no-xattrs xfs; do
			if mountpoint -q "$work/$disk-$who"; then
				umount "$work/$disk-$who"
			fi
		done
	done
	remove "$work"
	remove "$runtime"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

whos() { # the kinds of user that the suites run as
	[ "$kind" = root ] && echo "range single" || echo "$kind"
}

set_up_users() {
	local who
	[ "$kind" != root ] || "$here/user.sh" setup
	for who in $(whos); do
		mkdir -m 700 "$work/$who" "$runtime/$who"
		mkdir "$work/$who/tmp"
		if [ "$kind" = root ]; then
			chown -R "$("$here/user.sh" name "$who"):" "$work/$who" "$runtime/$who"
		fi
	done
}

# A machine with udev has it 0666.
open_tun() {
	[ "$kind" = root ] || return 0
	if [ ! -e /dev/net/tun ]; then
		mkdir -p /dev/net
		mknod /dev/net/tun c 10 200 || return 0
	fi
	chmod 666 /dev/net/tun
}

make_small_disks() {
	local who
	[ "$kind" = root ] || return 0
	for who in $(whos); do
		mkdir "$work/small-$who"
		mount -t tmpfs -o size=8m,mode=700 tiffin-tests "$work/small-$who"
		chown "$("$here/user.sh" name "$who"):" "$work/small-$who"
	done
}

# File systems that lack something, or share blocks, for the storage drivers. Where there are no loop
# devices the tests say so.
make_other_disks() {
	local who name
	[ "$kind" = root ] || return 0
	for who in $(whos); do
		for name in no-types no-xattrs xfs; do
			mkdir "$work/$name-$who"
		done
		truncate -s 96M "$work/no-types-$who.img"
		mkfs.ext4 -q -O ^filetype "$work/no-types-$who.img" &&
			mount -o loop "$work/no-types-$who.img" "$work/no-types-$who" || :
		mount -t ramfs tiffin-tests "$work/no-xattrs-$who" || :
		truncate -s 320M "$work/xfs-$who.img"
		mkfs.xfs -q -m reflink=1 "$work/xfs-$who.img" &&
			mount -o loop "$work/xfs-$who.img" "$work/xfs-$who" || :
		for name in no-types no-xattrs xfs; do
			if mountpoint -q "$work/$name-$who"; then
				chown "$("$here/user.sh" name "$who"):" "$work/$name-$who"
				chmod 700 "$work/$name-$who"
			fi
		done
	done
}

mounted() { # mounted NAME WHO: the directory, where there is such a file system
	if mountpoint -q "$work/$1-$2"; then
		echo "$work/$1-$2"
	fi
}

# The suites see a copy of what they need: the tree itself may be in a directory closed to them, and
# what is installed must run from anywhere.
stage() {
	local tree
	tree=$(cd "$here/../.." && pwd)
	make -s -C "$tree" -o all install B="$build" PREFIX="$work/prefix" DESTDIR= >/dev/null
	mkdir "$work/tree"
	cp -R "$tree/tests" "$work/tree/"
	if [ -d "$build/tests" ]; then
		cp -R "$build/tests" "$work/unit"
	fi
	if [ -n "${FUZZ_BUILD:-}" ]; then
		cp -R "$FUZZ_BUILD/fuzz" "$work/fuzz"
	fi
	chmod -R a+rX "$work/tree" "$work/prefix"
	mkdir -m 1777 "$work/sanitizer"
	chmod 1777 "$work/sanitizer"
}

start_registry() {
	registry=$("$here/registry.sh" start "$work/registry")
	"$here/images.sh" "$registry" busybox layers config big twice
	debian=
	if can_be_root && "$here/images.sh" "$registry" debian; then
		debian=yes
	fi
}

as() { # as WHO COMMAND…: with the environment of the suites
	local who=$1
	shift
	"${in_namespace[@]}" "$here/user.sh" run "$who" \
		TIFFIN="$work/prefix/bin/tiffin" TIFFIN_TEST_WORK="$work" \
		TIFFIN_TEST_REGISTRY="$registry" TIFFIN_TEST_DEBIAN="$debian" \
		TIFFIN_TEST_SMALL="$(mounted small "$who")" TIFFIN_TEST_NO_TYPES="$(mounted no-types "$who")" \
		TIFFIN_TEST_NO_XATTRS="$(mounted no-xattrs "$who")" TIFFIN_TEST_XFS="$(mounted xfs "$who")" \
		TIFFIN_TEST_IDS="$who" TIFFIN_TEST_TUN="$tun" \
		TIFFIN_TEST_NETWORK="${TIFFIN_TEST_NETWORK:-}" \
		XDG_RUNTIME_DIR="$runtime/$who" TMPDIR="$work/$who/tmp" \
		BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-300}" \
		ASAN_OPTIONS="log_path=$work/sanitizer/log:${ASAN_OPTIONS:-}" \
		UBSAN_OPTIONS="log_path=$work/sanitizer/log:${UBSAN_OPTIONS:-}" \
		LSAN_OPTIONS="${LSAN_OPTIONS:-}" \
		sh -c 'cd "$0" && exec "$@"' "$work/tree" "$@" </dev/null
}

record() { # record RESULT NAME
	printf '%s\t%s\n' "$1" "$2" >>"$results"
}

run_unit() {
	local program name status
	for program in "$work"/unit/test_*; do
		if [ ! -x "$program" ]; then
			continue
		fi
		name=$(basename "$program")
		say "$name"
		status=0
		as "$1" "$program" >"$out" 2>&1 || status=$?
		cat "$out"
		sed -n -e "s/^ok - /passed\t$name: /p" -e "s/^not ok - /failed\t$name: /p" \
			"$out" >>"$results"
		if [ "$status" -ne 0 ] && ! grep -q '^not ok - ' "$out"; then
			say "$name ended with status $status"
			record failed "$name ended with status $status"
		fi
	done
}

run_fuzz() { # run_fuzz WHO
	local status=0
	[ -d "$work/fuzz" ] || return 0
	say "fuzz targets"
	as "$1" env FUZZ_OUT="$work/$1/tmp/findings" tests/lib/fuzz.sh "$work/fuzz" \
		"${FUZZ_SECONDS:-2}" >"$out" 2>&1 || status=$?
	cat "$out"
	sed -n -e 's/^ok - \(fuzz: [^:]*\).*/passed\t\1/p' -e 's/^not ok - /failed\t/p' \
		"$out" >>"$results"
	if [ "$status" -ne 0 ] && ! grep -q '^not ok - ' "$out"; then
		record failed "fuzz.sh ended with status $status"
	fi
}

# A sample of what `make fault` does: every command, at some of its calls.
run_fault() { # run_fault WHO
	local who=$1 status=0
	say "faults: $who"
	{
		as "$who" python3 tests/fault/fault.py "$work/prefix/bin/tiffin" "$work/unit/inject" \
			"$registry" --step "${FAULT_STEP:-97}" || status=$?
		as "$who" python3 tests/fault/order.py "$work/prefix/bin/tiffin" "$registry" || status=$?
		as "$who" python3 tests/fault/storm.py "$work/prefix/bin/tiffin" "$registry" \
			--seconds 5 --workers 8 --containers 40 || status=$?
	} >"$out" 2>&1
	cat "$out"
	sed -n -e "s/^ok - \([^:]*\): .*/passed\tfaults, $who: \1/p" -e "s/^not ok - /failed\tfaults, $who: /p" \
		"$out" >>"$results"
	if [ "$status" -ne 0 ] && ! grep -q '^not ok - ' "$out"; then
		record failed "faults, $who: ended with status $status"
	fi
}

run_bats() { # run_bats WHO LABEL FILE…
	local who=$1 label=$2 status=0
	shift 2
	[ $# -gt 0 ] || return 0
	say "$label"
	as "$who" bats --tap "${@/#/tests/cli/}" >"$out" 2>&1 &
	local pid=$!
	# Where inotify has run out, tail fails: what it shows is in the results as well.
	tail -n +1 -f --pid="$pid" "$out" 2>/dev/null || :
	wait "$pid" || status=$?
	awk -v label="$label" '
		/^1\.\.[0-9]+$/ { planned = substr($0, 4) }
		/^(not )?ok [0-9]+ / {
			seen++
			name = $0
			sub(/^(not )?ok [0-9]+ /, "", name)
			result = /^not/ ? "failed" : name ~ /# skip/ ? "skipped" : "passed"
			print result "\t" label ": " name
		}
		END {
			for (; seen < planned; seen++)
				print "failed\t" label ": a test that did not report"
			if (planned == "")
				print "failed\t" label ": bats did not start"
		}' "$out" >>"$results"
	if [ "$status" -ne 0 ] && ! grep -q '^not ok ' "$out"; then
		record failed "$label: bats ended with status $status"
	fi
}

wanted() { # wanted HEADER VALUE: the bats files whose header says so
	local file
	for file in "$here"/../cli/*.bats; do
		if [ -n "${TESTS:-}" ] && [[ ",$TESTS," != *",$(basename "$file" .bats),"* ]]; then
			continue
		fi
		if grep -q "^# $1: \($2\)" "$file"; then
			basename "$file"
		fi
	done
}

run_user() { # run_user WHO: all that is for such a user
	local who=$1 files
	out=$work/out.$who
	if [ -z "${TESTS:-}" ] && [ "$who" = "$(whos | cut -d' ' -f1)" ]; then
		run_unit "$who"
		run_fuzz "$who"
	fi
	if [ -z "${TESTS:-}" ] || [[ ",$TESTS," == *,fault,* ]]; then
		run_fault "$who"
	fi
	mapfile -t files < <(wanted ids "$who\|any")
	run_bats "$who" "$who" "${files[@]}"
}

# The users have nothing in common but the registry, and work at the same time; what the second one says
# comes when the first is done.
all_suites() {
	local others
	tun=closed in_namespace=()
	if [ -r /dev/net/tun ] && [ -w /dev/net/tun ]; then
		tun=open
	fi
	if [ "$kind" = root ]; then
		run_user single >"$work/said" 2>&1 &
		others=$!
		run_user range
		mapfile -t files < <(wanted network both)
		TIFFIN_TEST_NETWORK=slirp run_bats range "slirp" "${files[@]}"
		tun=closed
		in_namespace=(unshare -m sh -c 'mount -t tmpfs tiffin-tests /dev/net &&
			mknod -m 600 /dev/net/tun c 10 200; exec "$@"' sh)
		mapfile -t files < <(wanted tun both)
		TIFFIN_TEST_NETWORK=slirp run_bats range "no tun" "${files[@]}"
		in_namespace=()
		wait "$others" || record failed "the suites of the second user ended early"
		cat "$work/said"
	else
		run_user "$kind"
	fi
	case $kind in
	range) record skipped "users without subordinate IDs: this user has a range" ;;
	single) record skipped "users with subordinate IDs: this user has no range" ;;
	esac
}

# Monitors go on for a moment when their containers are gone.
check_leftovers() {
	local left end=$((SECONDS + 60))
	left=$(ours)
	while [ -n "$left" ] && [ $SECONDS -lt $end ]; do
		sleep 0.2
		left=$(ours)
	done
	if [ -n "$left" ]; then
		say "left running:"
		# shellcheck disable=SC2086
		ps -o pid,ppid,user,args -p "$(echo $left | tr ' ' ,)" | sed 's/^/#   /'
		record failed "processes left running"
	else
		record passed "nothing left running"
	fi
	if [ -n "$(ls "$work/sanitizer")" ]; then
		cat "$work/sanitizer"/*
		record failed "sanitizer reports"
	fi
}

count() {
	grep -c "^$1" "$results" || :
}

summary() {
	if [ "$strict" = 1 ]; then
		sed -i '/# skip cannot be had here:/!s/^skipped\t/failed\tskipped, which STRICT forbids: /' \
			"$results"
	fi
	sed -n -e 's/^failed\t/# FAILED /p' -e 's/^skipped\t/# skipped /p' "$results"
	printf '%d passed, %d failed, %d skipped\n' \
		"$(count passed)" "$(count failed)" "$(count skipped)"
	[ "$(count failed)" = 0 ]
}

set_up_users
open_tun
make_small_disks
make_other_disks
stage
start_registry
all_suites
check_leftovers
summary
