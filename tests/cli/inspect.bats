# ids: any
load ../lib/common

setup_file() {
	own_store busybox config
	mkdir "$BATS_FILE_TMPDIR/shared"
	tiffin create --name made --entrypoint /bin/sh -v "$BATS_FILE_TMPDIR/shared:/mnt:ro" \
		--tmpfs /scratch:size=1m -e A=b -w /tmp -u 0:0 --label x=y --cap-drop KILL \
		--cap-add NET_ADMIN --read-only --stop-signal USR1 --stop-timeout 7 --shm-size 1m \
		"$REGISTRY/config" -c 'exit 0' >/dev/null
	tiffin run -d --name box "$BUSYBOX" sleep 1000 >/dev/null
	tiffin run --name ended "$BUSYBOX" sh -c 'echo out; exit 3' || :
}
teardown_file() { drop_store; }

get() { # get TEMPLATE NAME
	tiffin inspect --format "$1" "$2"
}

@test "inspect prints an array" {
	run tiffin inspect box "$BUSYBOX"
	same "$status" 0
	same "$(python3 -c 'import json, sys
for item in json.load(sys.stdin): print("Name" in item, "RepoTags" in item)' <<<"$output")" \
		$'True False\nFalse True'
}

@test "a container is found by name, ID and prefix" {
	id=$(tiffin ps -aq --no-trunc -f name=box)
	same "$(get '{{.Id}}' box)" "$id"
	same "$(get '{{.ID}}' "$id")" "$id"
	same "$(get '{{.Name}}' "${id:0:12}")" box
}

@test "the state of one that runs" {
	same "$(get '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}' box)" "running true 0"
	[ -d "/proc/$(get '{{.State.Pid}}' box)" ]
	matches "$(get '{{.State.StartedAt}}' box)" '^20[0-9-]+T[0-9:]+\.[0-9]+Z$'
	same "$(get '{{.State.FinishedAt}}' box)" 0001-01-01T00:00:00Z
}

@test "the state of one that ended, and of one that never began" {
	same "$(get '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.Pid}}' ended)" \
		"exited false 3 0"
	matches "$(get '{{.State.FinishedAt}}' ended)" '^20[0-9-]+T'
	same "$(get '{{.State.Status}} {{.State.StartedAt}}' made)" "created 0001-01-01T00:00:00Z"
}

@test "what is run, with entrypoint and command apart" {
	same "$(get '{{.Path}} {{json .Args}}' made)" '/bin/sh ["-c","exit 0"]'
	same "$(get '{{json .Config.Entrypoint}} {{json .Config.Cmd}}' made)" '["/bin/sh"] ["-c","exit 0"]'
	same "$(get '{{json .Config.Entrypoint}} {{json .Config.Cmd}}' box)" '[] ["sleep","1000"]'
}

@test "the configuration" {
	same "$(get '{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Tty}}' made)" "/tmp 0:0 false"
	same "$(get '{{.Config.StopSignal}} {{.Config.StopTimeout}}' made)" "SIGUSR1 7"
	same "$(get '{{range .Config.Env}}{{if eq . "A=b"}}there{{end}}{{end}}' made)" there
	same "$(get '{{.Config.Image}} {{.ImageName}}' box)" "$BUSYBOX:latest $BUSYBOX:latest"
	same "$(get '{{.Config.Hostname}}' box)" "$(get '{{slice .Id 0 12}}' box)"
}

@test "labels are the image's and the command line's" {
	same "$(get '{{index .Config.Labels "org.example.title"}} {{.Config.Labels.x}}' made)" "config y"
	same "$(get '{{.Config.Labels.nothing}}' made)" '<no value>'
	same "$(get '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}' made)" \
		'org.example.title=config;spaced=a b;x=y;'
	same "$(tiffin ps -aq -f label=org.example.title=config)" "$(get '{{slice .Id 0 12}}' made)"
}

@test "the host's part of the configuration" {
	same "$(get '{{.HostConfig.NetworkMode}} {{.HostConfig.AutoRemove}}' made)" "fast false"
	same "$(get '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.ShmSize}}' made)" "true 1048576"
	same "$(get '{{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}}' made)" "[CAP_NET_ADMIN] [CAP_KILL]"
	same "$(get '{{index .HostConfig.Binds 0}}' made)" "$BATS_FILE_TMPDIR/shared:/mnt:ro"
	same "$(get '{{index .HostConfig.Tmpfs "/scratch"}}' made)" size=1m
}

