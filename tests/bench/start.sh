#!/bin/bash
# start.sh BUILD: how long a container takes from the prompt to its end, in one run of hyperfine:
# tiffin, podman, bubblewrap, and the floor (floor.c), as the same unprivileged user from the same
# shell. Prints a Markdown table of medians and ratios.
#
# RUNS=N (50): measured runs of each.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib

#--- as the unprivileged user: "$0" inside WORK --------------------------------------------------

names=() commands=()

add() { # add NAME COMMAND: is measured if it works
	local log
	if log=$(sh -c "$2" 2>&1 </dev/null); then
		names+=("$1") commands+=("$2")
	else
		printf 'not measured: %s: %s\n' "$1" "$(tail -n 1 <<<"$log")" >&2
	fi
}

podman_works_with() { # the first set of options with which podman can run here
	local options
	for options in "" "--cgroup-manager=cgroupfs" "--cgroups=disabled"; do
		case $options in
		--cgroups=*) run_options="$options" global= ;;
		*) run_options='' global="$options" ;;
		esac
		podman="podman --root $work/podman --runroot $work/podman-run --events-backend=file $global"
		# shellcheck disable=SC2086
		if $podman run $run_options --rm --pull=never "$image" true 2>/dev/null </dev/null; then
			return 0
		fi
	done
	return 1
}

prepare() {
	export TIFFIN_ROOT=$work/store
	"$tiffin" pull -q "$image" >/dev/null
	podman pull -q --tls-verify=false --root "$work/podman" --runroot "$work/podman-run" \
		"$image" >/dev/null 2>&1 </dev/null || :
	podman_works_with || run_options='' podman='podman'
	mkdir -p "$work/rootfs" "$work/scratch"
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lib python3 -c \
		'import sys, images; sys.stdout.buffer.write(images.busybox_layer())' |
		unshare --map-root-user --map-auto tar -x -C "$work/rootfs"
}

measure() {
	local bwrap="bwrap --unshare-all --bind $work/rootfs / --proc /proc --dev /dev --tmpfs /dev/shm"
	add 'floor' "$floor $work/rootfs $work/scratch /bin/true"
	add 'bubblewrap' "$bwrap /bin/true"
	add 'tiffin' "$tiffin run --rm $image true"
	add 'tiffin --network none' "$tiffin run --rm --network none $image true"
	add 'podman' "$podman run $run_options --rm $image true"
	add 'podman --network none' "$podman run $run_options --rm --network none $image true"
	hyperfine --shell=none --warmup 5 --runs "${RUNS:-50}" --style none \
		--export-json "$work/result.json" "${commands[@]}" >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		return 1
	}
}

machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(nproc) cores of ${model:-$(uname -m)}, kernel $(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME")"
	echo
	printf '%s; %s; %s; %s; %s; file system of the store: %s; podman ran with: %s\n' \
		"$("$tiffin" --version)" "$(podman --version)" "$(crun --version | head -n 1)" \
		"$(bwrap --version)" "$(slirp4netns --version | head -n 1)" \
		"$(stat -f -c %T "$work")" "${podman#podman } $run_options" | sed "s|$work|…|g"
}

table() {
	echo '| start and end of busybox true | median ms | min | max | of the floor | of bubblewrap |'
	echo '|---|---|---|---|---|---|'
	jq -r --args '
		[.results, $ARGS.positional] | transpose
		| map({name: .[1], median: .[0].median, min: .[0].min, max: .[0].max}) as $rows
		| ($rows | map({(.name): .median}) | add) as $medians
		| def ms: . * 100000 | round / 100;
		  def ratio($to): if $to then (. / $to * 100 | round / 100 | tostring) + "x" else "-" end;
		  $rows[]
		| "| \(.name) | \(.median | ms) | \(.min | ms) | \(.max | ms) | "
		  + "\(.median | ratio($medians.floor)) | \(.median | ratio($medians.bubblewrap)) |"
		' "${names[@]}" <"$work/result.json"
	echo
	jq -r --args '
		([.results, $ARGS.positional] | transpose | map({(.[1]): .[0].median}) | add) as $m
		| def line($a; $b): if $m[$a] and $m[$b]
			then "\($a) / \($b): \($m[$a] / $m[$b] * 100 | round / 100)" else empty end;
		  line("tiffin"; "floor"), line("tiffin --network none"; "bubblewrap"),
		  line("podman"; "tiffin"), line("podman --network none"; "tiffin --network none")
		' "${names[@]}" <"$work/result.json"
}

end_podman() { # the process that podman leaves to hold its user namespace
	local file=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	[ ! -e "$file" ] || kill -9 "$(cat "$file")"
}

if [ "${1:-}" = as-user ]; then
	trap end_podman EXIT
	work=$2 tiffin=$3 floor=$4 image=$5
	prepare
	measure
	machine
	echo
	table
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
install -m 755 "$build/bench/floor" "$work/prefix/bin/floor"
cp -R "$here/.." "$work/tests"
chmod -R a+rX "$work/tests" "$work/prefix"
in_namespace=()
if [ "$kind" = root ]; then
	"$lib/user.sh" setup
	chown "$("$lib/user.sh" name range):" "$work/user" "$runtime"
	[ ! -e /dev/net/tun ] || chmod 666 /dev/net/tun
	# crun takes one cgroup2 hierarchy and refuses a hybrid of both versions.
	if [ -d /sys/fs/cgroup/unified ]; then
		in_namespace=(unshare -m sh -c
			'mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup && exec "$@"' sh)
	fi
fi
registry=$("$lib/registry.sh" start "$work/registry")
"$lib/images.sh" "$registry" busybox
"${in_namespace[@]}" "$lib/user.sh" run range \
	XDG_RUNTIME_DIR="$runtime" TMPDIR="$work/user" RUNS="${RUNS:-50}" \
	bash "$work/tests/bench/start.sh" as-user "$work/user" "$work/prefix/bin/tiffin" \
	"$work/prefix/bin/floor" "$registry/busybox"
