# ids: any
#
# What skopeo writes, and what save wrote, is loaded; what is no image is not, and leaves nothing.
load ../lib/common

setup_file() { own_store; }
teardown_file() { drop_store; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
	empty_store
}
teardown() { drop_store; }

fetch() { # fetch IMAGE DESTINATION: by skopeo
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/$1" "$2"
}

want() { # want IMAGE: its ID
	skopeo inspect --tls-verify=false --config --raw "docker://$REGISTRY/$1" | sha256sum | cut -d' ' -f1
}

loads() { # loads IMAGE ARGUMENT…: its ID is what it must be, and what is run of it is there
	local image=$1
	shift
	run --separate-stderr tiffin load "$@"
	printf '%s\n' "$stderr" >&2
	same "$status" 0
	tiffin image exists "sha256:$(want "$image")"
	nothing_staged
}

@test "a docker archive of skopeo's is loaded under its name" {
	fetch busybox docker-archive:a.tar:localhost/lunch:1
	loads busybox -i a.tar
	same "$output" "Loaded image: localhost/lunch:1"
	same "$(tiffin run --rm --pull never localhost/lunch:1 echo yes)" yes
}

@test "an OCI archive and layouts, and a directory of skopeo's" {
	fetch layers oci-archive:a.tar:localhost/a:1
	loads layers -i a.tar
	contains "$output" "Loaded image: localhost/a:1"
	tiffin image prune -a -f
	fetch layers oci:layout:localhost/b:1
	loads layers -i layout
	contains "$output" "Loaded image: localhost/b:1"
	tiffin image prune -a -f
	fetch layers dir:dir
	loads layers -i dir
	same "$output" "Loaded image ID: sha256:$(want layers)"
}

@test "an archive may be compressed in any way, and come through a pipe" {
	fetch busybox docker-archive:a.tar:localhost/lunch:1
	gzip -k a.tar
	xz -k -0 a.tar
	bzip2 -k a.tar
	zstd -q -k a.tar
	for file in a.tar a.tar.gz a.tar.xz a.tar.bz2 a.tar.zst; do
		echo "file $file" >&2
		loads busybox <"$file"
		loads busybox < <(cat "$file")
		tiffin image prune -a -f
	done
}

@test "what save writes is loaded as the same image" {
	tiffin pull -q "$REGISTRY/layers" "$BUSYBOX"
	tiffin save "$REGISTRY/layers" "$BUSYBOX" >docker.tar
	tiffin save --format oci-archive "$REGISTRY/layers" "$BUSYBOX" >oci.tar
	tiffin save --format docker-dir -o dir "$REGISTRY/layers"
	for file in docker.tar oci.tar; do
		tiffin image prune -a -f
		loads layers -i "$file"
		same "$output" "$(printf 'Loaded image: %s:latest\n' "$REGISTRY/layers" "$BUSYBOX")"
		tiffin save "$REGISTRY/layers" "$BUSYBOX" | cmp - docker.tar
	done
	tiffin image prune -a -f
	loads layers -i dir
}

@test "an image that is there already is loaded again, and gets the name" {
	tiffin pull -q "$BUSYBOX"
	fetch busybox docker-archive:a.tar:localhost/lunch:1
	loads busybox -i a.tar
	same "$(tiffin images -q | sort -u | wc -l)" 1
	contains "$(tiffin images)" localhost/lunch
}

refuses() { # refuses TEXT: to load the directory in/, as one and as an archive
	local before
	before=$(snapshot)
	fails 125 load -i in
	contains "$error" "cannot load" "$1"
	tar -cf in.tar -C in .
	fails 125 load -i in.tar
	contains "$error" "cannot load" "$1"
	same "$(snapshot)" "$before"
}

