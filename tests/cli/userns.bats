# ids: range
#
# --userns keep-id, nomap, auto, host, --uidmap and --gidmap: whose a container's IDs are, and its files.
load ../lib/common

setup_file() {
	own_store busybox layers
	hostile_tar >"$BATS_FILE_TMPDIR/hostile.tar"
	tiffin import "$BATS_FILE_TMPDIR/hostile.tar" localhost/hostile >/dev/null
}
teardown_file() { drop_store; }
teardown() { remove_containers; }

in_box() { tiffin run --rm "$@"; }
map_of() { # map_of RUN-OPTION…: "inside outside count" of users, on one line
	in_box "$@" "$BUSYBOX" cat /proc/self/uid_map | xargs
}
first_subordinate() { grep "^$(id -un):" /etc/subuid | head -n 1 | cut -d: -f2; }
range_size() { grep "^$(id -un):" /etc/subuid | head -n 1 | cut -d: -f3; }
inside() { unshare --user --map-root-user --map-auto "$@"; }
mapped() { find "$TIFFIN_ROOT/mapped" -mindepth 1 -maxdepth 1 -name '*.????????????????????????????????' 2>/dev/null; }

# Programs that say what they may, in an image with names, paths and attributes that nobody would choose.
hostile_tar() {
	printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%%d\\n", (int)geteuid()); }\n' \
		>"$BATS_FILE_TMPDIR/who.c"
	cc -static -o "$BATS_FILE_TMPDIR/who" "$BATS_FILE_TMPDIR/who.c"
	python3 - "$BATS_FILE_TMPDIR/who" <<-'END'
		import io, struct, sys, tarfile
		tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
		def add(name, data=b"", mode=0o644, uid=0, gid=0, kind=tarfile.REGTYPE, link="", xattrs={}):
		    info = tarfile.TarInfo(name)
		    info.mode, info.uid, info.gid, info.type, info.linkname = mode, uid, gid, kind, link
		    info.size, info.mtime = len(data), 1700000000
		    info.pax_headers = {"SCHILY.xattr." + k: v for k, v in xattrs.items()}
		    tar.addfile(info, io.BytesIO(data))
		busybox = open("/bin/busybox", "rb").read()
		add("bin/busybox", busybox, 0o755)
		add("bin/sh", kind=tarfile.LNKTYPE, link="bin/busybox")
		for tool in "cat id ls stat grep touch find wc sleep".split():
		    add("bin/" + tool, kind=tarfile.SYMTYPE, link="busybox")
		add("who", open(sys.argv[1], "rb").read(), 0o4755)
		cap = struct.pack("<IIIII", 0x02000001, 1 << 6, 0, 0, 0)
		add("cap/grep", busybox, 0o755, xattrs={"security.capability": cap.decode("latin-1")})
		add("odd/new\nline", b"newline")
		add("odd/per%sent%n", b"percent")
		add("odd/\\x41 \t:,=", b"marks")
		add("odd/" + "l" * 255, b"long")
		add("odd/trusted", b"kept", xattrs={"user.overlay.redirect": "/who", "user.overlay.metacopy": "",
		    "user.mine": "value"})
		add("odd/crowded", b"crowded", xattrs={"user.many": "v" * 3900})
		deep = "deep/" + "d" * 250
		while len(deep) < 3700:
		    deep += "/" + "d" * 250
		add(deep + "/file", b"deep")
		nested = "/".join(["n"] * 400)
		add(nested + "/file", b"nested", uid=33)
		add("empty", b"")
		add("large", b"\0" * (4 << 20) + b"end", uid=1000, gid=1000)
		add("hard/a", b"one", uid=33, gid=33)
		add("hard/b", kind=tarfile.LNKTYPE, link="hard/a")
		tar.close()
	END
}

#--- keep-id ---------------------------------------------------------------------------------------

