#!/bin/sh
# A registry on loopback, Debian's docker-registry, for as long as it is wanted.
#
#	registry.sh start DIRECTORY [MORE]
#					starts it with its storage, log and pid there, and MORE in its
#					configuration; waits until it answers; prints localhost:PORT
#	registry.sh stop DIRECTORY	stops that very process
set -eu

# One that the kernel gives nobody who asks for any.
free_port() {
	python3 -c 'import random, socket
while True:
    port = random.randrange(10000, 20000)
    try:
        socket.socket().bind(("127.0.0.1", port))
        print(port)
        break
    except OSError:
        pass'
}

write_config() {
	cat >"$1/config.yml" <<-END
		version: 0.1
		log: {level: warn, accesslog: {disabled: true}}
		storage:
		  filesystem: {rootdirectory: $1/storage}
		  delete: {enabled: true}
		http: {addr: 127.0.0.1:$2}
		$3
	END
}

answers() {
	for _ in $(seq 600); do
		# With "401" as well, where it wants a password.
		kill -0 "$1" 2>/dev/null || return 1
		curl -sS -o /dev/null "http://127.0.0.1:$2/v2/" 2>/dev/null && kill -0 "$1" && return 0
		sleep 0.1
	done
	return 1
}

start() {
	mkdir -p "$1/storage"
	# Between the choice of a port and its use somebody else may take it.
	for _ in 1 2 3; do
		port=$(free_port)
		write_config "$1" "$port" "$2"
		OTEL_TRACES_EXPORTER=none docker-registry serve "$1/config.yml" \
			</dev/null >"$1/log" 2>&1 &
		pid=$!
		if answers "$pid" "$port"; then
			echo "$pid" >"$1/pid"
			echo "localhost:$port"
			return 0
		fi
		kill "$pid" 2>/dev/null || :
	done
	cat "$1/log" >&2
	echo "Error: cannot start docker-registry" >&2
	return 1
}

stop() {
	[ -e "$1/pid" ] || return 0
	pid=$(cat "$1/pid")
	rm -f "$1/pid"
	case $(readlink "/proc/$pid/exe" 2>/dev/null) in
	*/docker-registry) kill "$pid" ;;
	esac
}

case $1 in
start) start "$2" "${3:-}" ;;
stop) stop "$2" ;;
*)
	echo "Error: no such command: '$1'" >&2
	exit 1
	;;
esac
