# ids: any
#
# Images in archives and directories, named as podman and skopeo name them: pulled, run, pushed.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown_file() { drop_store; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
}

id_of() {
	tiffin images -q --no-trunc "$1" | sed 's/^sha256://' | head -n 1
}

config_of() { # config_of TRANSPORT: the digest of its configuration, as skopeo sees it
	skopeo inspect --config --raw "$1" | sha256sum | cut -d' ' -f1
}

# The first two in a store with nothing in it; the last is what `images` calls it.
pulls() { # pulls TRANSPORT ID NAME
	local TIFFIN_ROOT
	empty_store
	run --separate-stderr tiffin pull "$1"
	printf '%s\n' "$stderr" >&2
	same "$status $output" "0 $2"
	same "$(tiffin images --noheading --format '{{.Repository}}:{{.Tag}}')" "$3"
	drop_store
}

@test "push writes what skopeo reads, and pull reads it again" {
	id=$(id_of "$REGISTRY/layers")
	while read -r transport name; do
		echo "$transport" >&2
		run --separate-stderr tiffin push "$REGISTRY/layers" "$transport"
		same "$status$output$stderr" 0
		same "$(config_of "$transport")" "$id"
		pulls "$transport" "$id" "$name"
	done <<-END
		docker-archive:a.tar <none>:<none>
		docker-archive:b.tar:one/two:3 docker.io/one/two:3
		oci-archive:c.tar:latest localhost/latest:latest
		oci-archive:d.tar:example.com/x:1 example.com/x:1
		oci:e <none>:<none>
		oci:f:x:1 localhost/x:1
		dir:g <none>:<none>
	END
}

@test "what skopeo writes is pulled" {
	id=$(id_of "$REGISTRY/layers")
	for transport in docker-archive:a.tar:x/y:1 oci-archive:b.tar:x/y:1 oci:c:x/y:1; do
		skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/layers" \
			"$transport"
		pulls "$transport" "$id" docker.io/x/y:1
	done
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/layers" dir:d
	pulls dir:d "$id" "<none>:<none>"
}

@test "of an archive's images the one that is named is pulled, or all" {
	tiffin save -m -o all.tar "$BUSYBOX" "$REGISTRY/layers"
	pulls "docker-archive:all.tar:$REGISTRY/layers:latest" "$(id_of "$REGISTRY/layers")" \
		"$REGISTRY/layers:latest"
	pulls docker-archive:all.tar:@0 "$(id_of "$BUSYBOX")" "<none>:<none>"
	empty_store
	same "$(tiffin pull docker-archive:all.tar | wc -l)" 2
	before=$(snapshot)
	fails 125 pull docker-archive:all.tar:nothing/there
	contains "$error" "no image found in it for reference"
	fails 125 pull docker-archive:all.tar:@2
	same "$(snapshot)" "$before"
	drop_store
}

@test "run and create take them, too" {
	tiffin save -o box.tar "$BUSYBOX"
	empty_store
	same "$(tiffin run --rm docker-archive:box.tar echo lunch)" lunch
	same "$(tiffin run --rm "docker://$BUSYBOX" echo lunch)" lunch
	drop_store
}

@test "a layout takes a second image, and keeps the first" {
	tiffin push "$BUSYBOX" oci:layout:one
	tiffin push "$REGISTRY/layers" oci:layout:two
	same "$(config_of oci:layout:one)" "$(id_of "$BUSYBOX")"
	same "$(config_of oci:layout:two)" "$(id_of "$REGISTRY/layers")"
	tiffin push "$BUSYBOX" oci:layout:two
	same "$(config_of oci:layout:two)" "$(id_of "$BUSYBOX")"
	same "$(jq '.manifests | length' layout/index.json)" 2
}

@test "what can't be is refused, and leaves nothing" {
	fails 125 pull containers-storage:x
	contains "$error" "the transport 'containers-storage' is not supported"
	fails 125 push "$BUSYBOX" docker-daemon:x:1
	contains "$error" "the transport 'docker-daemon' is not supported"
	fails 125 pull docker-archive:
	contains "$error" "a path is missing"
	fails 125 pull oci-archive:nowhere.tar
	contains "$error" "cannot open 'nowhere.tar'"
	mkdir there
	fails 125 pull docker-archive:there
	contains "$error" "'there' is a directory"
	fails 125 pull dir:there
	contains "$error" "neither manifest.json nor index.json"
	fails 125 pull --platform linux/arm64 dir:there
	contains "$error" "for registries alone"
	echo mine >a.tar
	fails 125 push "$BUSYBOX" docker-archive:a.tar
	contains "$error" "doesn't support modifying existing images"
	same "$(cat a.tar)" mine
	fails 125 push --digestfile d "$BUSYBOX" dir:d
	contains "$error" "for registries alone"
	[ ! -e d ] && is_empty there
}

@test "a directory's layers are compressed where that is wanted" {
	id=$(id_of "$REGISTRY/layers")
	tiffin save --compress --format docker-dir -o one "$REGISTRY/layers"
	tiffin push --compress "$REGISTRY/layers" dir:two
	diff -r one two
	same "$(jq -r '.layers[].mediaType' one/manifest.json | sort -u)" \
		application/vnd.docker.image.rootfs.diff.tar.gzip
	for layer in $(jq -r '.layers[].digest' one/manifest.json); do
		same "sha256:$(sha256sum <"one/${layer#sha256:}" | cut -d' ' -f1)" "$layer"
		gzip -t <"one/${layer#sha256:}"
	done
	same "$(config_of dir:one)" "$id"
	pulls dir:one "$id" "<none>:<none>"
	tiffin save --uncompressed --format docker-dir -o three "$REGISTRY/layers"
	lacks "$(jq -r '.layers[].mediaType' three/manifest.json)" gzip
	fails 125 save --compress -o x.tar "$REGISTRY/layers"
	contains "$error" "--compress can only be set when --format is 'docker-dir'"
	fails 125 push --compress "$REGISTRY/layers" oci:x
	contains "$error" "'dir' transport"
}