@test "mounts" {
	same "$(get '{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{println}}{{end}}' made | head -n 1)" \
		"bind $BATS_FILE_TMPDIR/shared /mnt false"
	same "$(get '{{json .Mounts}}' box)" '[]'
}

@test "the network of one that runs" {
	same "$(get '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}}' box)" \
		"10.0.2.100 10.0.2.2"
	same "$(get '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' box)" 10.0.2.100
	same "$(get '{{.NetworkSettings.IPAddress}}' ended)" ""
}

@test "the files and the layers are where it says" {
	[ -f "$(get '{{.HostsPath}}' box)" ]
	[ -f "$(get '{{.ResolvConfPath}}' box)" ]
	[ -f "$(get '{{.LogPath}}' ended)" ]
	same "$(get '{{.Driver}} {{.GraphDriver.Name}}' box)" "overlay overlay"
	[ -d "$(get '{{.GraphDriver.Data.UpperDir}}' box)" ]
	lower=$(get '{{.GraphDriver.Data.LowerDir}}' box)
	[ -d "${lower%%:*}" ]
}

@test "an image" {
	id=$(tiffin images -q --no-trunc "$REGISTRY/config:latest")
	same "$(get '{{.Id}}' "$REGISTRY/config")" "$id"
	same "$(get '{{index .RepoTags 0}}' "${id#sha256:}")" "$REGISTRY/config:latest"
	same "$(get '{{index .RepoTags 0}}' "$id")" "$REGISTRY/config:latest"
	matches "$(get '{{index .RepoDigests 0}}' "$REGISTRY/config")" "^$REGISTRY/config@sha256:[0-9a-f]{64}\$"
	same "$(get '{{.Os}} {{.RootFS.Type}} {{len .RootFS.Layers}}' "$REGISTRY/config")" "linux layers 2"
	same "$(get '{{index .Config.Labels "spaced"}}' "$REGISTRY/config")" "a b"
	matches "$(get '{{.Created}} {{.Size}}' "$REGISTRY/config")" '^20[0-9-]+T[0-9:.]+Z [0-9]+$'
	[ -d "$(get '{{.GraphDriver.Data.UpperDir}}' "$REGISTRY/config")" ]
}

@test "the image of a container is what its image says" {
	same "$(get '{{.Image}}' box)" "$(get '{{.Id}}' "$BUSYBOX")"
}

@test "container inspect and image inspect" {
	same "$(tiffin container inspect box)" "$(tiffin inspect --type container box)"
	same "$(tiffin image inspect "$BUSYBOX")" "$(tiffin inspect --type image "$BUSYBOX")"
	run --separate-stderr tiffin image inspect box
	same "$status $output" "125 []"
	contains "$stderr" "Error: box: image not known"
	run --separate-stderr tiffin container inspect "$BUSYBOX"
	same "$status $output" "125 []"
	contains "$stderr" "no such container"
}

@test "what is not there: an array of the others, an error, 125" {
	run --separate-stderr tiffin inspect no-such-thing
	same "$status $output" "125 []"
	contains "$stderr" 'Error: no such object: "no-such-thing"'
	run --separate-stderr tiffin inspect --format '{{.Name}}' no-such-thing box nor-this
	same "$status $output" "125 box"
	contains "$stderr" '"no-such-thing"' '"nor-this"'
}

@test "a type that is none, and no name at all" {
	fails 125 inspect --type foo box
	contains "$error" 'invalid type "foo"'
	fails 125 inspect
}

@test "an unknown field is an error" {
	fails 125 inspect --format '{{.Nmae}}' box
	contains "$error" "can't evaluate field Nmae in type inspect"
	fails 125 inspect --format '{{.State.Foo}}' box
	contains "$error" "can't evaluate field Foo in type State"
}

@test "--format json is compact" {
	same "$(tiffin inspect --format json box | wc -l)" 1
	same "$(tiffin inspect -f json box | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Name"])')" box
}

