# ids: range
#
# Both ways with skopeo, podman, buildah and umoci: what they make runs here, what is made here runs
# there, and all agree on digests. podman and buildah work in a namespace of their own, so that nothing
# of the machine's (cgroups, /run, locks in /dev/shm) counts.
load ../lib/common

setup_file() {
	local tool
	for tool in skopeo podman buildah umoci; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	own_store busybox layers layers:docker config
	export PEER=$BATS_FILE_TMPDIR/peer
	mkdir -p "$PEER"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$PEER/policy.json"
	inside true || skip "cannot be had here: namespaces for podman"
}

teardown_file() {
	remove_tree "$PEER"
	drop_store
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
}

inside() { # inside COMMAND…
	XDG_RUNTIME_DIR=/run timeout 160 \
		unshare --user --map-root-user --map-auto --mount --cgroup sh -c '
			for dir in /run /var/lib /dev/shm; do mount -t tmpfs none $dir || exit; done
			mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$@" 3>&- 4>&-
}

podman() {
	inside podman --root "$PEER/root" --runroot /run/root --storage-driver vfs \
		--events-backend file --log-level error "$@"
}

buildah() {
	inside buildah --root "$PEER/root" --runroot /run/root --storage-driver vfs "$@"
}

# What it prints is taken from its log: on a busy machine podman 4.3 has lost what a short-lived container
# had written.
podman_runs() { # podman_runs IMAGE COMMAND…
	local log=$BATS_TEST_TMPDIR/podman.log status=0
	rm -f "$log"
	podman run --cgroups disabled --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --ulimit nproc=1024 \
		--network none --rm --pull never --log-driver k8s-file --log-opt "path=$log" "$@" >/dev/null || status=$?
	awk '$2 == "stdout" { end = $3 == "F" ? "\n" : ""; sub(/^[^ ]+ [^ ]+ [^ ]+ /, ""); printf "%s%s", $0, end }' "$log"
	return $status
}

tiffin_runs() { # tiffin_runs IMAGE COMMAND…
	tiffin run --network none --rm --pull never "$@"
}

copy() { # copy OPTION… SOURCE DESTINATION
	skopeo copy -q --policy "$PEER/policy.json" --src-tls-verify=false --dest-tls-verify=false "$@"
}

id_of() {
	tiffin images -q --no-trunc "$1" | sed 's/^sha256://' | head -n 1
}

# Kinds, modes, owners, links, sizes and sums of what an image is made of, as its own busybox sees it;
# not what either of them puts into a container.
LOOK='cd / && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \
	-o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf -o -path ./etc/mtab \
	-o -path ./etc/passwd -o -path ./etc/group -o -path ./root \) -prune -o -mindepth 1 -print0 | sort -z | xargs -0 stat -c "%n %F %a %u:%g %h" &&
	find data hard late new -type f 2>/dev/null | sort | xargs cat | sha256sum'

same_inside() { # same_inside IMAGE: to podman and to tiffin
	tiffin_runs -u 0 --entrypoint sh "$1" -c "$LOOK" >ours
	podman_runs -u 0 --entrypoint sh "$1" -c "$LOOK" >theirs
	[ "$(wc -l <ours)" -gt 10 ]
	# A directory's number of links is its file system's own affair.
	same "$(sed '/ directory /s/ [0-9]*$//' ours)" "$(sed '/ directory /s/ [0-9]*$//' theirs)"
}

@test "podman runs what save writes, in each format" {
	podman rmi -a -f >/dev/null
	for format in docker-archive oci-archive oci-dir docker-dir; do
		echo "format $format" >&2
		tiffin save --format "$format" -o "$format" "$REGISTRY/layers"
		podman load -q -i "$format"
		same "$(podman images -q --no-trunc)" "sha256:$(id_of "$REGISTRY/layers")"
		same "$(podman_runs "$(id_of "$REGISTRY/layers")" cat /data/reborn)" third
		podman rmi -a -f >/dev/null
	done
	tiffin save "$REGISTRY/layers" | podman load -q
	same_inside "$REGISTRY/layers"
}

