# ids: any
#
# --format of what prints a row a thing, and of version and info.
load ../lib/common

setup_file() {
	own_store busybox busybox:1 config
	tiffin run --name ended --label b=2 --label a=1 "$BUSYBOX" sh -c 'exit 3' || :
	tiffin run -d --name box -v /usr:/mnt:ro "$BUSYBOX" sleep 1000 >/dev/null
}
teardown_file() { drop_store; }

@test "ps: fields" {
	same "$(tiffin ps --format '{{.Names}} {{.Image}} {{.State}} {{.Command}}')" \
		"box $BUSYBOX:latest running \"sleep 1000\""
	matches "$(tiffin ps --format '{{.ID}}|{{.RunningFor}}|{{.Status}}')" \
		'^[0-9a-f]{12}\|[A-Za-z0-9 ]+ ago\|Up [A-Za-z0-9 ]+$'
	matches "$(tiffin ps --format '{{.CreatedAt}}')" \
		'^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4} [A-Z]+$'
	same "$(tiffin ps -a -f name=ended --format '{{.ExitCode}} {{.Labels}}')" "3 b=2,a=1"
	same "$(tiffin ps --format '{{.Mounts}} {{.Networks}}')" "/usr fast"
}

@test "ps: the ID in full with --no-trunc" {
	same "$(tiffin ps --no-trunc --format '{{.ID}}')" "$(tiffin ps -q --no-trunc)"
	matches "$(tiffin ps --no-trunc --format '{{.ID}}')" '^[0-9a-f]{64}$'
}

@test "ps: a label by its name" {
	same "$(tiffin ps -a --format '{{.Names}}={{.Label "a"}}')" $'box=\nended=1'
}

@test "ps: table has headings, and columns between tabs" {
	run tiffin ps -a --format 'table {{.Names}}\t{{.ID}}\t{{.State}}'
	matches "${lines[0]}" '^NAMES +CONTAINER ID +STATE$'
	matches "${lines[1]}" '^box +[0-9a-f]{12} +running$'
	matches "${lines[2]}" '^ended +[0-9a-f]{12} +exited$'
	run tiffin ps -a --noheading --format 'table {{.Names}}{{"\t"}}{{upper .State}}'
	matches "$output" $'^box +RUNNING\nended +EXITED$'
	run tiffin ps -a --format 'table {{upper .Names}} {{.Label "a"}}'
	matches "${lines[0]}" '^NAMES a$'
	same "$(tiffin ps -a --format table | ageless)" "$(tiffin ps -a | ageless)"
}

# Between two commands a second may pass.
ageless() { sed -E 's/(Less than a second|[0-9]+ (second|minute)s?|About a minute)( ago)?//g; s/ +/ /g'; }

@test "ps: json is an object a line" {
	run tiffin ps -a --format json
	same "${#lines[@]}" 2
	same "$(python3 -c 'import json, sys
for line in sys.stdin: row = json.loads(line); print(row["Names"], row["State"])' <<<"$output")" \
		$'box running\nended exited'
	same "$(ageless <<<"$output")" "$(tiffin ps -a --format '{{json .}}' | ageless)"
}

@test "ps: actions" {
	same "$(tiffin ps -a --format '{{if eq .State "running"}}+{{else}}-{{end}}{{.Names}}')" \
		$'+box\n-ended'
	same "$(tiffin ps -a -f name=ended --format '{{range $i, $l := split .Labels ","}}{{if $i}};{{end}}{{$l}}{{end}}')" \
		'b=2;a=1'
	same "$(tiffin ps --format '{{.Names | upper | printf "%5s|"}}')" '  BOX|'
	same "$(tiffin ps --format '{{.Names}}\t{{.State}}\n')" $'box\trunning'
}

@test "a custom format wins over -q, the table does not" {
	same "$(tiffin ps -q --format '{{.Names}}')" box
	same "$(tiffin ps -q --format table)" "$(tiffin ps -q)"
}