@test "what limits it and what is in its /etc is told" {
	id=$(tiffin create --name limited --ulimit nofile=100:200 --dns 9.9.9.9 --dns-search example.org \
		--add-host there:10.1.2.3 --sysctl net.ipv4.ip_forward=1 --oom-score-adj 300 --umask 077 "$BUSYBOX" true)
	same "$(tiffin inspect -l -f '{{.Id}}')" "$id"
	same "$(tiffin inspect -f '{{json .HostConfig.Ulimits}}' limited)" '[{"Name":"nofile","Soft":100,"Hard":200}]'
	same "$(tiffin inspect -f '{{.HostConfig.Dns}} {{.HostConfig.DnsSearch}} {{.HostConfig.ExtraHosts}}' limited)" \
		'[9.9.9.9] [example.org] [there:10.1.2.3]'
	same "$(tiffin inspect -f '{{json .HostConfig.Sysctls}} {{.HostConfig.OomScoreAdj}} {{.Config.Umask}}' limited)" \
		'{"net.ipv4.ip_forward":"1"} 300 0077'
	same "$(tiffin inspect -f '{{.HostConfig.Memory}}|{{.HostConfig.CpusetCpus}}|{{.NetworkSettings.SandboxKey}}' limited)" "0||"
	tiffin rm limited
}

@test "what of the security is the user's choice is told" {
	tiffin create --name loose --privileged "$BUSYBOX" true
	same "$(tiffin inspect -f '{{.HostConfig.Privileged}}' loose)" true
	tiffin rm loose
	tiffin create --name masked --security-opt mask=/proc/uptime --security-opt seccomp=unconfined "$BUSYBOX" true
	same "$(tiffin inspect -f '{{.HostConfig.Privileged}} {{.HostConfig.SecurityOpt}}' masked)" \
		"false [seccomp=unconfined mask=/proc/uptime]"
	tiffin rm masked
}

@test "--size and --latest are containers'" {
	tiffin run --name wrote "$BUSYBOX" sh -c 'head -c 5000 /dev/zero >/x'
	same "$(tiffin inspect --size -f '{{.SizeRw}}' wrote)" 5000
	same "$(tiffin container inspect -s -l -f '{{gt .SizeRootFs .SizeRw}}')" true
	fails 125 inspect wrote -f '{{.SizeRw}}'
	fails 125 inspect --type image -s "$BUSYBOX"
	fails 125 inspect -l wrote
	fails 125 inspect
	fails 125 image inspect -l
	tiffin rm wrote
}

@test "the paths that are masked are told, and they are masked" {
	tiffin run -d --name masks --security-opt mask=/home --security-opt unmask=/proc/keys "$BUSYBOX" sleep 1000
	mounts=$(tiffin exec masks cat /proc/mounts)
	contains "$mounts" " /proc/sys "
	for path in $(tiffin inspect -f '{{join .HostConfig.MaskedPaths " "}}' masks); do
		! tiffin exec masks sh -c "[ -e $path ]" || contains "$mounts" " $path "
	done
	for path in $(tiffin inspect -f '{{join .HostConfig.ReadonlyPaths " "}}' masks); do
		! tiffin exec masks sh -c "[ -e $path ]" || grep -q " $path .* ro," <<<"$mounts"
	done
	contains "$(tiffin inspect -f '{{.HostConfig.MaskedPaths}}' masks)" /proc/kcore /home
	lacks "$(tiffin inspect -f '{{.HostConfig.MaskedPaths}}' masks)" /proc/keys
	tiffin rm -f masks
	tiffin create --name open --privileged "$BUSYBOX" true
	same "$(tiffin inspect -f '{{.HostConfig.MaskedPaths}} {{.HostConfig.ReadonlyPaths}}' open)" "[] []"
	tiffin rm open
}

@test "annotations and the command line that made it are told" {
	tiffin create --name noted --annotation a=1 --annotation b=x=y --annotation a=2 "$BUSYBOX" echo "two words"
	same "$(tiffin inspect -f '{{json .Config.Annotations}}' noted)" '{"a":"2","b":"x=y"}'
	contains "$(tiffin inspect -f '{{json .Config.CreateCommand}}' noted)" \
		"\"create\",\"--name\",\"noted\",\"--annotation\"" ",\"two words\"]"
	tiffin rm noted
}