@test "keep-id: the caller is themselves, and has a name, a group and a home" {
	# Kernels before 6.16 say on standard error that files are copied.
	run --separate-stderr in_box --userns keep-id "$BUSYBOX" \
		sh -c 'id -u; id -g; echo $HOME; tail -n 1 /etc/passwd; cat /proc/self/uid_map'
	same "$status" 0
	u=$(id -u) home=/
	[ "$u" != 1000 ] || home=/home/app # the image has a user of that number
	same "${lines[0]} ${lines[1]} ${lines[2]}" "$u $(id -g) $home"
	same "$(xargs <<<"${lines[*]:(-3)}")" "0 1 $u $u 0 1 $((u + 1)) $((u + 1)) $(($(range_size) - u))"
	# busybox has no /etc/passwd to add to, the layers have.
	run in_box --userns keep-id "$REGISTRY/layers" sh -c 'id; tail -n 1 /etc/passwd'
	contains "$output" "uid=$u($(id -un)) gid=$(id -g)($(id -gn))" "$(id -un):*:$u:$(id -g):"
}

@test "keep-id:uid=,gid= is somebody else, --user comes first, the image's user does not" {
	same "$(in_box --userns keep-id:uid=200,gid=210 "$BUSYBOX" sh -c 'id -u; id -g' | xargs)" "200 210"
	same "$(map_of --userns keep-id:uid=200)" "0 1 200 200 0 1 201 201 $(($(range_size) - 200))"
	same "$(in_box --userns keep-id --user 0 "$BUSYBOX" id -u)" 0
	same "$(in_box --userns keep-id --user 33:33 "$BUSYBOX" sh -c 'id -u; id -g' | xargs)" "33 33"
	tiffin run --name one "$BUSYBOX" true
	tiffin commit -q -c USER=33 one localhost/thirty 2>/dev/null >/dev/null
	same "$(in_box localhost/thirty id -u)" 33
	same "$(in_box --userns keep-id localhost/thirty id -u)" "$(id -u)"
	tiffin rm one >/dev/null
	tiffin rmi localhost/thirty >/dev/null
}

@test "keep-id: the caller's files are the caller's, there and here" {
	dir=$BATS_TEST_TMPDIR/mine
	mkdir -m 700 "$dir"
	echo hello >"$dir/here"
	chmod 600 "$dir/here"
	run in_box --userns keep-id -v "$dir:/mine" "$BUSYBOX" sh -c 'stat -c %u:%g /mine /mine/here; cat /mine/here; echo there >/mine/there'
	same "$output" "$(id -u):$(id -g)"$'\n'"$(id -u):$(id -g)"$'\n'hello
	same "$(stat -c %u:%g "$dir/there")" "$(id -u):$(id -g)"
	# Root is not the caller: what it makes is a subordinate user's.
	in_box --userns keep-id --user 0 -v "$dir:/mine" "$BUSYBOX" touch /mine/roots
	same "$(stat -c %u "$dir/roots")" "$(first_subordinate)"
	rm -f "$dir/roots"
	# Without keep-id it is the other way round.
	same "$(in_box -v "$dir:/mine" "$BUSYBOX" stat -c %u /mine/here)" 0
}

#--- the image's files -----------------------------------------------------------------------------

