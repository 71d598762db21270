#!/bin/bash
# vm.sh BUILD: boots a virtual machine with systemd, where what `make` built in BUILD has to outlive
# the machine's ends: two that are in order, and a power cut. guest.sh is what happens inside. Prints
# "ok - …" and "not ok - …" lines. Exit status 1: one failed, or the machine did not do its part.
#
# The processor is emulated (TCG): a boot takes half a minute. The machine is made once, which takes root
# and some minutes, and kept in $TIFFIN_TEST_CACHE; what a run changes is in copies.
set -eu

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib
# shellcheck source=../lib/root.sh
. "$lib/root.sh"
# shellcheck source=../lib/mirror.sh
. "$lib/mirror.sh"

BOOTS=4
PATIENCE=600 # seconds for a boot

if [ "$(uname -m)" != x86_64 ]; then
	echo "Error: the machine is an x86_64 one, with the programs that were built here" >&2
	exit 1
fi

work=$(mktemp -d /var/tmp/tiffin-vm.XXXXXX)
qemu=
clean_up() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || :
	"$lib/registry.sh" stop "$work/registry"
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

make_base() {
	local cache recipe
	if [ "$(id -u)" = 0 ]; then
		cache=/var/cache/tiffin-tests
	else
		cache=${XDG_CACHE_HOME:-$HOME/.cache}/tiffin-tests
	fi
	recipe=$(sha256sum <"$here/base.sh" | cut -c 1-12)
	base=${TIFFIN_TEST_CACHE:-$cache}/vm-$recipe
	[ ! -e "$base" ] || return 0
	echo "# making the machine (kept in $base)"
	mkdir -p "$base.new"
	as_root "$here/base.sh" "$base.new" "$(mirror)"
	as_root chmod -R a+rX "$base.new"
	mv "$base.new" "$base"
}

# The second disk: tiffin, an image in an archive, guest.sh and what it needs.
make_payload() {
	local registry
	mkdir "$work/payload"
	make -s -C "$here/../.." -o all install B="$build" PREFIX="$work/payload" DESTDIR= >/dev/null
	registry=$("$lib/registry.sh" start "$work/registry")
	"$lib/images.sh" "$registry" busybox
	skopeo copy -q --src-tls-verify=false "docker://$registry/busybox:latest" \
		"docker-archive:$work/payload/busybox.tar:localhost/busybox:latest"
	cp -R "$here/guest.sh" "$lib/fast" "$work/payload/"
	chmod -R a+rX "$work/payload"
	/sbin/mkfs.ext4 -qF -d "$work/payload" -E root_owner=0:0 "$work/second" 64M
}

# Until it has powered itself off, or asks for the cut.
boot() { # boot NUMBER
	local end=$((SECONDS + PATIENCE)) out=$work/session.$1
	qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
		-nodefaults -no-reboot -display none -net none \
		-kernel "$base/vmlinuz" -initrd "$base/initrd" \
		-append "root=/dev/vda rw console=ttyS0 quiet no_timer_check panic=-1" \
		-drive "file=$work/disk,format=raw,if=virtio" \
		-drive "file=$work/second,format=raw,if=virtio,readonly=on" \
		-serial "file:$work/console.$1" -serial "file:$out" </dev/null &
	qemu=$!
	while kill -0 "$qemu" 2>/dev/null && ! grep -qs '^CUT' "$out" && [ $SECONDS -lt $end ]; do
		sleep 0.5
	done
	kill -9 "$qemu" 2>/dev/null || :
	wait "$qemu" 2>/dev/null || :
	qemu=
	tr -d '\r' <"$out" | grep -E '^(# |ok|not ok)' | tee -a "$work/results" || :
	if ! grep -q '^DONE' "$out"; then
		echo "not ok - boot $1 came to its end" | tee -a "$work/results"
		tail -n 30 "$out" "$work/console.$1"
		return 1
	fi
}

make_base
make_payload
cp --sparse=always "$base/disk" "$work/disk"
for n in $(seq $BOOTS); do
	boot "$n" || break
done
printf '%d passed, %d failed\n' "$(grep -c '^ok' "$work/results")" \
	"$(grep -c '^not ok' "$work/results" || :)"
! grep -q '^not ok' "$work/results"
