# ids: range
#
# What is in the layers is what the container sees: images.py says what the image holds.
load ../lib/common

setup_file() { own_store layers layers:twice; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm "$REGISTRY/layers" "$@"; }

@test "owners are those of the layer" {
	run in_box stat -c '%n %u:%g' /owners/root /owners/app /owners/www-data /owners/mixed /owners/last \
		/owners/app-dir /data/dangling
	same "$output" "/owners/root 0:0
/owners/app 1000:1000
/owners/www-data 33:33
/owners/mixed 1000:33
/owners/last 65534:65534
/owners/app-dir 1000:1000
/data/dangling 1000:1000"
}

@test "ls -ln shows them" {
	run in_box ls -ln /owners
	matches "$output" $'-rw------- +1 33 +33 +1 Nov 14  2023 www-data'
}

@test "modes are those of the layer, setuid, setgid and sticky too" {
	run in_box stat -c '%n %a' /modes/setuid /modes/setgid /modes/sticky /modes/sgid-dir /modes/none \
		/modes/closed /modes/write-only /tmp /hard/a
	same "$output" "/modes/setuid 4755
/modes/setgid 2755
/modes/sticky 1777
/modes/sgid-dir 2775
/modes/none 0
/modes/closed 0
/modes/write-only 200
/tmp 1777
/hard/a 640"
}

@test "times are those of the layer" {
	same "$(in_box stat -c %Y /data/kept /owners/app-dir /data/absolute)" \
		$'1700000000\n1700000000\n1700000000'
}

@test "files and directories with whiteouts are gone" {
	run in_box ls -A /data
	for name in deleted deleted-dir never-was; do
		! grep -qx "$name" <<<"$output"
	done
	lacks "$output" .wh.
	contains "$output" kept
}

@test "an opaque directory has the new content alone, and the new mode" {
	same "$(in_box sh -c 'ls -A /data/opaque; stat -c %a /data/opaque')" $'new\n750'
}

@test "an opaque marker counts wherever it stands in the layer" {
	same "$(in_box ls -A /data/opaque-late)" new
}

@test "the later layer wins" {
	same "$(in_box sh -c 'cat /data/changed; stat -c %a /data/changed')" $'second\n600'
}

@test "what was deleted and came back is the new one" {
	same "$(in_box cat /data/reborn)" third
}

@test "a directory takes a file's place, and a file a directory's" {
	same "$(in_box cat /data/file-to-dir/in /data/dir-to-file)" $'dir\nfile'
}

@test "a directory takes a symlink's place, without going through it" {
	same "$(in_box sh -c 'cat /data/link-to-dir/in; test -L /data/link-to-dir || echo real; ls -A /data/link-to-dir-target')" \
		$'real dir\nreal'
}

@test "hard links are one file" {
	run in_box stat -c '%h %u:%g %a' /hard/a /hard/b /hard/other/c
	same "$output" $'3 33:33 640\n3 33:33 640\n3 33:33 640'
	same "$(in_box stat -c %i /hard/a /hard/b /hard/other/c | sort -u | wc -l)" 1
}

@test "symlinks point where they say" {
	same "$(in_box sh -c 'cd /data; for l in absolute relative upward dangling; do readlink $l; done; cat absolute relative upward')" \
		$'/data/kept\nkept\n../../../data/kept\n/no/such/file\nkept\nkept\nkept'
}

@test "a FIFO is one, and works" {
	run in_box sh -c 'stat -c "%F %a" /special/fifo; echo through >/special/fifo & cat /special/fifo'
	same "$output" $'fifo 622\nthrough'
}

@test "names are kept to the byte" {
	run in_box sh -c 'cd /names; for name in *; do printf "%s\n" "$name"; done'
	same "$(LC_ALL=C sort <<<"$output")" "$(printf '%s\n' -dash grün-漢字 "$(printf 'n%.0s' {1..255})" \
		"quote'\"back\\slash" 'with space' | LC_ALL=C sort)"
}

@test "deep paths are there" {
	same "$(in_box find /deep -name leaf | wc -l)" 1
}

@test "extended attributes are those of the layer" {
	# busybox has no getfattr: the store is looked at.
	layer=$(unshare --user --map-root-user --map-auto \
		find "$TIFFIN_ROOT/layers" -path '*/xattrs/user' -print -quit)
	[ -n "$layer" ]
	same "$(getfattr --only-values -n user.tiffin "$layer")" "a value"
	same "$(getfattr --only-values -n user.on.dir "${layer%/user}/dir")" yes
}

@test "a file's capability is kept, for the container's namespace" {
	layer=$(unshare --user --map-root-user --map-auto \
		find "$TIFFIN_ROOT/layers" -path '*/xattrs/capable' -print -quit)
	run unshare --user --map-root-user --map-auto getcap "$layer"
	contains "$output" cap_net_bind_service=ep
}

@test "what a container writes does not reach the layer" {
	in_box sh -c 'echo spoilt >/data/kept; rm -r /owners; chmod 777 /modes/none; mv /hard /harder'
	same "$(in_box sh -c 'cat /data/kept; ls /owners | wc -l; stat -c %a /modes/none; ls -d /hard')" \
		$'kept\n6\n0\n/hard'
}

@test "directories of lower layers are renamed, as apt and pip do" {
	same "$(in_box sh -c 'mv /owners /elsewhere && mv /data/opaque /data/moved && ls /data/moved && ls -n /elsewhere/app | tr -s " " | cut -d" " -f3,4')" \
		$'new\n1000 1000'
}

@test "a layer that comes twice counts where it stands" {
	same "$(tiffin run --rm "$REGISTRY/layers:twice" cat /data/changed /data/deleted /data/kept)" \
		$'first\ndeleted\nkept'
}

@test "the layers of two images that share them are there once" {
	same "$(tiffin images -q --no-trunc | sort -u | wc -l)" 2
	same "$(find "$TIFFIN_ROOT/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" 4
}