@test "podman takes an archive of several images" {
	podman rmi -a -f >/dev/null
	tiffin tag "$BUSYBOX" localhost/second/name:2
	tiffin save -m -o all.tar "$BUSYBOX" "$REGISTRY/config" localhost/second/name:2
	podman load -q -i all.tar
	same "$(podman images --noheading --format '{{.Repository}}:{{.Tag}} {{.Id}}' | sort)" \
		"$(sort <<-END
			$BUSYBOX:latest $(id_of "$BUSYBOX")
			localhost/second/name:2 $(id_of "$BUSYBOX")
			$REGISTRY/config:latest $(id_of "$REGISTRY/config")
		END
		)"
	same "$(podman_runs "$REGISTRY/config")" "entry:from cmd"
	podman save -q -m -o theirs.tar "$BUSYBOX" "$REGISTRY/config" localhost/second/name:2
	empty_store
	tiffin load -i theirs.tar
	same "$(tiffin images --noheading --format '{{.Repository}}:{{.Tag}}' | sort)" \
		"$(printf '%s\n' "$BUSYBOX:latest" "$REGISTRY/config:latest" localhost/second/name:2 | sort)"
	same "$(tiffin_runs "$REGISTRY/config")" "entry:from cmd"
	drop_store
}

@test "podman runs what commit makes, saved and pushed, and sees in it what tiffin does" {
	podman rmi -a -f >/dev/null
	tiffin run --network none --name lunch "$REGISTRY/layers" sh -c 'cd /; rm -r modes owners/app; mkdir -p new/in; echo x >new/f
		chown 33:1000 new/f; chmod 4711 new/f; ln new/f new/g; rm -r data/opaque; mkdir data/opaque; echo y >data/opaque/z
		ln -s f new/link; mkfifo new/fifo; chmod 600 late/added'
	for format in oci docker; do
		tiffin commit -q -f $format -c 'CMD cat /new/g' lunch "localhost/made:$format" >/dev/null
	done
	tiffin save localhost/made:oci | podman load -q
	same "$(podman_runs localhost/made:oci)" x
	same_inside localhost/made:oci
	podman rmi -a -f >/dev/null
	tiffin push -q localhost/made:docker "$REGISTRY/made:docker"
	podman pull -q --tls-verify=false "$REGISTRY/made:docker"
	same "$(podman_runs "$REGISTRY/made:docker" cat /data/opaque/z)" y
	same "$(podman_runs "$REGISTRY/made:docker" ls -A /data/opaque /owners)" "$(tiffin_runs localhost/made:docker ls -A /data/opaque /owners)"
	tiffin rm lunch >/dev/null
	tiffin rmi localhost/made:oci localhost/made:docker >/dev/null
}

@test "podman pulls and runs what push sends, and all agree on digests" {
	podman rmi -a -f >/dev/null
	for format in oci v2s2; do
		echo "format $format" >&2
		tiffin push -q --format "$format" --digestfile digest "$REGISTRY/layers" "$REGISTRY/interop:$format"
		podman pull -q --tls-verify=false "$REGISTRY/interop:$format"
		contains "$(podman image inspect -f '{{.RepoDigests}}' "$REGISTRY/interop:$format")" "$(cat digest)"
		same "$(skopeo inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/interop:$format")" \
			"$(cat digest)"
		tiffin pull -q "$REGISTRY/interop:$format"
		same "$(tiffin images --noheading --format '{{.Digest}}' "$REGISTRY/interop:$format")" "$(cat digest)"
		contains "$(tiffin inspect -f '{{json .RepoDigests}}' "$REGISTRY/interop:$format")" \
			"$REGISTRY/interop@$(cat digest)"
		same "$(podman_runs "$REGISTRY/interop:$format" cat /data/reborn)" third
	done
	tiffin push -q --compression-format zstd "$REGISTRY/layers" "$REGISTRY/interop:zstd"
	podman pull -q --tls-verify=false "$REGISTRY/interop:zstd"
	podman tag "$REGISTRY/interop:zstd" "$REGISTRY/layers"
	same_inside "$REGISTRY/layers"
}

