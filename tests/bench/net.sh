#!/bin/bash
# net.sh BUILD: what a container's network carries beside slirp4netns, pasta and the host's loopback
# (net.py), as the same unprivileged user, in one run. Nothing leaves this machine.
#
# SECONDS_EACH=N (2): each cell. WAYS=slirp,pasta limits the rows. MINUTES (4): after them no more
# cells are begun.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench.sh
. "$here/bench.sh"

if [ "${1:-}" = as-user ]; then
	work=$2 tiffin=$3 image=$4
	export TIFFIN_ROOT=$work/store PYTHONDONTWRITEBYTECODE=1
	if [ -z "${NO_TUN:-}" ]; then
		"$tiffin" pull -q "$image" >/dev/null
		machine "$tiffin" "$work" "$(slirp4netns --version | head -n 1)" \
			"passt $(dpkg-query -W -f '${Version}' passt)" "$(iperf3 --version | head -n 1)"
		echo
	fi
	python3 "$here/net.py" measure "$work" "$tiffin" "$image"
	exit 0
fi

bench_set_up "$1"
"$lib/images.sh" "$registry" busybox
until=$(($(date +%s) + 60 * ${MINUTES:-4}))
measure() {
	as_user SECONDS_EACH="${SECONDS_EACH:-2}" WAYS="${WAYS:-}" UNTIL="$until" "$@" \
		bash "$work/tests/bench/net.sh" as-user "$work/user" "$work/prefix/bin/tiffin" "$registry/busybox"
}
measure
# A veth pair takes the place of the tap device where that is closed, which only root can do to a user.
if [ "$kind" = root ]; then
	in_namespace=(unshare -m sh -c 'mount -t tmpfs tiffin-bench /dev/net && exec "$@"' sh)
	measure NO_TUN=1
else
	echo "| tiffin slirp (veth) | only root may close /dev/net/tun | | | | | | | |"
fi
