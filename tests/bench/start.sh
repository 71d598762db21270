#!/bin/bash
# start.sh BUILD: what containers cost beside podman's, as the same unprivileged user, in Markdown
# tables of medians and ratios:
#
#	from the prompt to the end of a container, beside bubblewrap and the floor (floor.c), too;
#	exec; ps with 100 containers that run; 40 containers, four at a time: by hyperfine;
#	the memory (PSS) of a detached container besides its own processes: of one that is alone, and of
#	each of eight. Only root may read it.
#
# RUNS=N (50): measured runs of each; a tenth as many of 40 containers.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench.sh
. "$here/bench.sh"

#--- as the unprivileged user: "$0" inside WORK --------------------------------------------------

names=() commands=()

add() { # add NAME COMMAND: is measured if it works
	local log
	if log=$(sh -c "$2" 2>&1 </dev/null); then
		names+=("$1") commands+=("$2")
	else
		printf 'not measured: %s: %s\n' "$1" "$(tail -n 1 <<<"$log")" >&2
	fi
}

podman_works_with() { # the first set of options with which podman can run here
	local options
	for options in "" "--cgroup-manager=cgroupfs" "--cgroups=disabled"; do
		case $options in
		--cgroups=*) run_options="$options" global= ;;
		*) run_options='' global="$options" ;;
		esac
		podman="podman --root $work/podman --runroot $work/podman-run --events-backend=file $global"
		# shellcheck disable=SC2086
		if $podman run $run_options --rm --pull=never "$image" true 2>/dev/null </dev/null; then
			return 0
		fi
	done
	return 1
}

prepare() {
	"$tiffin" pull -q "$image" >/dev/null
	podman pull -q --tls-verify=false --root "$work/podman" --runroot "$work/podman-run" \
		"$image" >/dev/null 2>&1 </dev/null || :
	podman_works_with || run_options='' podman='podman'
	mkdir -p "$work/rootfs" "$work/scratch"
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lib python3 -c \
		'import sys, images; sys.stdout.buffer.write(images.busybox_layer())' |
		unshare --map-root-user --map-auto tar -x -C "$work/rootfs"
}

# Runs all that was added, in turn. Prints a table; its last columns are ratios to the ones named.
compare() { # compare TITLE RUNS REFERENCE…
	local title=$1 runs=$2
	shift 2
	hyperfine --shell=none --warmup $((runs / 10 + 1)) --runs "$runs" --style none \
		--export-json "$work/result.json" "${commands[@]}" >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		return 1
	}
	printf '| %s | median ms | min | max |' "$title"
	printf ' of %s |' "$@"
	printf '\n|---|---|---|---|%s\n' "$(printf -- '---|%.0s' "$@")"
	jq -r --arg references "$(printf '%s\n' "$@")" --args '
		[.results, $ARGS.positional] | transpose
		| map({name: .[1], median: .[0].median, min: .[0].min, max: .[0].max}) as $rows
		| ($rows | map({(.name): .median}) | add) as $medians
		| def ms: . * 100000 | round / 100;
		  def ratio($to): if $to then (. / $to * 100 | round / 100 | tostring) + "x" else "-" end;
		  $rows[]
		| "| \(.name) | \(.median | ms) | \(.min | ms) | \(.max | ms) | "
		  + (.median as $m | $references | split("\n")
		     | map(. as $r | $m | ratio($medians[$r]) + " |") | join(" "))
		' "${names[@]}" <"$work/result.json"
	echo
	names=() commands=()
}

both() { # both TIFFIN’S PODMAN’S: adds what each is to do
	add tiffin "$tiffin $1"
	add podman "$podman $2"
}

measure_start() {
	local bwrap="bwrap --unshare-all --bind $work/rootfs / --proc /proc --dev /dev --tmpfs /dev/shm"
	add 'floor' "$floor $work/rootfs $work/scratch /bin/true"
	add 'bubblewrap' "$bwrap /bin/true"
	add 'tiffin' "$tiffin run --rm $image true"
	add 'tiffin --network none' "$tiffin run --rm --network none $image true"
	add 'podman' "$podman run $run_options --rm $image true"
	add 'podman --network none' "$podman run $run_options --rm --network none $image true"
	compare 'start and end of busybox true' "$RUNS" floor bubblewrap tiffin
}

# hold N [OPTION…]: containers that only wait, of both. Their IDs are in $work/tiffin-held and
# podman-held.
hold() {
	local n=$1
	shift
	for _ in $(seq "$n"); do
		"$tiffin" run -d "$@" "$image" sleep 10000
	done >"$work/tiffin-held" </dev/null
	# shellcheck disable=SC2086
	for _ in $(seq "$n"); do
		$podman run $run_options -d "$@" "$image" sleep 10000 2>/dev/null || break
	done >"$work/podman-held" </dev/null
}

