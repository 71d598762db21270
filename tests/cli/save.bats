# ids: any
#
# What save writes is read by skopeo, and comes out as the same image again: the layers are rebuilt
# bit for bit. skopeo is the judge of what is a valid archive.
load ../lib/common

setup_file() { own_store busybox layers config big; }
teardown_file() { drop_store; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
}

diff_ids() { # diff_ids IMAGE…: of skopeo's transport:reference, and their configuration's digest
	skopeo inspect --config --raw "$@" | tee config | jq -r '.rootfs.diff_ids[]'
	sha256sum <config
}

# Through skopeo into a registry, and from there into a new store: the ID must be the same.
comes_back() { # comes_back SOURCE ID
	local TIFFIN_ROOT
	skopeo copy -q --insecure-policy --dest-tls-verify=false "$1" "docker://$REGISTRY/back-$TIFFIN_TEST_IDS:$BATS_TEST_NUMBER"
	empty_store
	same "$(tiffin pull -q "$REGISTRY/back-$TIFFIN_TEST_IDS:$BATS_TEST_NUMBER")" "$2"
	drop_store
}

id_of() {
	tiffin images -q --no-trunc "$1" | sed 's/^sha256://' | head -n 1
}

@test "save writes a docker archive, which skopeo takes for the same image" {
	for image in busybox layers config big; do
		echo "image $image" >&2
		run --separate-stderr tiffin save -o "$image.tar" "$REGISTRY/$image"
		same "$status $output $stderr" "0  "
		comes_back "docker-archive:$image.tar" "$(id_of "$REGISTRY/$image")"
	done
}

@test "save to standard output writes the same bytes" {
	tiffin save -o file.tar "$REGISTRY/layers"
	tiffin save "$REGISTRY/layers" >stdout.tar
	cmp file.tar stdout.tar
	tiffin save "$REGISTRY/layers" | cat >pipe.tar
	cmp file.tar pipe.tar
	tar -tf file.tar >/dev/null
}

@test "the other formats are as good" {
	tiffin save --format oci-archive -o a.tar "$REGISTRY/layers"
	comes_back oci-archive:a.tar "$(id_of "$REGISTRY/layers")"
	tiffin save --format oci-dir -o oci "$REGISTRY/layers"
	comes_back oci:oci "$(id_of "$REGISTRY/layers")"
	tiffin save --format docker-dir -o dir "$REGISTRY/layers"
	comes_back dir:dir "$(id_of "$REGISTRY/layers")"
}

@test "each layer in an archive has its diff ID" {
	tiffin save "$REGISTRY/layers" | tar -x
	jq -r '.[0].Layers[]' manifest.json | sort -u >layers
	while read -r layer; do
		same "$(sha256sum <"$layer")" "${layer%.tar}  -"
	done <layers
	[ -s layers ]
}

@test "debian's layer is rebuilt, too" {
	[ -n "$TIFFIN_TEST_DEBIAN" ] && [ "$TIFFIN_TEST_IDS" = range ] ||
		skip "cannot be had here: the debian image"
	tiffin pull -q "$REGISTRY/debian:bookworm" >/dev/null
	tiffin save -o debian.tar "$REGISTRY/debian:bookworm"
	comes_back docker-archive:debian.tar "$(id_of "$REGISTRY/debian:bookworm")"
}

@test "several images, and several names of one, share an archive" {
	tiffin tag "$BUSYBOX" localhost/one:1 localhost/two:2
	tiffin save -m -o all.tar localhost/one:1 "$REGISTRY/layers" localhost/two:2
	same "$(tar -xOf all.tar manifest.json | jq -c '[.[].RepoTags]')" \
		"[[\"localhost/one:1\",\"localhost/two:2\"],[\"$REGISTRY/layers:latest\"]]"
	same "$(tar -tf all.tar | sort | uniq -d)" ""
	comes_back docker-archive:all.tar:localhost/two:2 "$(id_of "$BUSYBOX")"
	tiffin save --format oci-archive -o all.oci localhost/one:1 "$REGISTRY/layers"
	comes_back "oci-archive:all.oci:$REGISTRY/layers:latest" "$(id_of "$REGISTRY/layers")"
}

@test "an ID alone gives no name" {
	tiffin save "$(id_of "$BUSYBOX")" >id.tar
	same "$(tar -xOf id.tar manifest.json | jq -c '.[0].RepoTags')" "[]"
}

@test "save refuses a terminal, a format that is none, and what is not there" {
	run python3 "$LIB/terminal.py" expect:refusing -- "$TIFFIN" save "$BUSYBOX"
	same "$status" 125
	contains "$output" "refusing to save to terminal"
	fails 125 save --format tarball "$BUSYBOX"
	contains "$error" "unknown format"
	fails 125 save -o x.tar "$BUSYBOX" nowhere
	contains "$error" "nowhere: image not known"
	fails 125 save --format oci-dir "$BUSYBOX"
	[ ! -e x.tar ]
}

@test "a layer that was changed, or has no skeleton, is an error, and no archive is left" {
	empty_store
	tiffin pull -q "$BUSYBOX" >/dev/null
	layer=$(echo "$TIFFIN_ROOT"/layers/*)
	chmod u+w "$layer/fs/bin/busybox"
	printf x | dd of="$layer/fs/bin/busybox" bs=1 seek=1000 conv=notrunc 2>/dev/null
	fails 125 save -o x.tar "$BUSYBOX"
	contains "$error" "can't be rebuilt"
	same "$(find . -name "*.tar*")" ""
	rm -f "$layer/skeleton"
	fails 125 save -o x.tar "$BUSYBOX"
	contains "$error" "did not keep what rebuilding it takes"
	contains "$hint" "pull again"
	drop_store
}

@test "a disk that is full is an error" {
	[ -e /dev/full ] || skip "cannot be had here: /dev/full"
	fails 125 save -o /dev/full "$REGISTRY/big"
	contains "$error" "No space left"
}

@test "a save that is killed leaves nothing" {
	for call in write linkat; do
		echo "killed at its first $call" >&2
		strace -f -qq -o trace -e trace=$call -e inject=$call:signal=KILL:when=1 \
			"$TIFFIN" save -o killed.tar "$BUSYBOX" 3>&- 4>&- || :
		grep -q SIGKILL trace
		same "$(find . -name 'killed*')" ""
	done
}
