# shellcheck shell=sh
# Sourced. as_root COMMAND…: runs it as root: directly, or through sudo.

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "Error: '$1' needs root: run this as root, or install sudo" >&2
		return 1
	fi
}

# True where as_root can work without asking anybody.
can_be_root() {
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}
