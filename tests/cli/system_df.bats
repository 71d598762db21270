# ids: any
#
# system df: what images, containers and volumes take on the disk.
load ../lib/common

setup_file() { own_store busybox layers; }
teardown_file() { drop_store; }
teardown() { remove_containers; }

field() { # field TYPE FIELD
	tiffin system df --format "{{.Type}}: {{.$2}}" | sed -n "s/^$1: //p"
}

# What du says, as who may look into all.
on_disk() { # on_disk PATTERN
	local enter=()
	[ "$TIFFIN_TEST_IDS" != range ] || enter=(unshare --user --map-root-user --map-auto)
	# As single it has no powers over what is closed: as root of a namespace of one it has.
	[ "$TIFFIN_TEST_IDS" != single ] || enter=(unshare --user --map-root-user)
	"${enter[@]}" sh -c "cd \"\$1\" && du -sc --block-size=1 $1" sh "$TIFFIN_ROOT" | tail -n 1 | cut -f1
}

# Within a block for each file of several names, once what was written is on the disk, where it takes what it takes.
as_on_disk() { # as_on_disk TYPE PATTERN
	local got want
	is_close() {
		sync -f "$TIFFIN_ROOT"
		got=$(field "$1" RawSize) want=$(on_disk "$2")
		[ $((got - want)) -lt 4096 ] && [ $((want - got)) -lt 4096 ]
	}
	wait_for is_close "$@" || same "$got" "about $want"
}

@test "a table, and its rows by template and as JSON" {
	run tiffin system df
	matches "${lines[0]}" '^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE *$'
	matches "${lines[1]}" '^Images +2 +0 +[0-9.]+MB +[0-9.]+MB \(100%\) *$'
	matches "${lines[2]}" '^Containers +0 +0 +0B +0B \(0%\) *$'
	matches "${lines[3]}" '^Local Volumes +0 +0 +0B +0B \(0%\) *$'
	same "$(tiffin system df --format json | jq -r '.Type + " " + (.TotalCount | tostring)')" \
		$'Images 2\nContainers 0\nLocal Volumes 0'
	fails 125 system df -v --format json
	contains "$error" "cannot combine --format and --verbose flags"
}

@test "a layer that several images have counts once" {
	as_on_disk Images 'layers/* images/[0-9a-f]*[0-9a-f][0-9a-f]/'
	run tiffin system df -v
	contains "$output" "Images space usage:" "Containers space usage:" "Local Volumes space usage:" "SHARED SIZE"
	matches "$(grep /busybox <<<"$output")" ' latest +[0-9a-f]{12} .* ago +[0-9.]+MB +[0-9.]+MB +[0-9.]+kB +0 *$'
}

@test "what containers' images have is not to be reclaimed" {
	tiffin create --name one "$BUSYBOX" true
	same "$(field Images Active) $(field Containers Total) $(field Containers Active)" "1 1 0"
	[ "$(field Images RawReclaimable)" -gt 0 ]
	[ "$(field Images RawReclaimable)" -lt $(($(field Images RawSize) / 2)) ]
	tiffin create --name two "$REGISTRY/layers" true
	same "$(field Images RawReclaimable)" 0
}

@test "what containers wrote counts, closed directories too, and what runs is not to be reclaimed" {
	tiffin run --name one "$BUSYBOX" sh -c 'mkdir -m 0 /closed; dd if=/dev/zero of=/closed/x bs=1M count=3 2>/dev/null'
	as_on_disk Containers 'containers/*'
	[ "$(field Containers RawSize)" -gt 3145728 ]
	same "$(field Containers RawReclaimable)" "$(field Containers RawSize)"
	tiffin run -d --name two "$BUSYBOX" sleep 1000
	same "$(field Containers Active)" 1
	[ "$(field Containers RawReclaimable)" -lt "$(field Containers RawSize)" ]
	matches "$(tiffin system df -v | grep ' two *$')" '"sleep 1000" +0 +[0-9.]+kB .* running +two'
}

@test "volumes count" {
	tiffin volume create data
	dd if=/dev/zero of="$TIFFIN_ROOT/volumes/data/_data/x" bs=1M count=2 status=none
	same "$(field 'Local Volumes' Total) $(field 'Local Volumes' Active)" "1 0"
	[ "$(field 'Local Volumes' RawReclaimable)" -gt 2097152 ]
	matches "$(tiffin system df -v | tail -n 1)" '^data +0 +2.11MB'
	tiffin volume rm data
}
