#!/bin/sh
# tar_seeds.sh DIRECTORY: one small tree in each dialect that GNU tar writes, for fuzz_tar to begin with.
set -eu
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir d
printf x >a
truncate -s 100K a
printf y >>a
ln a b
ln -s a l
mkfifo f
touch d/.wh.x
echo long >"d/$(printf '%0120d' 0)"

seed() { # seed NAME OPTION… -- FILE…
	name=$1
	shift
	tar -c -b1 --owner=0 --group=0 --mtime=@1000 --sort=name -f "$out/$name" "$@"
}
seed gnu --format=gnu -S .
for version in 0.0 0.1 1.0; do
	seed "pax-$version" --format=posix -S --sparse-version="$version" .
done
seed ustar --format=ustar l d/.wh.x f
seed v7 --format=v7 l d/.wh.x