@test "an unknown field is an error" {
	fails 125 ps --format '{{.Nmaes}}'
	contains "$error" "template: ps:1:2:" "can't evaluate field Nmaes in type ps"
	fails 125 ps -f name=no-such-container --format 'table {{.Nmaes}}'
	contains "$error" "can't evaluate field Nmaes"
	fails 125 images --format '{{.Names}}'
	fails 125 version --format '{{.Foo}}'
	fails 125 info --format '{{.Host.Foo}}'
	contains "$error" "can't evaluate field Foo in type Host"
}

@test "a template that is none is an error that says where" {
	fails 125 ps --format '{{.ID'
	contains "$error" "template: ps:1: unclosed action"
	fails 125 ps --format 'a
{{foo}}'
	contains "$error" 'template: ps:2: function "foo" not defined'
	fails 125 images --format '{{if .ID}}'
	contains "$error" "template: images:1: unexpected EOF"
}

@test "images: fields, and a row a name" {
	run tiffin images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
	same "${#lines[@]}" 3
	matches "$output" "$BUSYBOX:1 [0-9a-f]{12}"
	same "$(tiffin images --format '{{.ID}}' "$BUSYBOX:1")" "$(tiffin images -q "$BUSYBOX:1")"
	matches "$(tiffin images --no-trunc --format '{{.ID}}' "$BUSYBOX:1")" '^sha256:[0-9a-f]{64}$'
	matches "$(tiffin images --format '{{.Digest}}|{{.CreatedSince}}|{{.Size}}' "$BUSYBOX:1")" \
		'^sha256:[0-9a-f]{64}\|[0-9A-Za-z ]+ ago\|[0-9.]+[kM]?B$'
	matches "$(tiffin images --format '{{.CreatedAt}}' "$BUSYBOX:1")" '^20[0-9]{2}-.* [+-][0-9]{4} '
}

@test "images: table and json" {
	run tiffin images --format 'table {{.Repository}}\t{{.CreatedSince}}' "$BUSYBOX:1"
	matches "${lines[0]}" '^REPOSITORY +CREATED$'
	same "$(tiffin images --format json "$BUSYBOX:1" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["Tag"])')" 1
}

@test "version: client and server" {
	version=$(tiffin --version | awk '{ print $3 }')
	same "$(tiffin version --format '{{.Client.Version}}')" "$version"
	same "$(tiffin version -f '{{.Server.Version}} {{.Client.Os}}')" "$version linux"
	same "$(tiffin version --format json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["Client"]["Version"])')" "$version"
	contains "$(tiffin version)" "Version:" "$version"
}

@test "info: host and store" {
	same "$(tiffin info --format '{{.Host.Kernel}}')" "$(uname -r)"
	same "$(tiffin info --format '{{.Store.GraphRoot}}')" "$TIFFIN_ROOT"
	same "$(tiffin info --format '{{.Store.GraphDriverName}}')" overlay
	same "$(tiffin info --format '{{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Running}} {{.Store.ImageStore.Number}}')" \
		"2 1 2"
	same "$(tiffin info --format '{{.Host.Security.Rootless}}')" true
	same "$(tiffin info --format '{{(index .Host.IDMappings.UIDMap 0).host_id}}')" "$(id -u)"
	same "$(tiffin info --format json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["host"]["cpus"] > 0)')" True
	contains "$(tiffin info)" "host:" "  kernel: $(uname -r)" "  graphRoot: $TIFFIN_ROOT"
}

@test "what a stranger wrote is escaped in a table" {
	tiffin run --rm -d --name told --label l=$'\e[31mred\tx' "$BUSYBOX" sleep 1000 >/dev/null
	run tiffin ps -f name=told --noheading --format 'table {{.Labels}}\t{{.Names}}'
	lacks "$output" $'\e'
	matches "$output" '^l=\\x1b\[31mred\\x09x +told$'
	run tiffin ps -f name=told --noheading --format 'table {{.Label "l"}}\t{{.Names}}'
	matches "$output" '^\\x1b\[31mred\\x09x +told$'
	same "$(tiffin ps -f name=told --format '{{.Labels}}')" $'l=\e[31mred\tx'
	tiffin rm -f told
}