@test "an image's files have the same owners, modes, times, names and contents in every mode" {
	for image in "$REGISTRY/layers" localhost/hostile; do
		tiffin create --name usual "$image" true >/dev/null
		tiffin export -o "$BATS_TEST_TMPDIR/usual.tar" usual
		for mode in keep-id keep-id:uid=0 nomap auto auto:size=40000; do
			tiffin create --name other "--userns=$mode" "$image" true >/dev/null
			tiffin export -o "$BATS_TEST_TMPDIR/other.tar" other
			tiffin rm other >/dev/null
			python3 - "$BATS_TEST_TMPDIR/usual.tar" "$BATS_TEST_TMPDIR/other.tar" <<-'END'
				import hashlib, sys, tarfile
				def read(path):
				    tar, seen = tarfile.open(path), {}
				    for m in tar:
				        body = tar.extractfile(m) if m.isreg() else None
				        seen[m.name] = (m.type, m.mode, m.uid, m.gid, m.size, m.linkname,
				            hashlib.sha256(body.read()).hexdigest() if body else "",
				            None if m.name in (".", "etc", "etc/hosts", "etc/hostname", "etc/resolv.conf",
				                               "dev", "proc", "sys") else int(m.mtime),
				            sorted((k, v) for k, v in m.pax_headers.items() if "xattr" in k))
				    return seen
				one, other = read(sys.argv[1]), read(sys.argv[2])
				# The places that mounts are made on are below the image, and not its own.
				for name in set(other) - set(one):
				    assert name in ("etc", "etc/hosts", "etc/hostname", "etc/resolv.conf", "dev", "proc", "sys"), name
				for name in one:
				    assert one[name] == other[name], (name, one[name], other[name])
			END
		done
		tiffin rm usual >/dev/null
	done
}

@test "inside they are so, too, and can be read, changed and removed" {
	run in_box --userns keep-id --user 0 localhost/hostile sh -c '
		cat "/odd/new
line" "/odd/per%sent%n" /odd/trusted /odd/crowded /odd/ll*; echo
		find /deep -name file -exec cat {} \; ; echo; find /n -name file -exec stat -c %u {} \;
		stat -c "%u:%g %s" /large /empty /hard/a /hard/b; grep -c end /large
		echo more >>/large; stat -c "%u:%g %s" /large; echo two >/hard/b; cat /hard/a
		busybox rm -r /odd /deep; ls -d /odd'
	contains "$output" "newlinepercentkeptcrowdedlong" deep $'\n33\n' "1000:1000 4194307" "0:0 0" "33:33 3"
	contains "$output" "1000:1000 4194312" "No such file"
	same "$(in_box localhost/hostile stat -c %s /large)" 4194307
}

