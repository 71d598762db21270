# ids: any
#
# system check: what is wrong in the store is found, and mended where that can be.
load ../lib/common

setup() {
	empty_store
	tiffin pull -q "$REGISTRY/layers" >/dev/null
	cd "$TIFFIN_ROOT"
}
teardown() {
	cd /
	drop_store
}

# In a layer's files, as who may change them all.
as_owner() {
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		unshare --user --map-root-user --map-auto "$@"
	else
		unshare --user --map-root-user "$@"
	fi
}

layer_with() { # layer_with PATH: the directory of the layer that has it
	local found
	found=$(ls -d layers/*/fs/"$1")
	echo "${found%/fs/*}"
}

short() { # short LAYER: as findings have it
	basename "$1" | cut -c1-12
}

finds() { # finds LINE…: that and nothing else, and status 1
	local want
	want=$(printf '%s\n' "$@")
	run tiffin system check
	same "$status" 1
	same "$output" "$want"
}

sound() {
	nothing_staged || :
	run tiffin system check
	same "$status $output" "0 "
}

repairs() { # repairs: all that is wrong is mended
	run tiffin system check --repair
	echo "$output" >&2
	same "$status" 0
	sound
	nothing_staged
}

@test "a store that is sound, whatever is in it" {
	tiffin pull -q "$REGISTRY/config" "$REGISTRY/big" >/dev/null
	[ -z "$TIFFIN_TEST_DEBIAN" ] || tiffin pull -q "$REGISTRY/debian:bookworm" >/dev/null
	tiffin run --name one "$REGISTRY/layers" sh -c 'echo x >/file'
	tiffin --storage-driver copy run --name two "$BUSYBOX" true
	tiffin create --name three "$BUSYBOX" true
	tiffin run -d --name four "$BUSYBOX" sleep 1000
	tiffin volume create data
	tiffin save -o "$BATS_TEST_TMPDIR/x.tar" "$BUSYBOX"
	tiffin load -i "$BATS_TEST_TMPDIR/x.tar"
	sound
	run tiffin system check -q
	same "$status $output" "0 "
	fails 125 system check --force
	contains "$error" "--force is about what --repair does"
}

@test "files that are not as the layer has them are named, and fetched again" {
	layer=$(layer_with late/added)
	low=$(layer_with hard/a)
	as_owner sh -c "chmod 601 '$low/fs/data/kept'; rm '$low/fs/linuxrc' '$low/fs/hard/b' 2>/dev/null
		ln -sf elsewhere '$low/fs/data/relative'; touch '$layer/fs/late/$(printf 'in\033[31mtruder')'"
	as_owner touch -d @1700000000 "$layer/fs/late" "$low/fs/data" "$low/fs/hard" "$low/fs"
	run tiffin system check
	same "$status" 1
	contains "$output" "layer $(short "$low"): '/data/kept' has another mode than in the layer" \
		"layer $(short "$low"): '/data/relative' leads elsewhere" \
		"layer $(short "$low"): '/hard/b' is missing" \
		"layer $(short "$layer"): '/late/in\\x1b[31mtruder' is not of the layer"
	run tiffin system check -q
	same "$status" 0
	inode=$(stat -c %i "$layer/fs")
	run tiffin system check --repair
	contains "$output" "image $REGISTRY/layers:latest: fetched again"
	same "$status" 0
	sound
	[ "$(stat -c %i "$layer/fs")" != "$inode" ]
	same "$(tiffin run --rm "$REGISTRY/layers" sh -c 'stat -c %a /data/kept; readlink /data/relative; ls /late')" \
		$'644\nkept\nadded'
}

@test "a file whose owner was changed" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: one ID is mapped"
	layer=$(layer_with owners)
	as_owner chown 7:7 "$layer/fs/owners/root"
	finds "layer $(short "$layer"): '/owners/root' has another owner than in the layer"
	repairs
}

@test "a flipped bit, whose time and size say nothing" {
	layer=$(layer_with late/added)
	as_owner sh -c "printf X | dd of='$layer/fs/late/added' conv=notrunc status=none; touch -d @1700000000 '$layer/fs/late/added'"
	run tiffin system check
	same "$status" 1
	matches "$output" "^layer $(short "$layer"): layer sha256:.* can't be rebuilt as it was\$"
	repairs
}

@test "whiteouts that were taken away" {
	whiteout=$(as_owner find layers -type c | head -n 1)
	layer=${whiteout%%/fs/*}
	time=$(stat -c %Y "$(dirname "$whiteout")")
	as_owner sh -c "rm '$whiteout'; touch -d @$time '$(dirname "$whiteout")'"
	finds "layer $(short "$layer"): '/$(dirname "${whiteout#*/fs/}")/.wh.$(basename "$whiteout")' hides nothing any more"
	repairs
}

