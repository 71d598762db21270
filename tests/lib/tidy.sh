#!/bin/bash
# tidy.sh clang-tidy|cppcheck SOURCE… -- FLAG…: checks the sources; any finding is a failure.
set -eu
cd "$(dirname "$0")/../.."

tool=$1
shift
sources=()
while [ "$1" != -- ]; do
	sources+=("$1")
	shift
done
shift
jobs=$(nproc)

check_one() { # check_one SOURCE FLAG…
	local source=$1 hints=(-include tests/lib/tidy.h)
	shift
	# It defines what the hints make macros of.
	[ "$source" != base/err.c ] || hints=()
	# How many warnings there were in system headers is of no interest.
	clang-tidy --quiet "$source" -- "$@" "${hints[@]}" 2>&1 | { grep -v ' warnings\? generated\.$' || :; }
	return "${PIPESTATUS[0]}"
}

case $tool in
clang-tidy)
	export -f check_one
	printf '%s\0' "${sources[@]}" |
		xargs -0 -P "$jobs" -I '{}' bash -c 'check_one "$@"' bash '{}' "$@"
	;;
cppcheck)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=tests/lib/cppcheck.supp --include=tests/lib/cppcheck.h \
		--error-exitcode=1 -D__GNUC__ -D_GNU_SOURCE "-D__$(uname -m)__" -j "$jobs" \
		"$@" "${sources[@]}"
	;;
esac
