#!/bin/bash
# posture.sh BUILD: what a program in a container holds and may ask of the kernel, by a probe (probe.c)
# run under tiffin, podman and bubblewrap on this machine, as one unprivileged user with subordinate
# IDs and with the defaults of each; and, where no probe can run, what docker's documentation says.
# Prints the table of docs/security.md; with --write puts it there.
set -eu

if [ "${1:-}" != --inside ]; then
	build=$(cd "$1" && pwd)
	here=$(cd "$(dirname "$0")" && pwd)
	tree=$(cd "$here/../.." && pwd)
	work=$(mktemp -d /var/tmp/tiffin-posture.XXXXXX)
	chmod 755 "$work"
	registry=$("$tree/tests/lib/registry.sh" start "$work/registry")
	clean_up() {
		"$tree/tests/lib/registry.sh" stop "$work/registry"
		"$tree/tests/lib/user.sh" run range unshare --user --map-root-user --map-auto rm -rf "$work/user" 2>/dev/null || :
		rm -rf "$work"
	}
	trap clean_up EXIT
	"$tree/tests/lib/user.sh" setup
	"$tree/tests/lib/images.sh" "$registry" busybox
	make -s -C "$tree" -o all install B="$build" PREFIX="$work/prefix" DESTDIR= >/dev/null
	cp -R "$tree/tests" "$work/tests"
	cp "$build/tests/probe" "$work/probe"
	chmod -R a+rX "$work"
	install -d -o "$("$tree/tests/lib/user.sh" name range)" "$work/user"
	# crun knows no machine with control groups of both versions; it sees those of version 1 alone.
	hide=()
	if mountpoint -q /sys/fs/cgroup/unified; then
		hide=(unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec "$@"' sh)
	fi
	"${hide[@]}" "$tree/tests/lib/user.sh" run range XDG_RUNTIME_DIR="$work/user" \
		bash "$work/tests/posture/posture.sh" --inside "$work" "$registry" >"$work/table"
	cat "$work/table"
	if [ "${2:-}" = --write ]; then
		awk -v table="$work/table" '
			/^<!-- posture -->$/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
			/^<!-- end of posture -->$/ { skip = 0 }
			!skip' "$tree/docs/security.md" >"$work/security.md"
		cp "$work/security.md" "$tree/docs/security.md"
	fi
	exit 0
fi

work=$2 registry=$3
cd "$work/user"
export TIFFIN_ROOT=$work/user/store
image=$registry/busybox

python3 -u -m http.server --bind 127.0.0.1 0 >server 2>&1 &
server=$!
trap 'kill $server; podman --root "$work/user/podman" --runroot "$work/user/run" system migrate >/dev/null 2>&1 || :' EXIT
until grep -q 'port [0-9]' server; do sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' server)

# A control: somebody is there.
"$work/probe" reach 127.0.0.1 "$port" | grep -q yes

probe() { # probe NAME COMMAND…: all of its answers, and whether the host's loopback can be reached
	local name=$1 address
	shift
	{
		"$@" /probe
		for address in 127.0.0.1 10.0.2.2 10.0.2.3; do
			"$@" /probe reach $address "$port"
		done
	} >"$name.out" 2>"$name.err" </dev/null || :
}

podman="podman --root $work/user/podman --runroot $work/user/run --events-backend=file --log-level=error"
$podman pull -q --tls-verify=false "$image" >/dev/null 2>&1 || :
for options in "" --cgroups=disabled; do
	if $podman run $options --rm "$image" true >/dev/null 2>&1; then break; fi
done
mkdir rootfs
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work/tests/lib python3 -c \
	'import sys, images; sys.stdout.buffer.write(images.busybox_layer())' |
	unshare --map-root-user --map-auto tar -x -C rootfs
cp "$work/probe" rootfs/probe
"$work/prefix/bin/tiffin" pull -q "$image" >/dev/null

"$work/probe" >host.out 2>/dev/null || :
probe tiffin "$work/prefix/bin/tiffin" run --rm -v "$work/probe:/probe:ro" "$image"
# shellcheck disable=SC2086
probe podman $podman run $options --rm -v "$work/probe:/probe:ro" "$image"
probe bwrap bwrap --unshare-all --bind rootfs / --proc /proc --dev /dev

python3 "$work/tests/posture/table.py"
printf '\n%s; %s; %s; Linux %s. Probed with the defaults of each%s.\n' \
	"$("$work/prefix/bin/tiffin" --version)" "$(podman --version)" "$(bwrap --version)" "$(uname -r | cut -d- -f1)" \
	"${options:+, podman with $options}"
