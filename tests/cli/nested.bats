# ids: any
#
# tiffin in tiffin. The outer container is the host's own system, which has what tiffin links.
load ../lib/common

setup_file() {
	export TIFFIN_ROOT=$BATS_FILE_TMPDIR/store
}
teardown_file() { drop_store; }
teardown() { remove_containers; }

# outer RUN-OPTION… -- COMMAND: runs it in a shell where tiffin is /tin/bin/tiffin
outer() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	tiffin run --rm --rootfs --network host -e HOME=/tmp -e TIFFIN_ROOT=/store \
		-v "${TIFFIN%/bin/tiffin}:/tin:ro" "${options[@]}" /:O sh -c "$2" 2>&1
}

SOME_STORE=(--tmpfs /store)

@test "with --privileged it runs, with a network, in the background, with exec" {
	run outer --privileged "${SOME_STORE[@]}" -- "
		/tin/bin/tiffin run --rm $BUSYBOX sh -c 'echo nested; ip -o -4 addr'
		/tin/bin/tiffin run -d --name inner $BUSYBOX sleep 1000
		/tin/bin/tiffin exec inner echo entered
		/tin/bin/tiffin rm -f inner"
	contains "$output" nested "10.0.2.100" entered
	lacks "$output" "Error:"
}

@test "the inner one's connections are fast where the outer one's calls are not supervised" {
	run outer --privileged "${SOME_STORE[@]}" -- "
		/tin/bin/tiffin doctor --format '{{.Name}}: {{.State}} {{.Found}}'
		/tin/bin/tiffin run -d --name inner $BUSYBOX sleep 1000
		/tin/bin/tiffin inspect --format '{{.NetworkSettings.Fast}} {{.NetworkSettings.WhyNotFast}}' inner
		/tin/bin/tiffin rm -f inner"
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		contains "$output" $'\ntrue \n'
	else
		# Who emulates users supervises calls.
		contains "$output" "fast network: limited calls can't be supervised" \
			$'\nfalse its calls can\'t be supervised here\n'
	fi
}

@test "with seccomp=unconfined and unmask=ALL it runs" {
	run outer --security-opt seccomp=unconfined --security-opt unmask=ALL "${SOME_STORE[@]}" -- \
		"/tin/bin/tiffin run --rm $BUSYBOX echo nested"
	contains "$output" nested
	lacks "$output" "Error:"
}

@test "with the defaults the error says what is to be done" {
	run outer "${SOME_STORE[@]}" -- "/tin/bin/tiffin run --rm $BUSYBOX true"
	contains "$output" "Error: cannot create a user namespace" "hint:" --privileged
	run outer --security-opt seccomp=unconfined "${SOME_STORE[@]}" -- \
		"/tin/bin/tiffin run --rm $BUSYBOX true"
	contains "$output" "Error:" "/proc" "hint:" unmask=ALL
}

@test "a store on the container's own file system: files are copied" {
	run outer --privileged -- "
		/tin/bin/tiffin run --rm $BUSYBOX echo nested
		/tin/bin/tiffin run --rm $REGISTRY/layers sh -c 'ls /data; ls -A /data/opaque /data/opaque-late'
		/tin/bin/tiffin info --format '{{.Store.GraphDriverName}}'
		readlink /store/driver
		/tin/bin/tiffin --storage-driver overlay run --rm $BUSYBOX true"
	contains "$output" nested $'\ncopy\ncopy\n' "Error: overlayfs can't write to the store's file system: "
	# As they are where layers can have whiteouts.
	tiffin run --rm "$REGISTRY/layers" sh -c 'ls /data; ls -A /data/opaque /data/opaque-late' >"$BATS_TEST_TMPDIR/want"
	contains "$output" "$(cat "$BATS_TEST_TMPDIR/want")"
}

@test "the inner container has nothing that the outer one has not" {
	run outer --privileged "${SOME_STORE[@]}" -- "echo outer >/tmp/secret
		/tin/bin/tiffin run --rm --cap-add ALL $BUSYBOX sh -c 'ls /tmp /store; ls -d /proc/[0-9]*; mount -t tmpfs x /mnt'"
	lacks "$output" secret references
	contains "$output" "/proc/1"
}
