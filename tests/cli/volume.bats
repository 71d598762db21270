# ids: any
# The commands on volumes; what containers do with them is in volumes.bats.
load ../lib/common

setup_file() { own_store busybox; }
teardown() {
	remove_containers
	tiffin volume rm -f --all >/dev/null 2>&1 || :
	# Whatever happened, nothing is left of it.
	is_empty "$TIFFIN_ROOT/volumes"
	nothing_staged
}
teardown_file() { drop_store; }

@test "create, ls, inspect, exists, rm" {
	same "$(tiffin volume create --label a=b -l c -l a=d first)" first
	same "$(tiffin volume create second)" second
	same "$(tiffin volume ls)" $'DRIVER   VOLUME NAME\nlocal    first\nlocal    second'
	same "$(tiffin volume list -q)" $'first\nsecond'
	tiffin volume exists first
	run tiffin volume exists firs
	same "$status$output" 1
	same "$(tiffin volume inspect --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}} {{json .Labels}} {{json .Options}} {{.Anonymous}}' first)" \
		"first local local $TIFFIN_ROOT/volumes/first/_data {\"a\":\"d\",\"c\":\"\"} {} false"
	matches "$(tiffin volume inspect -f '{{.CreatedAt}}' first)" '^20[0-9-]*T[0-9:.]*Z$'
	same "$(tiffin inspect --format '{{.Name}}' second)" second
	same "$(tiffin inspect --type volume --format json second)" "$(tiffin volume inspect -f json second)"
	test -d "$(tiffin volume inspect -f '{{.Mountpoint}}' second)"
	same "$(tiffin volume rm first)" first
	same "$(tiffin volume remove second)" second
	same "$(tiffin volume ls -q)" ""
}

@test "a name that is taken, that is none, that nobody has" {
	tiffin volume create here
	fails 125 volume create here
	same "$error" "Error: volume with name here already exists: volume already exists"
	same "$(tiffin volume create --ignore here)" here
	for name in a/b -x .x '' ../x; do
		fails 125 volume create -- "$name"
		contains "$error" "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
	done
	fails 1 volume rm nope
	same "$error" 'Error: no volume with name "nope" found: no such volume'
	same "$(tiffin volume rm -f nope)" ""
	run --separate-stderr tiffin volume inspect here nope
	same "$status$stderr" '125Error: no volume with name "nope" found: no such volume'
	contains "$output" '"Name": "here"'
	fails 1 volume rm ../volumes/here
	fails 1 volume rm her
	fails 125 volume rm
	fails 125 volume rm --all here
	tiffin volume exists here
}

@test "one without a name is found by its first digits" {
	id=$(tiffin volume create)
	matches "$id" '^[0-9a-f]{64}$'
	same "$(tiffin volume inspect -f '{{.Name}}' "${id:0:10}")" "$id"
	same "$(tiffin volume rm "${id:0:10}")" "${id:0:10}"
	run tiffin volume exists "$id"
	same "$status" 1
}

@test "of the driver's options there is a directory of the host's; what takes root is refused" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	tiffin volume create -o type=none -o o=bind -o device="$BATS_TEST_TMPDIR/dir" bound
	same "$(tiffin volume inspect -f '{{.Mountpoint}} {{index .Options "o"}}' bound)" "$BATS_TEST_TMPDIR/dir bind"
	touch "$BATS_TEST_TMPDIR/dir/kept"
	tiffin volume rm bound
	test -e "$BATS_TEST_TMPDIR/dir/kept"
	while read -r part options; do
		# shellcheck disable=SC2086
		fails 125 volume create $options x
		contains "$error" "${part//_/ }"
	done <<-'END'
		plugin --driver nfs
		invalid_mount_option_nope_for_driver_'local' -o nope=1
		belongs_to_one_container -o type=tmpfs -o device=tmpfs
		takes_root_to_mount -o type=nfs -o device=:/x
		quota -o o=size=10m
		'device=/dir' -o o=bind
		'o=bind' -o device=/tmp
		absolute -o o=bind -o device=tmp
	END
	same "$(tiffin volume ls -q)" ""
}

@test "ls: filters, formats" {
	tiffin volume create --label a=1 --label b one
	tiffin volume create --label a=2 two
	tiffin volume create three
	names() { tiffin volume ls -q "$@" | tr '\n' ' '; }
	same "$(names -f name=t)" "three two "
	same "$(names -f name=^o -f name=w)" "one two "
	same "$(names --filter label=a)" "one two "
	same "$(names --filter label=a=1 --filter label=b)" "one "
	same "$(names --filter label=a=1 --filter label=a=2)" ""
	same "$(names --filter label!=a)" "three "
	same "$(names --filter driver=local --filter scope=local --filter name=three)" "three "
	same "$(names --filter driver=other)" ""
	same "$(names --filter since=one)" "three two "
	same "$(names --filter until=0s)" "one three two "
	same "$(names --filter until=1h)" ""
	same "$(names --filter dangling=true)" "one three two "
	same "$(names --filter anonymous=true)" ""
	fails 125 volume ls -f nope=1
	same "$error" 'Error: "nope" is an invalid volume filter'
	fails 125 volume ls -f dangling=maybe
	fails 125 volume ls -f since=nobody
	contains "$error" "no such volume"
	same "$(tiffin volume ls --format '{{.Name}} {{.Labels}} {{.Label "a"}}' -f name=one)" "one a=1,b= 1"
	same "$(tiffin volume ls --noheading -f name=two)" "local   two"
	contains "$(tiffin volume ls --format json)" '"Name":"two"'
}

@test "prune: nobody's, with a name only where that is said" {
	tiffin volume create kept
	anonymous=$(tiffin volume create)
	same "$(tiffin volume prune -f)" "Total reclaimed space: 0B"
	run --separate-stderr tiffin volume prune <<<n
	same "$status$output" 0
	contains "$stderr" "WARNING! This will remove anonymous volumes not used by at least one container."
	run --separate-stderr tiffin volume prune --all <<<n
	contains "$stderr" "WARNING! This will remove all volumes"
	echo 12345 >"$(tiffin volume inspect -f '{{.Mountpoint}}' kept)/file"
	same "$(tiffin volume prune -f -a --filter label=x)" "Total reclaimed space: 0B"
	contains "$(tiffin volume prune -f --filter all=true)" kept "$anonymous" "Total reclaimed space: 6B"
	fails 125 volume prune -f --filter nope=1
}

@test "events tell of them" {
	since=$(date +%s.%N)
	tiffin volume create told
	tiffin volume rm told
	tiffin volume prune -f
	same "$(tiffin events --since "$since" --stream=false -f type=volume --format '{{.Type}} {{.Action}} {{.Name}}')" \
		$'volume create told\nvolume remove told\nvolume prune '
}
