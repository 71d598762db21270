#!/bin/sh
# deps.sh PURPOSE…: installs the Debian packages that a purpose needs and this machine lacks.
# PURPOSE is build, test, demo, bench, fuzz, tidy or vm. Says nothing where nothing is missing.
set -eu
. "$(dirname "$0")/root.sh"

packages() {
	case $1 in
	build)
		echo gcc libc6-dev make pkg-config libarchive-dev libcurl4-openssl-dev libjansson-dev \
			libslirp-dev libseccomp-dev libzstd-dev libssl-dev zlib1g-dev libisal-dev
		;;
	demo) echo uidmap docker-registry busybox-static python3-minimal python3 curl procps ;;
	test)
		packages demo
		echo bats debootstrap debian-archive-keyring jq attr zstd strace iproute2 libcap2-bin \
			apache2-utils e2fsprogs xfsprogs openssl skopeo podman crun buildah umoci tmux passt
		;;
	bench)
		packages demo
		echo podman crun bubblewrap slirp4netns passt iperf3 hyperfine jq buildah skopeo umoci isal \
			debootstrap debian-archive-keyring
		;;
	fuzz) echo clang libclang-rt-14-dev ;;
	vm)
		packages demo
		echo qemu-system-x86 e2fsprogs debootstrap debian-archive-keyring skopeo
		;;
	tidy) echo clang-tidy clang-format cppcheck ;;
	*)
		echo "Error: no such purpose: '$1'" >&2
		return 1
		;;
	esac
}

missing() {
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
		[ "$status" = installed ] || printf '%s\n' "$package"
	done | sort -u
}

install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" </dev/null
}

for purpose in "$@"; do
	packages "$purpose" >/dev/null
done
# shellcheck disable=SC2046 # lists of words
wanted=$(missing $(for purpose in "$@"; do packages "$purpose"; done))
[ -n "$wanted" ] || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
set -- $wanted
echo "installing $*" >&2
as_root true
# The package lists are fetched only where what is there does not do.
if ! install "$@" >"$log" 2>&1 &&
	! { as_root apt-get -qq update </dev/null && install "$@"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "Error: cannot install $*" >&2
	exit 1
fi