@test "podman runs an image that was imported here, and the other way round" {
	podman rmi -a -f >/dev/null
	mkdir -p root/bin root/new
	cp /bin/busybox root/bin/busybox
	ln root/bin/busybox root/bin/sh
	for name in find sort xargs stat cat sha256sum echo; do ln -s busybox "root/bin/$name"; done
	echo imported >root/new/file
	tar -C root --numeric-owner --owner 0 --group 0 -cf root.tar .
	tiffin import -c 'CMD ["cat", "/new/file"]' -c 'ENV A=b' -c 'WORKDIR /new' root.tar localhost/import:here
	tiffin push -q localhost/import:here "$REGISTRY/import:here"
	podman pull -q --tls-verify=false "$REGISTRY/import:here"
	same "$(podman_runs "$REGISTRY/import:here")" imported
	tiffin pull -q "$REGISTRY/import:here"
	same "$(id_of "$REGISTRY/import:here")" "$(id_of localhost/import:here)"
	same_inside "$REGISTRY/import:here"
	podman import -q -c CMD=cat -c ENV=A=b root.tar localhost/import:there
	podman push -q --tls-verify=false localhost/import:there "$REGISTRY/import:there"
	tiffin pull -q "$REGISTRY/import:there"
	same "$(tiffin_runs "$REGISTRY/import:there" cat /new/file)" imported
}

# What an archive's PAX headers say of a layer's extended attributes: PATH NAME VALUE in hex.
ATTRIBUTES='import binascii, sys, tarfile
for m in tarfile.open(sys.argv[1]):
    for key, value in sorted(m.pax_headers.items()):
        if key.startswith("SCHILY.xattr."):
            value = binascii.hexlify(value.encode("utf-8", "surrogateescape")).decode()
            print(m.name.lstrip("./"), key[13:], value)'

@test "attributes and capabilities that buildah sets are the same here, and in what is exported" {
	podman rmi -a -f >/dev/null
	podman pull -q --tls-verify=false "$BUSYBOX"
	inside sh -ec 'work=$(buildah --root "$PEER/root" --runroot /run/root --storage-driver vfs from --pull-never "$1")
		cp /bin/busybox capable && setcap cap_net_bind_service,cap_net_raw+ep capable
		setfattr -n user.made -v there capable
		for command in "copy -q $work capable /bin/capable" "commit -q --rm $work localhost/attributes"; do
			buildah --root "$PEER/root" --runroot /run/root --storage-driver vfs $command
		done' sh "$BUSYBOX"
	buildah push -q localhost/attributes dir:made
	layer=$(jq -r '.layers[-1].digest | sub("sha256:"; "")' made/manifest.json)
	python3 -c "$ATTRIBUTES" "made/$layer" >theirs
	contains "$(cat theirs)" "bin/capable security.capability"
	id=$(tiffin pull -q dir:made)
	container=$(tiffin create "$id")
	tiffin export -o exported.tar "$container"
	tiffin rm "$container"
	python3 -c "$ATTRIBUTES" exported.tar >ours
	same "$(grep ^bin/capable ours)" "$(grep ^bin/capable theirs)"
}

