# ids: any
#
# commit: what a container has changed becomes a layer, and an image that does all that others do.
load ../lib/common

setup_file() { own_store busybox layers config; }
teardown() {
	remove_containers
	tiffin images --format '{{.Repository}}:{{.Tag}}' | grep ^localhost/ | xargs -r "$TIFFIN" rmi -f >/dev/null 2>&1 || :
}
teardown_file() { drop_store; }

changes='cd /
	echo new >added; rm -r modes; echo more >>hard/a; mkdir -p made/in; ln added made/linked; mkfifo made/fifo
	rm -r owners; mkdir owners; echo x >owners/x; echo y >owners/root; rm late/added; mkdir late/added
	chmod 700 data/kept; rm -r data/opaque; echo file >data/opaque; ln -s /no/such made/symlink
	touch -d @1000000000 made/in; chmod 4751 made/linked; mkdir -m 0 closed; touch closed/in; chmod 711 /'

field() { # field IMAGE TEMPLATE
	tiffin image inspect --format "$2" "$1"
}

@test "the image holds what the container did, and the layers beneath are those of its image" {
	tiffin run --name one "$REGISTRY/layers" sh -c "$changes"
	id=$(tiffin commit one mine)
	matches "$id" '^sha256:[0-9a-f]{64}$'
	same "$(field localhost/mine '{{.Id}}')" "$id"
	same "$(tiffin image diff localhost/mine)" "$(tiffin diff one)"
	same "$(tiffin diff one localhost/mine)" ""
	tiffin export one >"$BATS_TEST_TMPDIR/one.tar"
	tiffin run --name again localhost/mine sh -c '[ "$(stat -c %a /)" = 711 ]'
	tiffin export again >"$BATS_TEST_TMPDIR/again.tar"
	listing() { tar --numeric-owner --full-time -tvf "$BATS_TEST_TMPDIR/$1.tar" | grep -v ' \./$' | sort -k 6; }
	same "$(listing again)" "$(listing one)"
	same "$(field localhost/mine '{{len .RootFS.Layers}}')" $(($(field "$REGISTRY/layers" '{{len .RootFS.Layers}}') + 1))
}

@test "it is pushed, pulled, saved and loaded as it is" {
	tiffin run --name two "$REGISTRY/layers" sh -c "$changes"
	id=$(tiffin commit two mine)
	tiffin save -o "$BATS_TEST_TMPDIR/mine.tar" localhost/mine
	tiffin push -q localhost/mine "$REGISTRY/committed:$TIFFIN_TEST_IDS"
	want=$(tiffin image diff localhost/mine)
	tiffin rm two >/dev/null
	tiffin rmi localhost/mine >/dev/null
	tiffin load -qi "$BATS_TEST_TMPDIR/mine.tar"
	same "$(field localhost/mine '{{.Id}}')" "$id"
	same "$(tiffin image diff localhost/mine)" "$want"
	tiffin rmi localhost/mine >/dev/null
	tiffin pull -q "$REGISTRY/committed:$TIFFIN_TEST_IDS"
	same "$(tiffin image diff "$REGISTRY/committed:$TIFFIN_TEST_IDS")" "$want"
	same "$(field "$REGISTRY/committed:$TIFFIN_TEST_IDS" '{{.Id}}')" "$id"
	tiffin rmi "$REGISTRY/committed:$TIFFIN_TEST_IDS" >/dev/null
}

@test "its configuration is the container's, and no more than its user said" {
	export HTTP_PROXY=http://user:secret@proxy
	tiffin run --name three -t -e A=b --label mine=1 -w /tmp -u 0:0 --stop-signal USR1 --expose 99 \
		--entrypoint /bin/echo "$REGISTRY/config" from the container >/dev/null
	tiffin commit three mine >/dev/null
	same "$(field localhost/mine '{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Config.WorkingDir}} {{.Config.User}} {{.Config.StopSignal}}')" \
		'["/bin/echo"] ["from","the","container"] /tmp 0:0 SIGUSR1'
	same "$(field localhost/mine '{{.Config.Labels.mine}} {{index .Config.ExposedPorts "99/tcp"}}')" "1 {}"
	contains "$(field localhost/mine '{{json .Config.Env}}')" '"A=b"'
	lacks "$(field localhost/mine '{{json .Config.Env}}')" HOSTNAME TERM secret
	same "$(tiffin run --rm localhost/mine)" "from the container"
}

