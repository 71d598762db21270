#!/bin/sh
# The unprivileged users that the tests run as.
#
#	user.sh setup		root only: makes them where there are none
#	user.sh kind		who this caller is: root, range or single (a user with or without
#				subordinate IDs)
#	user.sh run WHO [NAME=VALUE…] COMMAND…
#				runs it as WHO with a clean environment, in WHO's home directory
#
# WHO is range (tiffin-test: has subordinate IDs) or single (tiffin-nosub: has none) for root; a
# user's own tests run as that user, whose kind must be WHO. Nothing but NAME=VALUE is passed on.
# XDG_RUNTIME_DIR is the caller's to make and to name.
set -eu

RANGED=tiffin-test
NOSUB=tiffin-nosub

make_user() {
	if ! id "$1" >/dev/null 2>&1; then
		# No range from useradd: ours is given below, and the other user must have none.
		useradd --create-home --shell /bin/sh -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$1"
	fi
	install -d -o "$1" -g "$1" -m 700 "$(home_of "$1")"
}

home_of() {
	getent passwd "$1" | cut -d: -f6
}

# The first ID from which 65536 are free in the file: above all that is given.
first_free() {
	awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' "$1"
}

give_range() {
	for file in /etc/subuid /etc/subgid; do
		touch "$file"
		grep -q "^$1:" "$file" || echo "$1:$(first_free "$file"):65536" >>"$file"
	done
}

take_range() {
	sed -i "/^$1:/d" /etc/subuid /etc/subgid
}

setup() {
	make_user "$RANGED"
	# A supplementary group, for --group-add keep-groups.
	usermod --append --groups games "$RANGED"
	give_range "$RANGED"
	make_user "$NOSUB"
	take_range "$NOSUB"
}

has_range() {
	name=$(id -un)
	command -v newuidmap >/dev/null && grep -Eq "^($name|$(id -u)):" /etc/subuid &&
		grep -Eq "^($name|$(id -u)):" /etc/subgid
}

kind() {
	if [ "$(id -u)" = 0 ]; then
		echo root
	elif has_range; then
		echo range
	else
		echo single
	fi
}

run() {
	who=$1
	shift
	case $(kind):$who in
	root:range) name=$RANGED drop="setpriv --reuid $RANGED --regid $RANGED --init-groups" ;;
	root:single) name=$NOSUB drop="setpriv --reuid $NOSUB --regid $NOSUB --init-groups" ;;
	range:range | single:single) name=$(id -un) drop= ;;
	*)
		echo "Error: $(id -un) cannot run as '$who'" >&2
		exit 1
		;;
	esac
	home=$(home_of "$name")
	cd "$home"
	# shellcheck disable=SC2086 # words of a command
	exec $drop env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME="$home" \
		USER="$name" LOGNAME="$name" SHELL=/bin/sh LANG=C.UTF-8 TERM="${TERM:-dumb}" "$@"
}

command=$1
shift
case $command in
setup | kind | run) "$command" "$@" ;;
name) [ "$1" = range ] && echo "$RANGED" || echo "$NOSUB" ;;
*)
	echo "Error: no such command: '$command'" >&2
	exit 1
	;;
esac
