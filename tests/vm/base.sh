#!/bin/sh
# base.sh DIRECTORY MIRROR: makes the machine that vm.sh boots, as root: a Debian 12 with systemd, its kernel,
# and a user "tester" who has subordinate IDs, lingers, and is logged in on the second serial line.
# Leaves disk (ext4), vmlinuz and initrd there.
#
# The profile of that user runs /opt/tiffin/guest.sh, which is on the second disk.
set -eu
dir=$1
root=$dir/root
trap 'rm -rf "$root"' EXIT

packages() {
	echo systemd-sysv udev dbus dbus-user-session libpam-systemd systemd-resolved uidmap procps \
		linux-image-cloud-amd64 initramfs-tools passt python3 iproute2 \
		libjansson4 libarchive13 libcurl4 libslirp0 libseccomp2 libzstd1 libisal2 zlib1g | tr ' ' ,
}

put() { # put PATH: standard input
	mkdir -p "$root/$(dirname "$1")"
	cat >"$root/$1"
}

debootstrap --variant=minbase --include="$(packages)" \
	--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
	bookworm "$root" "$2" >"$dir/log" 2>&1 </dev/null || {
	tail -n 20 "$dir/log" >&2
	exit 1
}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*_*

echo lunchbox >"$root/etc/hostname"
echo '127.0.0.1 localhost lunchbox' >"$root/etc/hosts"
# Its own resolver (127.0.0.53), which knows no other; it finds names in /etc/hosts.
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
echo '192.0.2.7 kitchen.example' >>"$root/etc/hosts"
# An address that leads out, though nowhere.
put etc/systemd/network/lane.netdev <<-END
	[NetDev]
	Name=lane
	Kind=dummy
END
put etc/systemd/network/lane.network <<-END
	[Match]
	Name=lane
	[Network]
	Address=192.0.2.2/24
	Gateway=192.0.2.1
	Address=2001:db8::2/64
	Gateway=2001:db8::1
	IPv6AcceptRA=no
	LinkLocalAddressing=no
END
chroot "$root" systemctl -q enable systemd-networkd systemd-resolved
put etc/fstab <<-END
	/dev/vda / ext4 defaults 0 1
	/dev/vdb /opt/tiffin ext4 ro 0 2
END
mkdir "$root/opt/tiffin"

chroot "$root" useradd --create-home --shell /bin/bash tester
mkdir -p "$root/var/lib/systemd/linger"
: >"$root/var/lib/systemd/linger/tester"
echo 'exec /opt/tiffin/guest.sh' >"$root/home/tester/.profile"
rm -f "$root/home/tester/.bash_profile" "$root/home/tester/.bash_login"

put etc/systemd/system/serial-getty@ttyS1.service.d/login.conf <<-END
	[Service]
	ExecStart=
	ExecStart=-/sbin/agetty --autologin tester --noclear ttyS1 vt100
	Restart=no
END
mkdir -p "$root/etc/systemd/system/getty.target.wants"
ln -s /lib/systemd/system/serial-getty@.service \
	"$root/etc/systemd/system/getty.target.wants/serial-getty@ttyS1.service"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"

# The user has no password for this: a file is the button.
echo 'd /run/button 1777 root root' | put etc/tmpfiles.d/button.conf
put etc/systemd/system/button.path <<-END
	[Path]
	PathExists=/run/button/pressed
END
put etc/systemd/system/button.service <<-END
	[Service]
	ExecStart=/bin/systemctl poweroff
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../button.path "$root/etc/systemd/system/multi-user.target.wants/button.path"

cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"
cp "$root"/boot/initrd.img-* "$dir/initrd"
mkfs.ext4 -qF -d "$root" "$dir/disk" 3G
