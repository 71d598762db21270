# ids: any
#
# completion: what the shells are told that a word can become.
load ../lib/common

setup_file() {
	own_store busybox
	tiffin create --name first "$BUSYBOX" true >/dev/null
	tiffin create --name second "$BUSYBOX" true >/dev/null
}
teardown_file() { drop_store; }

words() { # words WORD…: the answer in one line
	tiffin completion words "$@" | sort | tr '\n' ' '
}

@test "commands, groups, and the commands of groups" {
	same "$(words pus)" "push "
	same "$(words co)" "commit completion container "
	same "$(words container ex)" "exec exists export "
	same "$(words --root /nowhere imag)" "image images "
	same "$(words nonesuch '')" ""
	contains " $(words '')" " run " " ps " " image "
	lacks "$(words '')" ":"
}

@test "options of the command, not those that this version has not" {
	same "$(words run --read)" "--read-only --read-only-tmpfs "
	same "$(words container ls --no-)" "--no-trunc "
	same "$(words run --mem)" ""
	same "$(words --stor)" "--storage-driver "
}

@test "volumes, where the command takes one" {
	tiffin volume create data-one
	tiffin volume create other
	same "$(words volume rm d)" "data-one "
	same "$(words volume inspect '')" "data-one other "
	contains "$(words inspect '')" "data-one "
	same "$(words volume create '')" ""
	tiffin volume rm data-one other
}

@test "containers and images, where the command takes one" {
	same "$(words rm '')" "first second "
	same "$(words rm first sec)" "second "
	same "$(words rename '')" "first second "
	same "$(words rename first '')" ""
	same "$(words exec -e A=B fi)" "first "
	same "$(words exec first fi)" ""
	same "$(words exec first --pri)" ""
	same "$(words run --rm -it -v /x:/y --net host "$REGISTRY/b")" "$BUSYBOX:latest "
	same "$(words run "$BUSYBOX" "$REGISTRY")" ""
	same "$(words inspect f)" "first "
	same "$(words generate s)" "systemd "
	same "$(words generate systemd s)" "second "
}

@test "the value of an option is left to the shell, which knows files" {
	same "$(words load -i '')" ""
	same "$(words run --cidfile '')" ""
	same "$(words run -itv '')" ""
	same "$(words run --rm '')" "$BUSYBOX:latest "
}

@test "bash completes by its script, behind a colon as well" {
	PATH=$(dirname "$TIFFIN"):$PATH run -0 bash -c '
		source <(tiffin completion bash)
		for COMP_LINE in "tiffin pus" "tiffin rm "; do
			COMP_POINT=${#COMP_LINE}
			_tiffin
			echo "${COMPREPLY[*]}"
		done'
	same "${lines[0]}" push
	contains "$output" first second
	PATH=$(dirname "$TIFFIN"):$PATH run -0 bash -c 'source <(tiffin completion bash)
		COMP_LINE="tiffin run $1" COMP_POINT=$((${#1} + 11)); _tiffin; echo "$COMPREPLY"' bash "$REGISTRY/b"
	same "$output" "${REGISTRY#*:}/busybox:latest"
}

@test "there are scripts for bash, zsh and fish" {
	for shell in bash zsh fish; do
		contains "$(tiffin completion $shell)" "tiffin completion words"
	done
	fails 125 completion tcsh
	contains "$error" "bash, zsh and fish"
	fails 125 completion bash more
}