@test "--change sets what the image says, as in a Dockerfile" {
	tiffin create --name four -e OLD=1 "$BUSYBOX" sh -c true >/dev/null
	tiffin commit -c 'CMD ["echo", "$NEW"]' --change 'ENV NEW=2 OLD=3' -c 'EXPOSE 80 81/udp' -c 'LABEL a="b c"' \
		-c 'ONBUILD RUN x' -c STOPSIGNAL=SIGINT -c 'USER 0' -c 'VOLUME /v' -c 'WORKDIR /home' four mine >/dev/null
	same "$(field localhost/mine '{{json .Config.Cmd}} {{.Config.Labels.a}} {{.Config.StopSignal}} {{.Config.User}} {{.Config.WorkingDir}} {{json .Config.Volumes}}')" \
		'["echo","$NEW"] b c SIGINT 0 /home {"/v":{}}'
	contains "$(field localhost/mine '{{json .Config.Env}}')" '"OLD=3"' '"NEW=2"'
	same "$(field localhost/mine '{{json .Config.ExposedPorts}}')" '{"80/tcp":{},"81/udp":{}}'
	tiffin save localhost/mine >"$BATS_TEST_TMPDIR/mine.tar"
	same "$(tar -xOf "$BATS_TEST_TMPDIR/mine.tar" "$(tar -xOf "$BATS_TEST_TMPDIR/mine.tar" manifest.json | jq -r '.[0].Config')" |
		jq -c .config.OnBuild)" '["RUN x"]'
	# A command is not another entrypoint's.
	tiffin commit -c 'ENTRYPOINT ["/bin/ls"]' four other >/dev/null
	same "$(field localhost/other '{{json .Config.Entrypoint}} {{json .Config.Cmd}}')" '["/bin/ls"] []'
	before=$(snapshot)
	fails 125 commit -c 'FROM x' four
	contains "$error" "not CMD, ENTRYPOINT"
	same "$(snapshot)" "$before"
}

@test "author and message are kept, and the history goes on" {
	tiffin run --name five "$REGISTRY/layers" touch /x
	tiffin commit -q -a "A. Uthor" -m "a message" --iidfile "$BATS_TEST_TMPDIR/id" five mine:tag >/dev/null
	same "$(field localhost/mine:tag '{{.Author}}|{{.Comment}}|{{.Id}}')" "A. Uthor|a message|sha256:$(cat "$BATS_TEST_TMPDIR/id")"
	tiffin history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' localhost/mine:tag >"$BATS_TEST_TMPDIR/history"
	same "$(head -n 1 "$BATS_TEST_TMPDIR/history")" "touch /x|a message"
	same "$(tail -n +2 "$BATS_TEST_TMPDIR/history")" \
		"$(tiffin history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' "$REGISTRY/layers")"
}

@test "the manifest is of the format that is asked for" {
	tiffin run --name six "$BUSYBOX" touch /x
	for format in oci docker; do
		tiffin commit -f $format six $format >/dev/null
		manifest=$TIFFIN_ROOT/images/$(field localhost/$format '{{.Id}}' | cut -d: -f2)/manifest
		contains "$(jq -r '.mediaType, .layers[0].mediaType' "$manifest")" ".$format."
	done
	fails 125 commit -f ova six
	contains "$error" "unrecognized image format"
}

@test "mounts are not in it, nor what was made for them" {
	echo outside >"$BATS_TEST_TMPDIR/secret"
	tiffin run --name seven -v "$BATS_TEST_TMPDIR:/mnt/host" -v "$BATS_TEST_TMPDIR:/volume" --tmpfs /scratch "$BUSYBOX" \
		sh -c 'touch /scratch/x /dev/shm/x; echo y >>/etc/hosts; echo in >/file'
	tiffin commit --include-volumes seven mine >/dev/null
	same "$(tiffin image diff localhost/mine)" $'A /file\nA /mnt'
	same "$(field localhost/mine '{{json .Config.Volumes}}' | jq -c 'keys')" '["/mnt/host","/volume"]'
	tiffin commit seven mine >/dev/null
	same "$(field localhost/mine '{{json .Config.Volumes}}')" '{}'
	same "$(tiffin run --rm localhost/mine ls /mnt)" ""
}

@test "a container that has changed nothing makes no layer" {
	tiffin run --name base "$BUSYBOX" chmod 700 /
	tiffin commit base base >/dev/null
	same "$(tiffin start base; tiffin wait base; tiffin diff base localhost/base)" $'base\n0'
	tiffin create --name eight localhost/base >/dev/null
	tiffin commit eight mine >/dev/null
	same "$(field localhost/mine '{{json .RootFS.Layers}}')" "$(field localhost/base '{{json .RootFS.Layers}}')"
	tiffin create --name eight2 "$BUSYBOX" >/dev/null
	tiffin commit eight2 mine >/dev/null
	same "$(field localhost/mine '{{json .RootFS.Layers}}')" "$(field "$BUSYBOX" '{{json .RootFS.Layers}}')"
	tiffin run --rm localhost/mine true
}

@test "--squash makes one layer" {
	tiffin run --name nine "$REGISTRY/layers" sh -c "$changes"
	tiffin commit --squash nine mine >/dev/null
	same "$(field localhost/mine '{{len .RootFS.Layers}}')" 1
	same "$(tiffin diff nine localhost/mine)" ""
	same "$(tiffin history -q localhost/mine | wc -l)" 1
	tiffin run --rm localhost/mine cat /added
}

