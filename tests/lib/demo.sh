#!/bin/bash
# demo.sh BUILD: `make demo`. Starts a registry on loopback, pushes an image made from
# busybox-static to it, and shows tiffin pulling and running it as an unprivileged user: each command,
# then what it printed. Leaves nothing behind but a user of its own, where root runs it.
set -eu

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
kind=$("$here/user.sh" kind)
[ "$kind" = root ] && who=range || who=$kind

work=$(mktemp -d /var/tmp/tiffin-demo.XXXXXX)
runtime=$(mktemp -d /tmp/td.XXXXXX)

clean_up() {
	as_user sh -c '"$TIFFIN" rm -f -a -t 0 && "$TIFFIN" rmi -f -a' >/dev/null 2>&1 || :
	"$here/registry.sh" stop "$work/registry"
	if [ "$kind" = range ]; then
		unshare --user --map-root-user --map-auto rm -rf "$work/store"
	fi
	rm -rf "$work" "$runtime"
}

# A few variables, and the path to tiffin that a user has who installed it.
as_user() {
	"$here/user.sh" run "$who" TIFFIN="$work/prefix/bin/tiffin" TIFFIN_ROOT="$work/store" \
		XDG_RUNTIME_DIR="$runtime" PATH="$work/prefix/bin:/usr/local/bin:/usr/bin:/bin" "$@"
}

show() { # show COMMAND: as it would be typed
	printf '\n\033[1m$ %s\033[0m\n' "$1" | plain_if_not_a_terminal
	as_user sh -c "$1"
}

plain_if_not_a_terminal() {
	if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
		cat
	else
		sed 's/\x1b\[[0-9]*m//g'
	fi
}

set_up() {
	trap clean_up EXIT
	trap 'exit 130' INT TERM HUP
	make -s -o all install B="$build" PREFIX="$work/prefix" DESTDIR= >/dev/null
	chmod 755 "$work"
	chmod -R a+rX "$work/prefix"
	mkdir -m 700 "$work/store"
	if [ "$kind" = root ]; then
		"$here/user.sh" setup
		chown "$("$here/user.sh" name range):" "$work/store" "$runtime"
		# As udev has it elsewhere; where it can't be, tiffin does without.
		[ ! -e /dev/net/tun ] || chmod 666 /dev/net/tun
	fi
	registry=$("$here/registry.sh" start "$work/registry")
	"$here/images.sh" "$registry" busybox
	echo "A registry with an image of busybox listens on $registry."
}

set_up
show "id"
show "tiffin pull $registry/busybox"
show "tiffin images"
show "tiffin run --rm $registry/busybox echo hello"
show "tiffin run --rm $registry/busybox id"
show "tiffin run --rm --hostname lunchbox $registry/busybox hostname"
show "tiffin run --rm $registry/busybox ps"
show "tiffin run --rm $registry/busybox ip -4 addr"
show "tiffin run -d --name box $registry/busybox sh -c 'trap \"exit 0\" TERM; echo in the box; while :; do sleep 0.1; done'"
show "tiffin ps"
show "tiffin logs box"
show "tiffin stop box"
show "tiffin rm box"