@test "a layer that is gone, and documents that are not what they were" {
	layer=$(layer_with late/added)
	as_owner rm -r "$layer"
	id=$(tiffin image inspect --format '{{.Id}}' "$REGISTRY/layers")
	id=${id#sha256:}
	echo >>"images/$id/config"
	echo >>"images/$id/manifest"
	run tiffin system check
	same "$status" 1
	contains "$output" "image ${id:0:12}: layer sha256:$(short "$layer") is missing" \
		"image ${id:0:12}: its configuration is not what it was" "image ${id:0:12}: its manifest is not sha256:"
	run -1 tiffin system check -q
	repairs
	same "$(tiffin image inspect --format '{{.Id}}' "$REGISTRY/layers")" "sha256:$id"
	echo '{' >"images/$id/image.json"
	finds "image ${id:0:12}: its record can't be read"
	run tiffin system check --repair
	contains "$output" "image ${id:0:12}: removed"
	sound
	tiffin run --rm "$REGISTRY/layers" true
}

@test "names that lead nowhere, and containers without their name" {
	tiffin create --name one "$REGISTRY/layers" true >/dev/null
	id=$(tiffin inspect --format '{{.Id}}' one)
	jq -c '.references["localhost/ghost:latest"] = {id: ("a" * 64)}' images/references >references
	mv references images/references
	rm names/one
	ln -s "$(printf 'b%.0s' {1..64})" names/stale
	finds "name localhost/ghost:latest leads to no image" \
		"container ${id:0:12}: its name 'one' does not lead to it" "name stale leads to no container"
	repairs
	same "$(readlink names/one) $(ls names)" "$id one"
	echo nonsense >images/references
	fails 125 images
	finds "the list of images' names can't be read"
	repairs
	same "$(tiffin images --format '{{.Repository}} {{.ID}}')" "<none> $(ls images | grep -v references | cut -c1-12)"
	tiffin start -a one
}

@test "a monitor that was killed" {
	tiffin run -d --name killed "$REGISTRY/layers" sleep 1000 >/dev/null
	kill -9 "$(monitor_of killed)"
	wait_for has_status killed Exited
	finds "container killed: its monitor died, and how it ended is not known"
	repairs
	has_status killed 'Exited \(255\)'
	[ ! -e "containers/$(tiffin inspect --format '{{.Id}}' killed)/attach" ]
}

@test "what is left of commands that died, and layers that nobody has for long" {
	mkdir -p tmp/trash/closed && chmod 0 tmp/trash/closed
	mkdir "containers/$(printf 'd%.0s' {1..64})"
	layer=$(basename "$(layer_with late/added)")
	as_owner cp -a "layers/$layer" "layers/$(printf 'c%.0s' {1..64})"
	run tiffin system check -q
	same "$output" "container dddddddddddd was never finished"$'\n'"tmp/trash: nobody works on it any more"
	run tiffin system check -q -m 0s
	contains "$output" "layer cccccccccccc: no image has it"
	run tiffin system check -q -m 0s --repair
	same "$status" 0
	run tiffin system check -m 0s
	same "$status $output" "0 "
	nothing_staged
	is_empty containers
}

@test "a volume, and a container's files, that are gone" {
	tiffin volume create data
	tiffin create --name one "$REGISTRY/layers" true
	rm -r volumes/data/_data
	id=$(tiffin inspect --format '{{.Id}}' one)
	as_owner rm -r "containers/$id/upper"
	finds "container one: its files are missing" "volume data: its files are missing"
	run -1 tiffin system check --repair
	contains "$output" "container one: its files are missing: not repaired"
}

@test "while a container runs on it a layer is left alone" {
	tiffin run -d --name up "$REGISTRY/layers" sleep 1000 >/dev/null
	layer=$(layer_with late/added)
	as_owner chmod 601 "$layer/fs/late/added"
	inode=$(stat -c %i "$layer/fs")
	run tiffin system check --repair
	same "$status" 1
	contains "$output" "image $REGISTRY/layers:latest: not repaired: container up runs on it: stop it, and check again"
	same "$(stat -c %i "$layer/fs")" "$inode"
	same "$(tiffin exec up cat /late/added)" three
	tiffin rm -f up
	repairs
}

@test "what can't be fetched stays as it is, or goes with --force" {
	layer=$(layer_with late/added)
	as_owner chmod 601 "$layer/fs/late/added"
	inode=$(stat -c %i "$layer/fs")
	sed -i "s|$REGISTRY/|localhost:1/|g" images/references
	run tiffin system check --repair
	same "$status" 1
	contains "$output" "image localhost:1/layers:latest: not repaired: cannot pull"
	same "$(stat -c %i "$layer/fs")" "$inode"
	jq -c '.references |= with_entries(select(.key | contains("@") | not)) | del(.references[].digest)' images/references >references
	mv references images/references
	run tiffin system check --repair
	contains "$output" "not repaired: no registry is known to have it"
	tiffin create --name user localhost:1/layers true
	run tiffin system check --repair --force
	same "$status" 0
	contains "$output" "image localhost:1/layers:latest: removed"
	same "$(tiffin ps -aq)$(tiffin images -q)" ""
	sound
}

@test "with the marks that copies are made of" {
	command -v unshare >/dev/null
	as_owner sh -c '
		for w in $(find layers -type c); do rm "$w"; touch "$(dirname "$w")/.wh.$(basename "$w")"; done
		for d in $(find layers -type d); do touch -d @1700000000 "$d"; done'
	rm -f driver
	ln -s copy driver
	run tiffin system check
	lacks "$output" "hides nothing" ".wh."
}