@test "what buildah makes is the same here: whiteouts, links, modes, owners" {
	podman rmi -a -f >/dev/null
	podman pull -q --tls-verify=false "$REGISTRY/layers"
	work=$(buildah from --pull-never "$REGISTRY/layers")
	build() { buildah run --isolation chroot "$work" -- sh -ec "$1"; }
	build 'mkdir /new && cd /new && echo one >one && ln one two && ln -s one three && mkfifo fifo
		chmod 4711 one && mkdir -m 1777 sticky && chown 1000:33 sticky && rm -r /data/kept /modes'
	buildah config --cmd '["cat", "/new/four"]' --env FROM=buildah --workingdir /new --label made=there "$work"
	work=$(buildah from --pull-never "$(buildah commit -q --rm "$work" localhost/built:1)")
	build 'cd /new && rm three && echo four >four && rm -r sticky && mkdir sticky && echo in >sticky/in
		rm -r /data/opaque && mkdir /data/opaque && mv /hard /data/hard && cp one big && chmod 2755 big'
	buildah commit -q --rm "$work" localhost/built:2
	for format in oci v2s2; do
		echo "format $format" >&2
		buildah push -q --tls-verify=false --format "$format" localhost/built:2 \
			"docker://$REGISTRY/built:$format"
		tiffin pull -q "$REGISTRY/built:$format"
		podman tag localhost/built:2 "$REGISTRY/built:$format"
		same "$(tiffin_runs "$REGISTRY/built:$format")" four
		same "$(tiffin_runs "$REGISTRY/built:$format" sh -c 'pwd; echo $FROM')" "/new
buildah"
		same_inside "$REGISTRY/built:$format"
	done
	for transport in docker-archive:a.tar oci-archive:b.tar oci:c dir:d; do
		echo "transport $transport" >&2
		buildah push -q localhost/built:2 "$transport:localhost/built:again" 2>/dev/null ||
			buildah push -q localhost/built:2 "$transport"
		tiffin load -q -i "${transport#*:}"
		tiffin image exists "$(podman images -q --no-trunc localhost/built:2)"
	done
}

@test "umoci's layouts run, and umoci unpacks ours" {
	umoci init --layout theirs
	umoci new --image theirs:base
	mkdir -p root/bin
	cp /bin/busybox root/bin/busybox
	ln -s busybox root/bin/sh
	ln -s busybox root/bin/cat
	umoci insert --rootless --image theirs:base root /
	echo first >first
	umoci insert --rootless --image theirs:base first /first
	umoci config --image theirs:base --config.cmd cat --config.cmd /first --config.env A=umoci
	umoci insert --rootless --image theirs:base --tag gone --whiteout /first
	tiffin pull -q oci:theirs:base
	tiffin pull -q oci:theirs:gone
	same "$(tiffin_runs localhost/base:latest)" first
	same "$(tiffin_runs localhost/base:latest sh -c 'echo $A')" umoci
	run tiffin_runs localhost/gone:latest
	same "$status" 1

	tiffin save --format oci-dir -o ours "$REGISTRY/layers"
	tag=$(umoci ls --layout ours)
	umoci unpack --rootless --image "ours:$tag" bundle
	same "$(cat bundle/rootfs/data/changed bundle/rootfs/data/opaque/new)" "second
new"
	[ ! -e bundle/rootfs/data/deleted ]
	same "$(stat -c %h bundle/rootfs/hard/a)" 3
	echo more >bundle/rootfs/more
	rm bundle/rootfs/data/kept
	umoci repack --image ours:more bundle
	tiffin pull -q oci:ours:more
	same "$(tiffin_runs localhost/more:latest sh -c 'cat /more; ls /data/kept 2>/dev/null || :')" more
}

@test "skopeo's copies in every form: schema 1 is refused by name, what is compressed otherwise runs" {
	copy --format v2s1 "docker://$REGISTRY/layers:docker" dir:one
	fails 125 load -i one
	contains "$error" "schema 1"
	if copy --format v2s1 "docker://$REGISTRY/layers:docker" "docker://$REGISTRY/forms:one"; then
		fails 125 pull "$REGISTRY/forms:one"
		contains "$error" "schema 1"
	fi
	copy --dest-compress-format zstd --dest-compress --format oci "docker://$REGISTRY/layers" oci:zstd:localhost/forms:zstd
	copy --dest-decompress --format oci "docker://$REGISTRY/layers" dir:plain
	copy --format v2s2 "docker://$REGISTRY/layers" "docker://$REGISTRY/forms:v2s2"
	copy --format oci --dest-oci-accept-uncompressed-layers dir:plain oci:layout:localhost/forms:plain
	for source in oci:zstd:localhost/forms:zstd dir:plain "$REGISTRY/forms:v2s2" oci:layout:localhost/forms:plain; do
		echo "source $source" >&2
		empty_store
		id=$(tiffin pull -q "$source")
		same "$(tiffin_runs "$id" cat /data/reborn)" third
		drop_store
	done
}
