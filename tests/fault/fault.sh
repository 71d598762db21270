#!/bin/bash
# fault.sh BUILD: every fault that we know how to make, in every command that changes the store, by
# users with and without subordinate IDs. Prints a line for each. Hours: STEP=N tries every Nth system
# call only (1: all of them); SECONDS_OF_STORM=N (60) and CONTAINERS=N (1000) say how bad it gets.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib
build=$(cd "$1" && pwd)

work=$(mktemp -d /var/tmp/tiffin-fault.XXXXXX)
runtime=$(mktemp -d /tmp/tf.XXXXXX)
chmod 755 "$work" "$runtime"

clean_up() {
	"$lib/registry.sh" stop "$work/registry"
	[ -n "${KEEP:-}" ] || rm -rf "$work" "$runtime"
}
trap clean_up EXIT

try_as() { # try_as WHO
	local who=$1
	mkdir -m 700 "$work/$who" "$runtime/$who"
	[ "$kind" != root ] || chown "$("$lib/user.sh" name "$who"):" "$work/$who" "$runtime/$who"
	echo "# $who"
	for script in "order.py $work/bin/tiffin $registry" \
		"fault.py $work/bin/tiffin $work/inject $registry --step ${STEP:-1}" \
		"storm.py $work/bin/tiffin $registry --seconds ${SECONDS_OF_STORM:-60} --containers ${CONTAINERS:-1000}"; do
		# shellcheck disable=SC2086 # words of a command
		"$lib/user.sh" run "$who" TMPDIR="$work/$who" XDG_RUNTIME_DIR="$runtime/$who" \
			PYTHONDONTWRITEBYTECODE=1 python3 $work/$script || failed=1
	done
}

kind=$("$lib/user.sh" kind)
failed=0
[ "$kind" != root ] || "$lib/user.sh" setup
make -s -C "$here/../.." -o all install B="$build" PREFIX="$work" DESTDIR= >/dev/null
cp "$here"/*.py "$build/tests/inject" "$work"
chmod -R a+rX "$work"
registry=$("$lib/registry.sh" start "$work/registry")
"$lib/images.sh" "$registry" busybox layers config
case $kind in
root) for who in range single; do try_as $who; done ;;
*) try_as "$kind" ;;
esac
exit $failed