@test "archives that are none" {
	tiffin images
	mkdir in
	refuses "payload does not match any of the supported image formats"
	echo '[]' >in/manifest.json
	refuses "no image in it"
	echo '[{"Config": "x.json", "Layers": ["../../etc/passwd"]}]' >in/manifest.json
	refuses "'x.json' of it can't be opened"
	head -c 5000000 /dev/zero | tr '\0' ' ' >in/manifest.json
	refuses "is larger than any may be"
	head -c 100000 /dev/urandom >noise
	fails 125 load -i noise
	contains "$error" "not a valid tar archive"
	: >empty
	fails 125 load -i empty
	fails 125 load -i nowhere
}

@test "layers that are not what the configuration says, and paths that lead out" {
	tiffin images
	fetch layers docker-archive:a.tar
	mkdir in
	tar -xf a.tar -C in
	chmod -R u+w in
	cp -R in good
	layer=$(jq -r '.[0].Layers[-1]' in/manifest.json)
	printf x >>"in/$layer"
	refuses "wrong diff ID"
	rm "in/$layer"
	ln -s /etc/passwd "in/$layer"
	refuses "can't be opened"
	rm -r in
	cp -R good in
	jq -c '.[0].Layers |= .[1:]' in/manifest.json >m
	cp m in/manifest.json
	refuses "layers, and its configuration has"
	rm -r in
	cp -R good in
	jq -c '.[0].RepoTags = ["up/UPPER:1"]' good/manifest.json >in/manifest.json
	refuses "invalid reference format"
}

@test "what is named in an archive is a file of it" {
	tiffin images
	mkdir in in/directory
	mkfifo in/fifo
	for name in directory fifo; do
		echo "[{\"Config\": \"$name\", \"Layers\": []}]" >in/manifest.json
		refuses "'$name' of it is not a file"
	done
	echo secret >outside
	ln -s ../outside in/link
	# Not to the file outside, which the helper could not open anyway.
	ln -s /etc/passwd in/absolute
	for name in link absolute ../outside; do
		echo "[{\"Config\": \"$name\", \"Layers\": []}]" >in/manifest.json
		refuses "'$name' of it can't be opened"
	done
	jq -n '[range(1001) | {Config: "x", Layers: []}]' >in/manifest.json
	refuses "more than 1000 images"
}

blob() { # blob: puts what it reads into the layout in/; its digest
	local digest
	mkdir -p in/blobs/sha256
	cat >blob
	digest=$(sha256sum <blob | cut -d' ' -f1)
	mv blob "in/blobs/sha256/$digest"
	echo "sha256:$digest"
}

index_of() { # index_of TYPE DIGEST
	jq -n --arg type "application/vnd.oci.image.$1.v1+json" --arg digest "$2" --arg arch "$(machine)" \
		'{schemaVersion: 2, manifests: [{mediaType: $type, digest: $digest, size: 2,
			platform: {os: "linux", architecture: $arch}}]}'
}

machine() {
	skopeo inspect --tls-verify=false --config --raw "docker://$BUSYBOX" | jq -r .architecture
}

@test "indexes of indexes of an archive" {
	tiffin images
	fetch busybox oci:in:localhost/x:1
	manifest=$(jq -r '.manifests[0].digest' in/index.json)
	one=$(index_of manifest "$manifest" | blob)
	index_of index "$one" >in/index.json
	tiffin load -i in
	tiffin image prune -a -f >/dev/null
	two=$(index_of index "$one" | blob)
	index_of index "$two" >in/index.json
	refuses "nested too deeply"
	rm -r in
	mkdir in
	index_of manifest "$manifest" >in/manifest.json
	refuses "it is an index, without its images"
}

@test "a blob that has another digest than its name" {
	tiffin images
	fetch busybox oci:in:localhost/x:1
	manifest=in/blobs/sha256/$(jq -r '.manifests[0].digest' in/index.json | cut -d: -f2)
	printf ' ' >>"$manifest"
	refuses "has the wrong digest"
	jq -c '.manifests[0].digest = "sha256:../../../x"' in/index.json >i
	cp i in/index.json
	refuses "not a SHA-256 digest"
}

@test "load from a terminal is refused" {
	run python3 "$LIB/terminal.py" expect:terminal -- "$TIFFIN" load
	same "$status" 125
	contains "$output" "cannot read from terminal"
}
