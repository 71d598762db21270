#!/bin/sh
# pull_image.sh HOST:PORT: pushes the image that pull.sh measures to a registry, as bench/pull: Debian
# and what a workshop would add to it, in 5 layers of gzip (one of them tiny), made by buildah.
# Prints where the image is, as skopeo's dir: has it.
#
# It takes minutes, root and the machine's own mirror, so it is kept in a cache directory
# ($TIFFIN_TEST_CACHE, else that of images.sh) from run to run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib
. "$lib/root.sh"

if [ -n "${TIFFIN_TEST_CACHE:-}" ]; then
	cache=$TIFFIN_TEST_CACHE
elif [ "$(id -u)" = 0 ]; then
	cache=/var/cache/tiffin-tests
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/tiffin-tests
fi
kept=$cache/pull-bench-$(dpkg --print-architecture)

layer() { # layer PACKAGE…: its line of the Containerfile
	echo "RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y" \
		"--no-install-recommends $* && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb"
}

containerfile() {
	echo "FROM $1/debian:bookworm"
	layer python3 build-essential clang
	layer postgresql nginx
	layer golang rustc openjdk-17-jdk-headless
}

build() { # build HOST:PORT DIRECTORY: an image in the directory, as skopeo's dir: has it
	"$lib/images.sh" "$1" debian
	containerfile "$1" >"$2/Containerfile"
	as_root buildah --root "$2/storage" --runroot "$2/run" --storage-driver vfs \
		build --isolation chroot --layers --tls-verify=false --tag pull-bench "$2" \
		>"$2/log" 2>&1 </dev/null &&
		as_root buildah --root "$2/storage" --runroot "$2/run" --storage-driver vfs \
			push -q --format v2s2 pull-bench "dir:$2/image" >>"$2/log" 2>&1 || {
		tail -n 20 "$2/log" >&2
		echo "Error: cannot build the image" >&2
		return 1
	}
}

if [ ! -e "$kept" ]; then
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/work.XXXXXX")
	echo "building the image to pull (kept in $cache)" >&2
	if build "$1" "$work"; then
		as_root chmod -R a+rX "$work/image"
		as_root mv "$work/image" "$kept"
	fi
	as_root rm -rf "$work"
fi
[ -e "$kept" ]
skopeo copy -q --dest-tls-verify=false "dir:$kept" "docker://$1/bench/pull"
echo "$kept"
