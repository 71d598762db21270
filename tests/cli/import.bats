# ids: any
#
# import: an archive of a root file system becomes an image of one layer.
load ../lib/common

setup_file() {
	own_store busybox
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$LIB python3 -c \
		'import sys, images; sys.stdout.buffer.write(images.busybox_layer())' >"$BATS_FILE_TMPDIR/root.tar"
}
teardown_file() { drop_store; }
teardown() { [ -z "${server:-}" ] || kill "$server"; }

root() { echo "$BATS_FILE_TMPDIR/root.tar"; }
config_of() { tiffin inspect "$1" | jq -c ".[0].Config.$2"; }

@test "an archive becomes an image that runs" {
	run --separate-stderr tiffin import -c 'CMD ["echo", "hello"]' "$(root)" mine/box:1
	same "$status" 0
	matches "$output" '^sha256:[0-9a-f]{64}$'
	same "$(tiffin run --rm localhost/mine/box:1)" hello
	same "$(tiffin images --no-trunc -q localhost/mine/box)" "$output"
	same "$(tiffin inspect "${output#sha256:}" | jq -r '.[0].RootFS.Layers[0]')" \
		"sha256:$(sha256sum <"$(root)" | cut -d' ' -f1)"
}

@test "every compression is taken, from standard input too, and the layer is the same" {
	want=$(tiffin inspect "$(tiffin import "$(root)" | sed s/sha256://)" | jq -c '.[0].RootFS.Layers')
	for tool in gzip bzip2 xz zstd; do
		id=$($tool -c <"$(root)" | tiffin import -)
		same "$tool $(tiffin inspect "${id#sha256:}" | jq -c '.[0].RootFS.Layers')" "$tool $want"
	done
}

@test "without a name it is a dangling image" {
	id=$(tiffin import -m unnamed "$(root)")
	contains "$(tiffin images -f dangling=true --no-trunc -q)" "$id"
}

@test "changes are what a Dockerfile says" {
	tiffin import -c 'ENTRYPOINT ["/bin/sh", "-c"]' -c 'CMD echo "$A"' -c 'ENV A="b c" D=e' -c 'ENV F g h' \
		-c 'ENV D=again' -c 'EXPOSE 80 53/udp' -c 'LABEL one="1 2" two=3' -c 'STOPSIGNAL SIGUSR1' \
		-c 'USER app:www-data' -c 'VOLUME ["/data", "/a b"]' -c 'VOLUME /more' -c 'WORKDIR /work' \
		-c 'WORKDIR deeper' -c LABEL=three=4 "$(root)" changed >/dev/null
	same "$(config_of localhost/changed Entrypoint)" '["/bin/sh","-c"]'
	same "$(config_of localhost/changed Cmd)" '["/bin/sh","-c","echo \"$A\""]'
	same "$(config_of localhost/changed Env)" '["A=b c","D=again","F=g h"]'
	same "$(config_of localhost/changed 'ExposedPorts | keys')" '["53/udp","80/tcp"]'
	same "$(config_of localhost/changed Labels)" '{"one":"1 2","two":"3","three":"4"}'
	same "$(config_of localhost/changed StopSignal)" '"SIGUSR1"'
	same "$(config_of localhost/changed User)" '"app:www-data"'
	same "$(config_of localhost/changed 'Volumes | keys')" '["/a b","/data","/more"]'
	same "$(config_of localhost/changed WorkingDir)" '"/work/deeper"'
}

@test "a change that is none is an error, and nothing is imported" {
	before=$(snapshot)
	for change in 'RUN true' 'ENV' 'ENV A' 'EXPOSE eighty' 'VOLUME data' 'LABEL "open' CMD; do
		fails 125 import -c "$change" "$(root)" bad
		contains "$error" --change
	done
	same "$(snapshot)" "$before"
}

@test "the message and the platform are in the image" {
	tiffin import -m 'made by hand' --os plan9 --arch mips --variant 7 "$(root)" other >/dev/null
	same "$(tiffin history --format '{{.Comment}}' localhost/other)" "made by hand"
	same "$(tiffin inspect localhost/other | jq -r '.[0] | .Os + " " + .Architecture')" "plan9 mips"
	same "$(tiffin history --format '{{.Comment}}' "$(tiffin import "$(root)" | cut -c 8-)")" "imported from tarball"
}

@test "an archive is fetched from a URL" {
	mkdir "$BATS_TEST_TMPDIR/www"
	gzip -c "$(root)" >"$BATS_TEST_TMPDIR/www/root.tgz"
	python3 -u -m http.server -b 127.0.0.1 -d "$BATS_TEST_TMPDIR/www" 0 >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- 4>&- &
	server=$!
	wait_for grep -q 'port [0-9]' "$BATS_TEST_TMPDIR/log"
	port=$(grep -o 'port [0-9]*' "$BATS_TEST_TMPDIR/log" | tr -dc 0-9)
	tiffin import -c 'CMD echo fetched' "http://127.0.0.1:$port/root.tgz" fetched >/dev/null
	same "$(tiffin run --rm localhost/fetched)" fetched
	fails 125 import "http://127.0.0.1:$port/no-such" gone
	contains "$error" "404"
}

@test "what is no archive is refused, and leaves nothing" {
	before=$(snapshot)
	echo nonsense >"$BATS_TEST_TMPDIR/x"
	fails 125 import "$BATS_TEST_TMPDIR/x" x
	contains "$error" "cannot import" "not a valid tar archive"
	head -c 5000 "$(root)" | gzip -c | head -c 1500 >"$BATS_TEST_TMPDIR/cut.tgz"
	fails 125 import "$BATS_TEST_TMPDIR/cut.tgz" x
	: >"$BATS_TEST_TMPDIR/empty"
	fails 125 import "$BATS_TEST_TMPDIR/empty" x
	fails 125 import "$BATS_TEST_TMPDIR" x
	contains "$error" "is a directory"
	fails 125 import "$BATS_TEST_TMPDIR/none" x
	contains "$error" "No such file"
	fails 125 import "$(root)" UPPER
	contains "$error" "invalid reference format"
	same "$(snapshot)" "$before"
}

@test "an archive that leads out is refused" {
	before=$(snapshot)
	python3 - >"$BATS_TEST_TMPDIR/out.tar" <<-'END'
		import io, sys, tarfile
		tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
		tar.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
		tar.close()
	END
	fails 125 import "$BATS_TEST_TMPDIR/out.tar" x
	contains "$error" "leads out of the layer"
	same "$(snapshot)" "$before"
}

@test "a terminal is not read from" {
	run python3 "$LIB/terminal.py" -- "$TIFFIN" import - x 3>&- 4>&-
	same "$status" 125
	contains "$output" "cannot read from terminal"
}

listed() { tiffin images --format '{{.Repository}}:{{.Tag}}' "$@" | sed "s|^$REGISTRY/||" | sort | paste -sd ' '; }

@test "images can be listed from before it and since" {
	import_base
	contains "$(listed -f "since=$BUSYBOX")" localhost/base:1
	lacks "$(listed -f "since=$BUSYBOX")" busybox
	same "$(listed -f "after=$BUSYBOX")" "$(listed -f "since=$BUSYBOX")"
	lacks "$(listed -f since=localhost/base:1)" base:1
	lacks "$(listed -f before=localhost/base:1)" base:1
	contains "$(listed -f before=localhost/base:1)" busybox:latest
	tiffin rmi "$base" >/dev/null
	fails 125 images -f before=no-such-image
	contains "$error" "no-such-image: image not known"
}

import_base() { # a newer image than all others: $base, localhost/base:1
	mkdir -p "$BATS_TEST_TMPDIR/base"
	echo base >"$BATS_TEST_TMPDIR/base/file"
	base=$(tar -C "$BATS_TEST_TMPDIR/base" -c . | tiffin import -q - localhost/base:1)
}

@test "the journal tells of it" {
	tiffin import "$(root)" told/of >/dev/null
	contains "$(tiffin events --stream=false --since 5m --format '{{.Type}} {{.Status}} {{.Name}}')" \
		"image import localhost/told/of:latest"
}
