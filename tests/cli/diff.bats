# ids: any
#
# diff: what a container has changed of its image; images; two of them.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

changes='cd /
	echo new >added; rm -r modes; echo more >>hard/a; mkdir -p made/in; ln added made/linked; mkfifo made/fifo
	rm -r owners; mkdir owners; echo x >owners/x; echo y >owners/root; rm late/added; mkdir late/added
	chmod 700 data/kept; rm -r data/opaque; echo file >data/opaque; touch passing; rm passing'

changed='C /data
C /data/kept
C /data/opaque
C /hard
C /hard/a
C /late
C /late/added
C /owners
C /owners/root
A /added
A /made
A /made/fifo
A /made/in
A /made/linked
A /owners/x
D /modes
D /owners/app
D /owners/app-dir
D /owners/last
D /owners/mixed
D /owners/www-data'

by_kind() { grep '^C'; grep '^A' "$1"; grep '^D' "$1"; }

kinds() { # kinds ARGUMENT…: changed, added, deleted
	tiffin diff "$@" >"$BATS_TEST_TMPDIR/kinds"
	same "$(cut -c3- "$BATS_TEST_TMPDIR/kinds")" "$(cut -c3- "$BATS_TEST_TMPDIR/kinds" | LC_ALL=C sort)"
	by_kind "$BATS_TEST_TMPDIR/kinds" <"$BATS_TEST_TMPDIR/kinds"
}

@test "what was added, changed and deleted is told, in order, and what was not touched is not" {
	tiffin create --name untouched "$REGISTRY/layers" true >/dev/null
	same "$(tiffin diff untouched)" ""
	tiffin run --name one "$REGISTRY/layers" sh -c "$changes"
	same "$(kinds one)" "$changed"
	same "$(kinds -l)" "$changed"
	same "$(tiffin container diff one)" "$(tiffin diff one)"
}

@test "compared as trees it is the same" {
	tiffin run --name two "$REGISTRY/layers" sh -c "$changes"
	same "$(kinds two "$REGISTRY/layers")" "$changed"
	same "$(tiffin diff two two)" ""
	same "$(tiffin diff "$REGISTRY/layers" two | grep -c '^D /made')" 1
	same "$(tiffin diff two "$BUSYBOX" | grep '^A /added')" "A /added"
}

@test "JSON has a list for each kind" {
	tiffin run --name three "$BUSYBOX" sh -c 'touch /new "/$(printf "\033[31m")"; rm -r /home/app; touch "/$(printf "\377")"'
	run tiffin diff --format json three
	same "$(jq -c '(.added | length), .changed, .deleted' <<<"$output")" $'3\n["/home"]\n["/home/app"]'
	contains "$output" '"/new"' '/\\xff'
	fails 125 diff --format '{{.}}' three
	contains "$error" "only supported value for '--format' is 'json'"
}

@test "mounts are not changes, nor the places that were made for them" {
	tiffin run --name four -v "$BATS_TEST_TMPDIR:/mnt/host" -v "$BATS_TEST_TMPDIR:/volume" --tmpfs /scratch "$BUSYBOX" \
		sh -c 'touch /scratch/x /volume/x /dev/shm/x; echo y >>/etc/hosts; mkdir /volume2'
	same "$(tiffin diff four)" $'A /mnt\nA /volume2'
}

@test "one that runs is looked at as it is" {
	tiffin run -d --name five "$BUSYBOX" sh -c 'echo x >/file; exec sleep 1000' >/dev/null
	wait_for tiffin exec five test -e /file
	same "$(tiffin diff five)" "A /file"
	tiffin exec five rm -r /file /linuxrc
	same "$(tiffin diff five)" "D /linuxrc"
}

@test "an image's topmost layer is compared with those beneath it" {
	same "$(tiffin image diff "$REGISTRY/layers")" $'C /data\nA /data/reborn\nA /late\nA /late/added'
	same "$(tiffin diff "$REGISTRY/layers")" "$(tiffin image diff "$REGISTRY/layers")"
	contains "$(tiffin diff "$BUSYBOX")" $'A /bin\n' $'A /bin/sh\n'
}

@test "what the names hold is shown on a terminal, not acted on" {
	tiffin run --name six "$BUSYBOX" sh -c 'touch "/$(printf "\033[31mred\233")"'
	run on_terminal -- diff six
	lacks "$output" $'\e[31m'
	contains "$output" 'A /\x1b[31mred\x9b'
	same "$(tiffin diff six)" $'A /\e[31mred\x9b'
}

@test "directories that are closed are looked into, and owners count" {
	tiffin run --name seven "$REGISTRY/layers" sh -c 'mkdir -m 0 /closed; touch /closed/in; touch /modes/closed/in; chmod 701 /'
	same "$(tiffin diff seven)" $'A /closed\nA /closed/in\nC /modes\nC /modes/closed\nA /modes/closed/in'
}

@test "who is neither is an error" {
	fails 125 diff nobody
	contains "$error" "nobody not found: no such container or image"
	fails 125 container diff "$BUSYBOX"
	contains "$error" "no such container"
	fails 125 image diff nobody
	contains "$error" "nobody: image not known"
	fails 125 diff
	mkdir "$BATS_TEST_TMPDIR/root"
	cp -R /bin/true "$BATS_TEST_TMPDIR/root/"
	tiffin create --name eight --rootfs "$BATS_TEST_TMPDIR/root" /true >/dev/null
	fails 125 diff eight
	contains "$error" "has a directory for its root"
}
