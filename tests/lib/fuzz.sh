#!/bin/bash
# fuzz.sh PROGRAMS SECONDS [WHAT…]: runs the fuzz targets in that directory, or those named, each for so
# long, one after the other. A line each; exit status 1: one had a finding, which is shown, and is kept
# in FUZZ_OUT (a directory; ./fuzz-findings by default).
#
# They work on copies of their corpora, in a directory that goes in the end. FUZZ_CORPORA names one
# that stays, so that a later run takes up where this one stopped.
set -eu

programs=$(cd "$1" && pwd)
seconds=$2
shift 2
here=$(cd "$(dirname "$0")/../fuzz" && pwd)
out=${FUZZ_OUT:-fuzz-findings}
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/tiffin-fuzz.XXXXXX")
# What a target leaves may be closed to its owner.
trap 'chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
corpora=${FUZZ_CORPORA:-$scratch/corpora}

run_one() {
	local what=$1 corpus=$corpora/$1 tmp=$scratch/$1
	mkdir -p "$corpus" "$tmp" "$out"
	[ ! -d "$here/corpus/$what" ] || cp -f "$here/corpus/$what"/* "$corpus/"
	[ "$what" != tar ] || sh "$here/tar_seeds.sh" "$corpus"
	local dict=()
	[ ! -e "$here/$what.dict" ] || dict=(-dict="$here/$what.dict")
	# First what is known, all of it; then what is new.
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 TMPDIR=$tmp \
		"$programs/fuzz_$what" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=1500 \
		-max_len=16384 -artifact_prefix="$out/$what-" -print_final_stats=1 "${dict[@]}" "$corpus" \
		>"$scratch/log" 2>&1 </dev/null || {
		tail -n 40 "$scratch/log"
		echo "not ok - fuzz: $what"
		return 1
	}
	echo "ok - fuzz: $what: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log") inputs"
}

if [ $# -eq 0 ]; then
	set -- "$programs"/fuzz_*
fi
status=0
for what in "$@"; do
	what=${what##*/fuzz_}
	[ -n "${what##*.*}" ] || continue
	run_one "$what" || status=1
done
rmdir "$out" 2>/dev/null || :
exit "$status"