let_go() {
	xargs -r "$tiffin" rm -f -t 0 <"$work/tiffin-held" >/dev/null
	# shellcheck disable=SC2086
	xargs -r $podman rm -f -t 0 <"$work/podman-held" >/dev/null 2>&1 || :
}

measure_others() {
	hold 1
	both "exec $(cat "$work/tiffin-held") true" "exec $(cat "$work/podman-held") true"
	compare 'exec of true in a container that runs' "$RUNS" tiffin
	let_go
	hold 100 --network none
	both ps ps
	compare "ps with $(wc -l <"$work/tiffin-held") containers" "$RUNS" tiffin
	let_go
	seq 40 >"$work/forty"
	both "run --rm $image true" "run $run_options --rm $image true"
	commands=("${commands[@]/#/xargs -a $work/forty -P 4 -n 1 }")
	compare '40 containers, four at a time' $(((RUNS + 9) / 10)) tiffin
}

end_podman() { # the process that podman leaves to hold its user namespace
	local file=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	[ ! -e "$file" ] || kill -9 "$(cat "$file")"
}

# as-user WORK TIFFIN FLOOR IMAGE PART: PART is tables, hold:N or let-go
if [ "${1:-}" = as-user ]; then
	work=$2 tiffin=$3 floor=$4 image=$5
	export TIFFIN_ROOT=$work/store
	case $6 in
	tables)
		prepare
		machine "$tiffin" "$work" "$(podman --version)" "$(crun --version | head -n 1)" \
			"$(bwrap --version)" "$(slirp4netns --version | head -n 1)"
		echo "podman ran with: ${podman#podman } $run_options" | sed "s|$work|…|g"
		echo
		measure_start
		measure_others
		declare -p podman run_options >"$work/podman-options"
		;;
	hold:*)
		. "$work/podman-options"
		hold "${6#*:}"
		xargs "$tiffin" inspect --format '{{.State.Pid}}' <"$work/tiffin-held" >"$work/tiffin-pids"
		;;
	let-go)
		. "$work/podman-options"
		let_go
		;;
	end)
		end_podman
		;;
	esac
	exit 0
fi

#--- as the caller ---------------------------------------------------------------------------------

clean_up_more() {
	[ ! -e "$work/user/podman-options" ] || { as_caller let-go && as_caller end; } || :
}
bench_set_up "$1"
install -m 755 "$1/bench/floor" "$work/prefix/bin/floor"
"$lib/images.sh" "$registry" busybox
as_caller() { # as_caller PART
	as_user RUNS="${RUNS:-50}" bash "$work/tests/bench/start.sh" as-user "$work/user" \
		"$work/prefix/bin/tiffin" "$work/prefix/bin/floor" "$registry/busybox" "$1"
}

beside_tiffin() { # the processes that stay for the containers whose first ones are in tiffin-pids
	local first monitor
	while read -r first; do
		monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$first/status")
		echo "$monitor"
		tr ' ' '\n' <"/proc/$monitor/task/$monitor/children" | grep -vx "$first"
	done <"$work/user/tiffin-pids"
}

beside_podman() { # those that name our directories, but for what is one for all of them
	pgrep -f "conmon.*$work/user" || :
	pgrep -f "slirp4netns.*$runtime" || :
}

kilobytes() { # kilobytes N PID…: of memory, for each of N
	local n=$1 pid total=0
	shift
	for pid in "$@"; do
		total=$((total + $(awk '$1 == "Pss:" { print $2 }' "/proc/$pid/smaps_rollup")))
	done
	echo $((total / n))
}

memory() {
	local n of_tiffin of_podman
	echo '| memory besides its own processes | tiffin KB | podman KB | podman of tiffin |'
	echo '|---|---|---|---|'
	for n in 1 8; do
		as_caller "hold:$n"
		sleep 2 # what is let go of once they have settled
		# shellcheck disable=SC2046 # lists of numbers
		of_tiffin=$(kilobytes "$n" $(beside_tiffin)) of_podman=$(kilobytes "$n" $(beside_podman))
		printf '| of each of %s | %s | %s | %sx |\n' "$n" "$of_tiffin" "$of_podman" \
			"$(jq -n "$of_podman / $of_tiffin * 100 | round / 100")"
		as_caller let-go
	done
}

as_caller tables
if [ "$kind" = root ]; then
	memory
else
	echo "not measured: memory: only root may read what tiffin-net has" >&2
fi
