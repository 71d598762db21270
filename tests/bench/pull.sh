#!/bin/bash
# pull.sh BUILD: how long a pull takes from a registry on loopback into a new directory, by tiffin,
# podman, skopeo with umoci, and the floor: igzip and tar, of the same blobs on the disk, all layers
# side by side. Prints a Markdown table of medians and ratios (pull.py).
#
# The image is big (pull_image.sh): it is built once, and each round takes some 17 GB of disk until
# the end; those that there is no room for are left out. ROUNDS=N (3): measured pulls by each.
# TOOLS=floor:tiffin limits it to those.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib

machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(nproc) cores of ${model:-$(uname -m)}, kernel $(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME")"
	echo
	printf '%s; %s; %s; umoci %s; file system: %s\n' "$("$1" --version)" "$(podman --version)" \
		"$(skopeo --version)" "$(dpkg-query -W -f '${Version}' umoci)" "$(stat -f -c %T "$2")"
}

contents() { # contents DIRECTORY: of the image
	local n entries=0 sizes
	for n in $(jq -r '.layers[].digest | sub("sha256:"; "")' "$1/manifest.json"); do
		entries=$((entries + $(igzip -dc <"$1/$n" | tar -t | wc -l)))
	done
	sizes=$(jq -r '[.layers[].size] | "\(length) layers, \(add / 1000000 | round) MB of gzip"' \
		"$1/manifest.json")
	echo "the image: $sizes, $entries entries"
}

end_podman() { # the process that podman leaves to hold its user namespace
	local file=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	[ ! -e "$file" ] || kill -9 "$(cat "$file")"
}

if [ "${1:-}" = as-user ]; then
	trap end_podman EXIT
	work=$2 tiffin=$3 image=$4 blobs=$5
	machine "$tiffin" "$work"
	echo
	contents "$blobs"
	echo
	python3 "$here/pull.py" "$work" "$tiffin" "$image" "$blobs"
	exit 0
fi

#--- as the caller ---------------------------------------------------------------------------------

build=$(cd "$1" && pwd)
kind=$("$lib/user.sh" kind)
if [ "$kind" = single ]; then
	echo "Error: the floor and podman need subordinate IDs for $(id -un)" >&2
	exit 1
fi

work=$(mktemp -d /var/tmp/tiffin-bench.XXXXXX)
runtime=$(mktemp -d /tmp/tb.XXXXXX)
clean_up() {
	"$lib/registry.sh" stop "$work/registry"
	[ "$kind" = root ] || unshare --map-root-user --map-auto rm -rf "$work/user"
	rm -rf "$work" "$runtime"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

chmod 755 "$work"
mkdir -m 700 "$work/user"
make -s -o all install B="$build" PREFIX="$work/prefix" DESTDIR= >/dev/null
cp -R "$here/.." "$work/tests"
chmod -R a+rX "$work/tests" "$work/prefix"
in_namespace=()
if [ "$kind" = root ]; then
	"$lib/user.sh" setup
	chown "$("$lib/user.sh" name range):" "$work/user" "$runtime"
	# podman takes one cgroup2 hierarchy and refuses a hybrid of both versions.
	if [ -d /sys/fs/cgroup/unified ]; then
		in_namespace=(unshare -m sh -c
			'mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup && exec "$@"' sh)
	fi
fi
registry=$("$lib/registry.sh" start "$work/registry")
blobs=$("$here/pull_image.sh" "$registry")
"${in_namespace[@]}" "$lib/user.sh" run range \
	XDG_RUNTIME_DIR="$runtime" TMPDIR="$work/user" ROUNDS="${ROUNDS:-3}" TOOLS="${TOOLS:-}" \
	bash "$work/tests/bench/pull.sh" as-user "$work/user" "$work/prefix/bin/tiffin" \
	"$registry/bench/pull" "$blobs"
