#!/bin/sh
# images.sh HOST:PORT [NAME…]: makes the test images and pushes them to a registry, without tiffin.
# NAME is busybox, layers, config, big, twice (images.py says what is in them) or debian; all by default.
#
# debian:bookworm is debootstrapped from the machine's own mirror, which takes a minute and root:
# its root file system is kept in a cache directory ($TIFFIN_TEST_CACHE) from run to run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/root.sh"
. "$here/mirror.sh"

SUITE=bookworm

cache_dir() {
	if [ -n "${TIFFIN_TEST_CACHE:-}" ]; then
		echo "$TIFFIN_TEST_CACHE"
	elif [ "$(id -u)" = 0 ]; then
		echo /var/cache/tiffin-tests
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/tiffin-tests"
	fi
}

# The machine's ways of reaching it (proxies and the like) hold in the container too.
apt_settings() {
	apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-Valid-Until|Check-Date|Retries|ForceIPv[46])[: ]' || :
	echo 'Acquire::Languages "none"; Acquire::Retries "5";'
}

debian_overlay() {
	mkdir -p "$1/etc/apt/apt.conf.d"
	echo "deb $2 $SUITE main" >"$1/etc/apt/sources.list"
	apt_settings >"$1/etc/apt/apt.conf.d/90-tests"
}

debian_rootfs() {
	more=
	case $1 in
	https:*) more=--include=ca-certificates ;;
	esac
	# shellcheck disable=SC2086
	as_root debootstrap --variant=minbase $more \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		"$SUITE" "$2/rootfs" "$1" >"$2/log" 2>&1 </dev/null || {
		tail -n 20 "$2/log" >&2
		echo "Error: cannot debootstrap $SUITE" >&2
		return 1
	}
	as_root tar --numeric-owner --xattrs --one-file-system --sort=name -C "$2/rootfs" \
		--exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*_*' \
		--exclude='./dev/*' -cf - . | gzip -1
}

make_debian() {
	[ -n "$1" ] || {
		echo "Error: apt has no $SUITE archive to make debian:$SUITE from" >&2
		return 1
	}
	cache=$(cache_dir)
	tarball=$cache/debian-$SUITE-$(dpkg --print-architecture).tar.gz
	# debootstrap gives up where a mirror does not answer for once.
	for _ in 1 2 3; do
		[ ! -e "$tarball" ] || break
		mkdir -p "$cache"
		work=$(mktemp -d "$cache/work.XXXXXX")
		echo "debootstrapping $SUITE (kept in $cache)" >&2
		if debian_rootfs "$1" "$work" >"$work/tarball"; then
			mv "$work/tarball" "$tarball"
		fi
		as_root rm -rf "$work"
	done
	[ -e "$tarball" ]
	overlay=$(mktemp -d)
	debian_overlay "$overlay" "$1"
	python3 "$here/images.py" debian "$2" "$tarball" "$overlay"
	rm -rf "$overlay"
}

registry=$1
shift
[ $# -gt 0 ] || set -- busybox layers config big debian
for name in "$@"; do
	if [ "$name" = debian ]; then
		make_debian "$(mirror)" "$registry"
	else
		python3 "$here/images.py" push "$registry" "$name"
	fi
done
