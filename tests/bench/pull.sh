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
# shellcheck source=bench.sh
. "$here/bench.sh"

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
	machine "$tiffin" "$work" "$(podman --version)" "$(skopeo --version)" \
		"umoci $(dpkg-query -W -f '${Version}' umoci)"
	echo
	contents "$blobs"
	echo
	python3 "$here/pull.py" "$work" "$tiffin" "$image" "$blobs"
	exit 0
fi

#--- as the caller ---------------------------------------------------------------------------------

bench_set_up "$1"
blobs=$("$here/pull_image.sh" "$registry")
as_user ROUNDS="${ROUNDS:-3}" TOOLS="${TOOLS:-}" bash "$work/tests/bench/pull.sh" as-user \
	"$work/user" "$work/prefix/bin/tiffin" "$registry/bench/pull" "$blobs"
