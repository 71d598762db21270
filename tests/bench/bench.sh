# shellcheck shell=bash
# What the benchmarks share, for a script that sources it with $here set to its own directory:
#
#	bench_set_up BUILD	checks who runs it; makes $work, $runtime and a registry, $registry, installs
#				tiffin to $work/prefix; all of it goes at the end (and what clean_up_more does)
#	as_user NAME=VALUE… COMMAND…	as the unprivileged user, in whose name $work/user is
#	machine TIFFIN DIRECTORY VERSION…	two lines for the top of a report

lib=$here/../lib

clean_up_more() { :; }

bench_clean_up() {
	clean_up_more
	"$lib/registry.sh" stop "$work/registry"
	[ "$kind" = root ] || unshare --map-root-user --map-auto rm -rf "$work/user"
	rm -rf "$work" "$runtime"
}

# crun and podman take one cgroup2 hierarchy, and refuse a hybrid of both versions.
bench_namespace() {
	in_namespace=()
	if [ "$kind" = root ] && [ -d /sys/fs/cgroup/unified ]; then
		in_namespace=(unshare -m sh -c
			'mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup && exec "$@"' sh)
	fi
}

bench_set_up() {
	local build
	build=$(cd "$1" && pwd)
	kind=$("$lib/user.sh" kind)
	if [ "$kind" = single ]; then
		echo "Error: podman and the floor need subordinate IDs for $(id -un)" >&2
		exit 1
	fi
	work=$(mktemp -d /var/tmp/tiffin-bench.XXXXXX)
	runtime=$(mktemp -d /tmp/tb.XXXXXX)
	trap bench_clean_up EXIT
	trap 'exit 130' INT TERM HUP
	chmod 755 "$work"
	mkdir -m 700 "$work/user"
	make -s -o all install B="$build" PREFIX="$work/prefix" DESTDIR= >/dev/null
	cp -R "$here/.." "$work/tests"
	chmod -R a+rX "$work/tests" "$work/prefix"
	if [ "$kind" = root ]; then
		"$lib/user.sh" setup
		chown "$("$lib/user.sh" name range):" "$work/user" "$runtime"
		[ ! -e /dev/net/tun ] || chmod 666 /dev/net/tun
	fi
	bench_namespace
	registry=$("$lib/registry.sh" start "$work/registry")
}

as_user() {
	"${in_namespace[@]}" "$lib/user.sh" run range XDG_RUNTIME_DIR="$runtime" TMPDIR="$work/user" "$@"
}

machine() { # machine TIFFIN DIRECTORY VERSION…
	local model tiffin=$1 directory=$2
	shift 2
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(nproc) cores of ${model:-$(uname -m)}, kernel $(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME")"
	echo
	printf '%s; ' "$("$tiffin" --version)" "$@"
	echo "file system: $(stat -f -c %T "$directory")"
}
