# ids: any
load ../lib/common

setup_file() {
	own_store busybox layers:docker config
	tiffin create --name first --label a=1 --label b=2 "$BUSYBOX" true
	tiffin run --name second --label a=2 -v /usr:/mnt:ro "$BUSYBOX" sh -c 'exit 3' || :
	tiffin run -d --name third --network none "$BUSYBOX" sleep 1000
}
teardown_file() { drop_store; }

names() { tiffin ps -a --format '{{.Names}}' "$@" | tr '\n' ' '; }

@test "what runs, and all with -a, the newest first" {
	same "$(tiffin ps --format '{{.Names}}')" third
	same "$(names)" "third second first "
	same "$(tiffin ps -l --format '{{.Names}}')" third
	same "$(tiffin ps -n 2 --format '{{.Names}}' | tr '\n' ' ')" "third second "
	same "$(tiffin ps -q -n -1)" "$(tiffin ps -q)"
}

@test "filters" {
	id=$(tiffin ps -aq --no-trunc -f name=second)
	while read -r filter want; do
		same "$filter: $(names -f "$filter")" "$filter: $want${want:+ }"
	done <<-EOF
		id=${id:0:8} second
		name=^s second
		name=r third first
		name=^(first|third)\$ third first
		label=a second first
		label=a=2 second
		label!=a third
		label!=a=2 third first
		status=created first
		status=configured first
		status=exited second
		status=stopped second
		status=running third
		status=paused
		exited=3 second
		exited=0
		before=third second first
		since=first third second
		since=$id third
		volume=/mnt second
		volume=/usr second
		volume=/opt
		network=none third
		network=fast second first
		health=none third second first
		restart-policy=no third second first
		restart-policy=always
		until=0s third second first
		until=1h
		ancestor=$BUSYBOX third second first
		ancestor=$BUSYBOX:latest third second first
		ancestor=$REGISTRY/config
		ancestor=busybox
	EOF
}

@test "one key: any of its values, but all labels; several keys: all" {
	same "$(names -f name=first -f name=third)" "third first "
	same "$(names -f label=a -f label=b)" "first "
	same "$(names -f label=a -f status=exited)" "second "
	same "$(names -f label!=b -f label!=a=2)" "third "
}

@test "an image of which another's layers are the lowest is an ancestor" {
	tiffin create --name derived "$REGISTRY/layers:docker" true
	image=$(tiffin inspect -f '{{.Image}}' derived)
	same "$(names -f ancestor="${image#sha256:}")" "derived "
	same "$(names -f ancestor="$image")" "derived "
	tiffin rm derived
}

@test "filters that there are not, and values that can't be, are errors" {
	for filter in colour=red pod=x status=asleep exited=x 'name=[' health=ill restart-policy=never \
		before=nobody until=yesterday name; do
		fails 125 ps -f "$filter"
	done
	fails 125 ps -f pod=x
	contains "$error" "invalid filter" "ancestor, before"
}

@test "--sort" {
	same "$(names --sort names)" "first second third "
	same "$(names --sort created)" "first second third "
	same "$(names --sort runningfor)" "first second third "
	same "$(names --sort command)" "second third first "
	same "$(names --sort status)" "first second third "
	same "$(tiffin ps -aq --no-trunc --sort id)" "$(tiffin ps -aq --no-trunc | sort)"
	fails 125 ps --sort colour
}

@test "--size counts what was written, that of subordinate users too" {
	tiffin run --name writer "$BUSYBOX" \
		sh -c 'head -c 100000 /dev/zero >/a; ln /a /b; mkdir /d; head -c 50000 /dev/zero >/d/c; chown 1000 /d; chmod 700 /d' || :
	matches "$(tiffin ps -a -s -f name=writer)" ' 150kB \(virtual [0-9.]+MB\)$'
	matches "$(tiffin ps -a -s | head -n 1)" 'NAMES +SIZE$'
	matches "$(tiffin ps -a -f name=first --format '{{.Size}}')" '^0B \(virtual [0-9.]+MB\)$'
	same "$(names --sort size | wc -w)" 4
	same "$(tiffin ps -a --sort size --format '{{.Names}}' | tail -n 1)" writer
	same "$(tiffin inspect -s -f '{{.SizeRw}}' writer)" 150000
	tiffin rm writer
}

@test "--ns prints the namespaces of what runs" {
	pid=$(tiffin inspect -f '{{.State.Pid}}' third)
	same "$(tiffin ps --ns --format '{{.Pid}} {{.PIDNS}} {{.NET}}')" \
		"$pid $(readlink "/proc/$pid/ns/pid" | tr -cd 0-9) $(readlink "/proc/$pid/ns/net" | tr -cd 0-9)"
	matches "$(tiffin ps --namespace | head -n 1)" '^CONTAINER ID +NAMES +PID +CGROUPNS +IPC +MNT +NET +PIDNS +USERNS +UTS$'
	same "$(tiffin ps -a -f name=first --format '{{.PIDNS}}')" ""
}

@test "--watch prints again" {
	start_tiffin "$BATS_TEST_TMPDIR/out" ps --watch 1 --format '{{.Names}}'
	pid=$!
	again() { [ "$(grep -c third "$BATS_TEST_TMPDIR/out")" -ge 2 ]; }
	wait_for again
	kill "$pid"
}

@test "--noheading, --external, -q" {
	same "$(tiffin ps --noheading | wc -l)" 1
	same "$(tiffin ps -a --external -q | wc -l)" 3
	matches "$(tiffin ps -q)" '^[0-9a-f]{12}$'
	matches "$(tiffin ps -q --no-trunc)" '^[0-9a-f]{64}$'
}
