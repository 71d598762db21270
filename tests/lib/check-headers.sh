#!/bin/sh
# check-headers.sh COMPILER FLAG…: compiles each header alone, twice included.
set -eu
cd "$(dirname "$0")/../.."

bad=0
for header in base/*.h storage/*.h image/*.h runtime/*.h net/*.h net/glib/*.h cmd/*.h tests/unit/*.h; do
	[ -e "$header" ] || continue
	# A header may define what one file of many uses.
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"$@" -Wno-unused-function -Wno-unused-variable -fsyntax-only -x c - || {
		echo "Error: '$header' does not compile alone" >&2
		bad=1
	}
done
exit $bad
