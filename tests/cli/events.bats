# ids: any
load ../lib/common

setup_file() { own_store busybox; }
setup() { since=$(date +%s.%N); }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# What happened since the test began, without what there is to wait for.
actions() {
	tiffin events --since "$since" --stream=false --format '{{.Type}} {{.Action}}' "$@"
}

@test "the life of a container, in order" {
	tiffin run --rm --name box "$BUSYBOX" sh -c 'exit 3' || :
	same "$(actions)" "container create
container start
container died
container remove"
	same "$(actions -f event=died --format '{{.Name}} {{.Image}} {{.Attributes.exitCode}} {{.ContainerExitCode}}')" \
		"box $BUSYBOX:latest 3 3"
}

@test "what is done to a container is told" {
	tiffin run -d --name box "$BUSYBOX" sleep 1000
	tiffin exec box sh -c 'exit 4' || :
	tiffin restart -t 0 box
	tiffin kill -s CONT box
	tiffin stop -t 0 box
	tiffin rm box
	same "$(actions | cut -d' ' -f2 | tr '\n' ' ')" \
		"create start exec exec_died died stop start restart kill died stop remove "
	same "$(actions -f event=kill --format '{{.Attributes.signal}}')" 18
	same "$(actions -f event=exec_died --format '{{.ContainerExitCode}}')" 4
}

@test "what can't be executed has never started" {
	run -127 tiffin run --name odd "$BUSYBOX" no-such-command
	same "$(actions | cut -d' ' -f2 | tr '\n' ' ')" "create remove "
}

@test "what is done to images is told" {
	tiffin tag "$BUSYBOX" other:1
	tiffin save -o "$BATS_TEST_TMPDIR/a.tar" other:1
	tiffin untag "$BUSYBOX" other:1
	same "$(actions)" $'image tag\nimage save\nimage untag'
	same "$(actions -f event=tag --format '{{.Name}}')" docker.io/library/other:1
	tiffin load -q -i "$BATS_TEST_TMPDIR/a.tar"
	tiffin rmi other:1
	same "$(actions -f image=other:1 -f image=docker.io/library/other | tail -n 2)" \
		$'image loadfromarchive\nimage untag'
}

@test "a line is docker's" {
	tiffin create --name box --label b=2 --label a=1 "$BUSYBOX" true
	matches "$(tiffin events --since "$since" --stream=false)" \
		"^20[0-9-]{8}T[0-9:]{8}\.[0-9]{9}[+-][0-9]{2}:[0-9]{2} container create [0-9a-f]{64} \(a=1, b=2, image=$BUSYBOX:latest, name=box\)\$"
	matches "$(tiffin events --since "$since" --stream=false --no-trunc=false)" ' create [0-9a-f]{12} \('
}

@test "--format json has docker's fields" {
	id=$(tiffin create --name box --label b=2 "$BUSYBOX" true)
	tiffin events --since "$since" --stream=false --format json >"$BATS_TEST_TMPDIR/json"
	same "$(python3 -c 'import json, sys
e = json.load(sys.stdin)
print(e["Type"], e["Action"], e["status"], e["id"] == e["Actor"]["ID"] == sys.argv[1], e["scope"],
      e["Actor"]["Attributes"]["b"], e["timeNano"] // 10**9 == e["time"])' "$id" <"$BATS_TEST_TMPDIR/json")" \
		"container create create True local 2 True"
}

@test "filters: one key any of its values, several keys all of them" {
	a=$(tiffin create --name xa --label l=1 "$BUSYBOX" true)
	tiffin create --name yb --label l=2 "$BUSYBOX" true
	tiffin rm xa yb
	names() { tiffin events --since "$since" --stream=false --format '{{.Name}}' "$@" | tr '\n' ' '; }
	same "$(names)" "xa yb xa yb "
	same "$(names -f container=xa)" "xa xa "
	same "$(names --filter "container=${a:0:12}" -f event=create)" "xa "
	same "$(names -f container=xa -f container=yb -f event=destroy)" "xa yb "
	same "$(names -f label=l)" "xa yb xa yb "
	same "$(names -f label=l=2)" "yb yb "
	same "$(names -f label=l=1 -f label=l=2)" ""
	same "$(names -f image="$BUSYBOX")" "xa yb xa yb "
	same "$(names -f type=image)" ""
	same "$(names -f volume=a)" ""
	fails 125 events --stream=false -f colour=red
	fails 125 events --stream=false --format '{{.Nothing}}' --since "$since"
	contains "$error" "can't evaluate field Nothing"
}

@test "--since and --until limit it, by date and by age" {
	tiffin create --name a "$BUSYBOX" true
	between=$(date +%s.%N)
	tiffin create --name b "$BUSYBOX" true
	names() { tiffin events --format '{{.Name}}' -f event=create "$@" | tail -n 2 | tr '\n' ' '; }
	same "$(names --since "$since" --until "$between")" "a "
	same "$(names --since "$between" --until 0s)" "b "
	same "$(names --since 1h30m --until "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)")" "a b "
	same "$(names --since 1h --until "$(date +%Y-%m-%dT%H:%M:%S.%N%:z)")" "a b "
	same "$(names --until "$since" --since "$since")" ""
	fails 125 events --since yesterday
	contains "$error" "'yesterday' is not a time"
}

@test "without an end it goes on, and begins with what comes" {
	tiffin create --name before "$BUSYBOX" true
	start_tiffin "$BATS_TEST_TMPDIR/out" events --format '{{.Action}} {{.Name}}'
	pid=$!
	# It is there once it has seen anything.
	seen() {
		tiffin tag "$BUSYBOX" probe:1
		[ -s "$BATS_TEST_TMPDIR/out" ]
	}
	wait_for seen
	tiffin rm before
	last() { [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = "remove before" ]; }
	wait_for last
	kill "$pid"
	lacks "$(cat "$BATS_TEST_TMPDIR/out")" create
	tiffin untag "$BUSYBOX" probe:1
}

@test "--until in the future ends then" {
	same "$(tiffin events --since "$since" --until "$(date -d '+1 second' +%s.%N)")" ""
}

@test "what a stranger wrote is shown, not acted on" {
	tiffin create --name box --label l=$'\e[31m\nred' "$BUSYBOX" true
	run tiffin events --since "$since" --stream=false
	same "${#lines[@]}" 1
	lacks "$output" $'\e'
	contains "$output" 'l=\x1b[31m\x0ared'
}

@test "a journal that can't be written stops nothing" {
	rm -f "$TIFFIN_ROOT/events"
	mkdir "$TIFFIN_ROOT/events"
	same "$(tiffin run --rm "$BUSYBOX" echo on)" on
	rmdir "$TIFFIN_ROOT/events"
}
