#!/bin/sh
# Proves that each module includes only what STYLE's direction lets it use, and that every include
# of ours names its folder.
set -eu
cd "$(dirname "$0")/../.."

may_use() {
	case $1 in
	base) echo base ;;
	storage) echo storage base ;;
	image) echo image storage base ;;
	runtime) echo runtime base ;;
	net) echo net base ;;
	cmd) echo cmd image storage runtime net base ;;
	esac
}

bad=0
for module in base storage image runtime net cmd; do
	allowed=$(may_use "$module" | tr ' ' '|')
	# What is generated at build time (gen/) is included by its bare name.
	found=$(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$module" |
		grep -vE "\"($allowed)/[^\"]+\"|\"(profile|execute-program|keeper-program)\.h\"" || :)
	if [ -n "$found" ]; then
		echo "$found" >&2
		echo "Error: $module may include only: $(may_use "$module")" >&2
		bad=1
	fi
done
exit $bad