@test "contents are not copied: the files of the mapped tree are empty" {
	[ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ] ||
		skip "cannot be had here: this takes Linux 6.16"
	in_box --userns keep-id localhost/hostile id
	tree=$(ls -d "$TIFFIN_ROOT"/mapped/"$(tiffin images -q --no-trunc localhost/hostile | sed "s/sha256://")".???* | head -n 1)
	same "$(inside stat -c '%s %b' "$tree/meta/large" | cut -d' ' -f1)" 4194307
	[ "$(inside stat -c %b "$tree/meta/large")" -le 16 ]
}

@test "setuid programs and file capabilities are root's, where they may have an effect" {
	same "$(in_box --userns keep-id localhost/hostile /who)" "$(id -u)"
	for mode in keep-id nomap auto; do
		same "$(in_box "--userns=$mode" --user 33 --security-opt no-new-privileges=false localhost/hostile /who)" 0
		run in_box "--userns=$mode" --user 33 --security-opt no-new-privileges=false localhost/hostile \
			/cap/grep CapEff /proc/self/status
		contains "$output" 0000000000000040
	done
}

#--- nomap, auto -----------------------------------------------------------------------------------

@test "nomap: nobody is the caller" {
	same "$(map_of --userns nomap)" "0 1 $(range_size)"
	dir=$BATS_TEST_TMPDIR/mine
	mkdir -m 700 "$dir" "$dir/sub"
	chmod 755 "$dir/sub"
	echo hello >"$dir/sub/here"
	chmod 644 "$dir/sub/here"
	# What only the caller may enter is bound all the same, and the files in it are nobody's.
	run in_box --userns nomap -v "$dir/sub:/mine" "$BUSYBOX" sh -c 'stat -c %u /mine; cat /mine/here; echo no >/mine/here'
	contains "$output" 65534 hello "ermission denied"
	same "$(cat "$dir/sub/here")" hello
	same "$(in_box --userns nomap --user 33 "$BUSYBOX" sh -c 'echo out >/dev/stdout')" out
	in_box --userns nomap "$BUSYBOX" sh -c 'echo 127.0.0.9 nine >>/etc/hosts'
}

@test "auto: no two containers have an ID in common, until they are removed" {
	tiffin create --name a --userns auto localhost/hostile id >/dev/null
	tiffin create --name b --userns auto:size=2000 "$BUSYBOX" true >/dev/null
	tiffin create --name c --userns auto:uidmapping=5:4000:1,size=1500 "$BUSYBOX" true >/dev/null
	maps() { tiffin inspect --format '{{range .HostConfig.IDMappings.UidMap}}{{.}} {{end}}' "$1"; }
	same "$(maps a)" "0:1:1024 "
	same "$(maps b)" "0:1025:2000 "
	same "$(maps c)" "5:4000:1 0:3025:5 6:3030:970 976:4001:524 "
	tiffin rm a >/dev/null
	tiffin create --name d --userns auto localhost/hostile id >/dev/null
	same "$(maps d)" "0:1:1024 "
	fails 125 create --userns auto:size=65000 "$BUSYBOX" true
	contains "$error" "not enough unused IDs"
}

@test "auto: as many IDs as the image has owners" {
	same "$(in_box --userns auto localhost/hostile cat /proc/self/uid_map | xargs)" "0 1 1024"
	tar -C / -cf "$BATS_TEST_TMPDIR/one.tar" --owner=3000 --group=4000 bin/busybox
	tiffin import "$BATS_TEST_TMPDIR/one.tar" localhost/one >/dev/null
	run in_box --userns auto localhost/one /bin/busybox sh -c 'busybox cat /proc/self/uid_map; busybox stat -c %u:%g /bin/busybox'
	matches "$output" "^ +0 +1 +4001"
	contains "$output" 3000:4000
	tiffin rmi localhost/one >/dev/null
}

#--- numbers ---------------------------------------------------------------------------------------

@test "--uidmap and --gidmap: one alone is said of both; who is not mapped is nobody" {
	run in_box --uidmap 0:1:1000 --uidmap 2000:0:1 "$BUSYBOX" sh -c 'cat /proc/self/uid_map /proc/self/gid_map'
	same "$(xargs <<<"$output")" "0 1 1000 2000 0 1 0 1 1000 2000 0 1"
	run in_box --uidmap 0:1:100 --gidmap 0:5:200 "$BUSYBOX" cat /proc/self/uid_map /proc/self/gid_map
	same "$(xargs <<<"$output")" "0 1 100 0 5 200"
	# Across the caller and the subordinate ones.
	same "$(map_of --uidmap 0:0:500)" "0 0 1 1 1 499"
	same "$(in_box --uidmap 0:1:100 localhost/hostile stat -c %u:%g /large /hard/a | xargs)" "65534:65534 33:33"
}

@test "host is what there is without, and makes nothing" {
	run in_box --userns host "$BUSYBOX" cat /proc/self/uid_map
	matches "$output" "^ +0 +$(id -u) +1"
	before=$(mapped)
	in_box --uidmap "0:0:$(($(range_size) + 1))" "$BUSYBOX" true
	same "$(mapped)" "$before"
}

@test "what makes no sense is refused, in podman's words" {
	fails 125 run --userns bogus "$BUSYBOX" true
	contains "$error" "unrecognized namespace mode"
	fails 125 run --userns keep-id:foo=1 "$BUSYBOX" true
	contains "$error" 'unknown option specified: "foo"'
	fails 125 run --userns keep-id:uid=x "$BUSYBOX" true
	contains "$error" 'parsing "x": invalid syntax'
	fails 125 run --userns auto:bar "$BUSYBOX" true
	contains "$error" 'unknown option specified: "bar"'
	fails 125 run --uidmap 0:0 "$BUSYBOX" true
	contains "$error" 'setting is malformed expected ["uint32:uint32:uint32"]: ["0:0"]'
	fails 125 run --uidmap 0:0:1 --userns keep-id "$BUSYBOX" true
	contains "$error" "--userns and --uidmap/--gidmap/--subuidname/--subgidname are mutually exclusive"
	fails 125 run --uidmap 1000:0:1 "$BUSYBOX" true
	contains "$error" "don't map UID 0"
	fails 125 run --uidmap 0:1:99999999 "$BUSYBOX" true
	contains "$error" "not enough IDs"
	fails 125 run --uidmap 0:1:10 --uidmap 5:20:1 "$BUSYBOX" true
	contains "$error" overlaps
	fails 125 run --uidmap 0:1:4294967295 "$BUSYBOX" true
	contains "$error" malformed
	fails 125 run --subuidname somebody "$BUSYBOX" true
	same "$(tiffin ps -aq)" ""
}

#--- with the other commands -----------------------------------------------------------------------

@test "exec, restart, join, inspect, diff, commit and rm know of it" {
	tiffin run -d --name one --userns keep-id "$REGISTRY/layers" sh -c 'sleep 1000' >/dev/null
	same "$(tiffin exec one id -u)" "$(id -u)"
	same "$(tiffin exec --user 0 one sh -c 'echo x >/made; chown 33:1000 /made; stat -c %u:%g /made')" 33:1000
	same "$(in_box --userns container:one "$REGISTRY/layers" sh -c 'id -u; stat -c %u /owners/www-data' | xargs)" "0 33"
	same "$(in_box --pid container:one "$BUSYBOX" cat /proc/self/uid_map)" "$(tiffin exec one cat /proc/self/uid_map)"
	tiffin restart -t 0 one >/dev/null
	same "$(tiffin exec one stat -c %u:%g /made)" 33:1000
	same "$(tiffin exec one stat -c %u /etc/hosts)" 0
	same "$(tiffin inspect --format '{{.HostConfig.UsernsMode}}' one)" private
	same "$(tiffin diff one)" "A /made"
	tiffin commit -q one localhost/made >/dev/null
	same "$(in_box localhost/made stat -c %u:%g /made /owners/www-data | xargs)" "33:1000 33:33"
	tiffin rm -f -t 0 one >/dev/null
	tiffin rmi localhost/made >/dev/null
	nothing_staged
	fails 125 run --rm --userns keep-id --pid container:nobody "$BUSYBOX" true
}

@test "cp puts and takes files with the container's owners, running or not" {
	echo text >"$BATS_TEST_TMPDIR/file"
	tiffin create --name one --userns keep-id "$REGISTRY/layers" sleep 1000 >/dev/null
	tiffin cp "$BATS_TEST_TMPDIR/file" one:/before
	tiffin cp one:/owners/www-data - >"$BATS_TEST_TMPDIR/before.tar"
	tiffin start one >/dev/null
	tiffin cp "$BATS_TEST_TMPDIR/file" one:/after
	tiffin cp one:/owners/www-data - >"$BATS_TEST_TMPDIR/after.tar"
	same "$(tiffin exec one stat -c %u:%g /before /after | xargs)" "0:0 0:0"
	for when in before after; do
		contains "$(tar --numeric-owner -tvf "$BATS_TEST_TMPDIR/$when.tar")" 33/33
	done
}

@test "a volume takes the image's content with its owners" {
	for mode in keep-id nomap; do
		run in_box --userns "$mode" --user 0 -v "of-$mode:/owners" "$REGISTRY/layers" \
			sh -c 'stat -c %u:%g /owners/www-data /owners/app; touch /owners/mine && stat -c %u /owners/mine'
		same "$(xargs <<<"$output")" "33:33 1000:1000 0"
		tiffin volume rm "of-$mode" >/dev/null
	done
}

@test "an image that is mounted, whose owners would be others, is refused" {
	fails 125 run --rm --userns keep-id --mount "type=image,src=$REGISTRY/layers,dst=/img" "$BUSYBOX" true
	contains "$error" "type=image on '/img'"
	same "$(tiffin ps -aq)" ""
	in_box --mount "type=image,src=$REGISTRY/layers,dst=/img" "$BUSYBOX" stat /img/owners
}

@test "nomap: exec as any user, stop, start, and nothing is left" {
	tiffin run -d --name one --userns nomap --user 33 "$REGISTRY/layers" sleep 1000 >/dev/null
	same "$(tiffin exec one sh -c 'id -u >/dev/stdout')" 33
	tiffin stop -t 0 one >/dev/null
	tiffin start one >/dev/null
	same "$(in_box --userns container:one "$BUSYBOX" cat /proc/self/uid_map)" "$(tiffin exec one cat /proc/self/uid_map)"
	tiffin rm -f -t 0 one >/dev/null
	is_empty "$TIFFIN_ROOT/containers"
	nothing_staged
}

#--- the tree that is kept -------------------------------------------------------------------------

@test "the tree is made once, and goes with its image" {
	tar -C / -cf "$BATS_TEST_TMPDIR/one.tar" bin/busybox
	id=$(tiffin import "$BATS_TEST_TMPDIR/one.tar" localhost/one)
	id=${id#sha256:}
	in_box --userns keep-id localhost/one /bin/busybox true
	before=$(stat -c %i "$TIFFIN_ROOT"/mapped/"$id".*)
	in_box --userns keep-id localhost/one /bin/busybox true
	same "$(stat -c %i "$TIFFIN_ROOT"/mapped/"$id".*)" "$before"
	tiffin rmi localhost/one >/dev/null
	same "$(ls "$TIFFIN_ROOT/mapped" | grep "$id")" ""
	nothing_staged
}

@test "several at once make one tree, and all run" {
	for i in 1 2 3 4; do
		start_tiffin "$BATS_TEST_TMPDIR/$i" run --rm --userns keep-id:uid=5000 "$REGISTRY/layers" stat -c %u:%g /owners/www-data
		pids+=("$!")
	done
	for i in 1 2 3 4; do
		wait "${pids[i - 1]}"
		same "$(cat "$BATS_TEST_TMPDIR/$i")" 33:33
	done
	nothing_staged
}

@test "killed while it makes the tree, it leaves nothing but what is swept" {
	TREES=$(mapped)
	for delay in 0.01 0.03 0.05 0.08 0.12; do
		setsid "$TIFFIN" run --rm --userns keep-id:uid=6000 localhost/hostile true >/dev/null 2>&1 3>&- 4>&- &
		pid=$!
		sleep "$delay"
		kill -9 -- "-$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	same "$(in_box --userns keep-id:uid=6000 --user 0 localhost/hostile stat -c '%u:%g %s' /large)" "1000:1000 4194307"
	remove_containers
	swept() {
		tiffin rmi -i nothing:such >/dev/null
		is_empty "$TIFFIN_ROOT/tmp" 2>/dev/null
	}
	wait_for swept
	[ "$(mapped | wc -l)" -le $(($(wc -l <<<"$TREES") + 1)) ]
}

@test "where the kernel can't, files are copied, which is said once" {
	export TIFFIN_MAPPED=copy
	rm -f "$TIFFIN_ROOT/said-copied-layers" # of an older kernel's
	run --separate-stderr tiffin run --rm --userns keep-id:uid=7000 --user 0 localhost/hostile stat -c '%u:%g %s' /large
	same "$output" "1000:1000 4194307"
	contains "$stderr" "they are copied"
	run --separate-stderr tiffin run --rm --userns keep-id:uid=7001 --user 0 localhost/hostile sh -c 'cat /odd/trusted; stat -c %u:%g /hard/b'
	same "$output" "kept33:33"
	same "$stderr" ""
}