running() { # running NAME COMMAND
	tiffin run -d --name "$1" "$BUSYBOX" sh -c "$2" >/dev/null
	wait_for tiffin exec "$1" test -e /ready
}

what_happened() { tiffin events --stream=false --since 1h --filter "container=$1" --format '{{.Status}}' | tr '\n' ' '; }

@test "one that runs is paused meanwhile, and goes on" {
	running ten 'i=0; while :; do i=$((i+1)); echo $i >/a.new; mv /a.new /a; echo $i >/b.new; mv /b.new /b; touch /ready; done'
	tiffin commit ten mine >/dev/null
	contains "$(what_happened ten)" " pause unpause commit "
	# shellcheck disable=SC2046
	set -- $(tiffin run --rm localhost/mine cat /a /b)
	[ $(($1 - $2)) -le 1 ]
	same "$(tiffin inspect -f '{{.State.Status}}' ten)" running
	before=$(tiffin exec ten cat /a)
	further() { [ "$(tiffin exec ten cat /a)" != "$before" ]; }
	wait_for further
	tiffin commit --pause=false ten other >/dev/null
	same "$(what_happened ten | grep -o ' pause' | wc -l)" 1
	tiffin pause ten
	tiffin commit ten third >/dev/null
	same "$(tiffin inspect -f '{{.State.Status}}' ten)" paused
}

@test "a client that is killed leaves no container paused, and nothing in the store" {
	running eleven 'truncate -s 3G /large; touch /ready; while :; do date +%N >/now; sleep 0.01; done'
	before=$(tiffin images -q --no-trunc)
	layers=$(ls "$TIFFIN_ROOT/layers")
	start_tiffin "$BATS_TEST_TMPDIR/out" commit eleven
	client=$!
	is() { [ "$(tiffin inspect -f '{{.State.Status}}' eleven)" = "$1" ]; }
	wait_for is paused
	kill -KILL $client
	wait $client || :
	wait_for is running
	same "$(tiffin images -q --no-trunc)" "$before"
	same "$(ls "$TIFFIN_ROOT/layers")" "$layers"
	gone() { tiffin commit nobody 2>/dev/null || :; tiffin pull -q "$BUSYBOX" >/dev/null && is_empty "$TIFFIN_ROOT/tmp"; }
	wait_for gone
}

@test "on a full disk it is an error, and nothing is left" {
	mkdir "$BATS_TEST_TMPDIR/store"
	# shellcheck disable=SC2016
	run tiffin unshare sh -c 'mount -t tmpfs -o size=12m none "$2" && export TIFFIN_ROOT="$2" && cd / &&
		$0 pull -q $1 >/dev/null && $0 run --name full $1 sh -c "dd if=/dev/zero of=/x bs=1M count=6 2>/dev/null" &&
		ls $2/layers $2/images >$3/before; $0 commit full mine; echo "status $?"; ls $2/layers $2/images >$3/after
		ls $2/tmp; $0 commit -c "FROM x" full; $0 rm full >/dev/null && $0 run --rm $1 echo still' \
		"$TIFFIN" "$BUSYBOX" "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR"
	contains "$output" "Error: cannot commit: " "No space left on device" "status 125" still
	same "$(cat "$BATS_TEST_TMPDIR/after")" "$(cat "$BATS_TEST_TMPDIR/before")"
}

@test "what no layer can hold is an error, and who is not there, and what is no name" {
	tiffin run --name twelve "$BUSYBOX" touch /.wh.bin
	before=$(snapshot)
	fails 125 commit twelve mine
	contains "$error" "'/.wh.bin' can't be in a layer"
	fails 125 commit nobody
	contains "$error" 'no container with name or ID "nobody" found: no such container'
	fails 125 commit twelve 'Bad Name'
	contains "$error" "invalid reference format"
	same "$(snapshot)" "$before"
	mkdir "$BATS_TEST_TMPDIR/root"
	tiffin create --name thirteen --rootfs "$BATS_TEST_TMPDIR/root" /true >/dev/null
	fails 125 commit thirteen
	contains "$error" "has a directory for its root"
}

@test "sockets and devices are passed over, names of any bytes kept" {
	tiffin run --name fourteen "$BUSYBOX" sh -c 'mkdir -p "/$(printf "%0200d" 1)/$(printf "%0200d" 2)"
		echo x >"/$(printf "%0200d" 1)/$(printf "%0200d" 2)/grün"; echo y >"/$(printf "new\nline\377")"
		nc -l -p 1 local:/sock & sleep 0.2; kill $!' || :
	tiffin commit fourteen mine >/dev/null
	same "$(tiffin diff fourteen localhost/mine)" ""
	same "$(tiffin run --rm localhost/mine sh -c 'cat /0*1/0*2/gr*n; cat /new*')" $'x\ny'
}
