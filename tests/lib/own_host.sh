#!/bin/bash
# own_host.sh SCRIPT [ARGUMENT…]: runs a bash script as root of a host of its own: namespaces of users,
# mounts and network, with a loopback, an /etc that may be changed, and no interface else. For users
# without subordinate IDs, whose store it can go on with.
#
# The script has these functions:
#	wire ADDRESS/PREFIX	an interface with an address; routes are the script's to add
#	serve_dns ADDRESS NAME=ANSWER…	dns_server.py, when it is ready
set -eu

if [ -z "${OWN_HOST:-}" ]; then
	OWN_HOST=1 exec unshare --user --map-root-user --mount --net --propagation private "$0" "$@"
fi

here=$(dirname "$0")
etc=$(mktemp -d)
mount -n -t tmpfs -o mode=755 own-etc "$etc"
# What is root's alone is left out.
cp -a /etc/. "$etc" 2>/dev/null || :
rm -rf "$etc/resolv.conf"
mount -n --move "$etc" /etc
rmdir "$etc"
ip link set lo up
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

wire() {
	ip link add wire0 type veth peer name wire1
	ip addr add "$1" dev wire0
	ip link set wire1 up
	ip link set wire0 up
}

serve_dns() {
	local ready
	ready=$(mktemp)
	ip addr add "$1/8" dev lo 2>/dev/null || :
	python3 "$here/dns_server.py" "$@" >"$ready" &
	until [ -s "$ready" ]; do sleep 0.05; done
	rm "$ready"
}

script=$1
shift
eval "$script"
