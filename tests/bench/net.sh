#!/bin/bash
# net.sh BUILD: what a container's network carries beside slirp4netns, pasta and the host's loopback
# (net.py), as the same unprivileged user, in one run. Nothing leaves this machine.
#
# ROUNDS=N (3), SECONDS_EACH=N (1): each cell, in each round. WAYS=slirp,pasta limits the rows.
# MINUTES (4): after them no more cells are begun.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench.sh
. "$here/bench.sh"

if [ "${1:-}" = as-user ]; then
	work=$2 tiffin=$3 image=$4
	export TIFFIN_ROOT=$work/store PYTHONDONTWRITEBYTECODE=1
	"$tiffin" pull -q "$image" >/dev/null
	machine "$tiffin" "$work" "$(slirp4netns --version | head -n 1)" \
		"passt $(dpkg-query -W -f '${Version}' passt)" "$(iperf3 --version | head -n 1)"
	echo
	python3 "$here/net.py" measure "$work" "$tiffin" "$image"
	exit 0
fi

bench_set_up "$1"
"$lib/images.sh" "$registry" busybox
# A veth pair takes the place of the tap device where that is closed, which only root can have done to a
# user: net.py takes the node away and puts it back, in a directory of its own.
if [ "$kind" = root ] && [ -e /dev/net/tun ]; then
	in_namespace=(unshare -m sh -c 'mount -t tmpfs -o mode=755,uid="$1" tiffin-bench /dev/net &&
		mknod -m 666 /dev/net/tun c 10 200 && shift && exec "$@"' sh "$(id -u "$("$lib/user.sh" name range)")")
fi
as_user ROUNDS="${ROUNDS:-3}" SECONDS_EACH="${SECONDS_EACH:-1}" WAYS="${WAYS:-}" \
	UNTIL=$(($(date +%s) + 60 * ${MINUTES:-4})) \
	bash "$work/tests/bench/net.sh" as-user "$work/user" "$work/prefix/bin/tiffin" "$registry/busybox"
