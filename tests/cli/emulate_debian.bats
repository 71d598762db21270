# ids: single
#
# Debian as it is, where one ID is mapped: packages are installed with all that their scripts do, daemons
# change users, postgres knows who asks.
load ../lib/common

setup_file() {
	[ -n "$TIFFIN_TEST_DEBIAN" ] || skip "debian:bookworm could not be made"
	own_store debian:bookworm
	tiffin run -d --name programs "$REGISTRY/debian:bookworm" sleep 100000
	supervisor >"$BATS_FILE_TMPDIR/supervisor"
	tiffin exec programs apt-get -q update >"$BATS_FILE_TMPDIR/apt" 2>&1
	# Longer than tiffin() lets one take.
	DEBIAN_FRONTEND=noninteractive timeout 800 "$TIFFIN" exec --env DEBIAN_FRONTEND programs apt-get install \
		-q -y nginx-light postgresql python3-pip redis-server sudo >>"$BATS_FILE_TMPDIR/apt" 2>&1 3>&- 4>&- || {
		tail -n 20 "$BATS_FILE_TMPDIR/apt" >&2
		return 1
	}
}
teardown_file() { drop_store; }

DEBIAN=$REGISTRY/debian:bookworm

supervisor() { pgrep -P "$(monitor_of programs)" -x tiffin-calls; }

inside() { # inside SCRIPT
	tiffin exec programs bash -c "
		soon() { for _ in {1..1000}; do \"\$@\" >/dev/null 2>&1 && return; sleep 0.1; done; \"\$@\"; }
		$1"
}

@test "apt drops its rights to _apt, and says nothing of failing" {
	contains "$(cat "$BATS_FILE_TMPDIR/apt")" "Setting up postgresql-15" "Setting up python3-pip" "Setting up nginx-light"
	lacks "$(cat "$BATS_FILE_TMPDIR/apt")" "W: " "E: " "unsandboxed" "Operation not permitted" "error processing"
	same "$(inside 'dpkg --audit; apt-get check -qq; dpkg-query -W -f "\${Status}\n" | sort -u')" "install ok installed"
}

@test "files have the owners that packages give them" {
	same "$(inside 'stat -c "%U:%G %a" /var/mail /etc/shadow /var/lib/postgresql /var/log/postgresql /var/lib/redis /etc/redis/redis.conf')" \
		'root:mail 2775
root:shadow 640
postgres:postgres 755
root:postgres 1775
redis:redis 750
redis:redis 640'
}

@test "users are made, and programs run as them" {
	same "$(inside 'useradd -m somebody && su somebody -c "id -un; cd; pwd; touch mine; stat -c %U:%G . mine"')" \
		$'somebody\n/home/somebody\nsomebody:somebody\nsomebody:somebody'
	same "$(inside 'su -s /bin/sh nobody -c id')" 'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)'
	same "$(inside 'sudo -u www-data id -un')" www-data
	same "$(inside 'setpriv --reuid redis --regid redis --init-groups id')" \
		"$(inside 'id redis')"
}

@test "who has become another does not become root again" {
	same "$(inside 'setpriv --reuid 33 --regid 33 --clear-groups perl -e "\$< = \$> = 0; print qq(\$<,\$>\n)"')" 33,33
	run inside 'su -s /bin/sh www-data -c "sudo -n true"'
	[ "$status" -ne 0 ]
	run inside 'su -s /bin/sh nobody -c "chown nobody /etc/passwd"'
	contains "$output" "Operation not permitted"
}

@test "nginx answers, its workers are www-data" {
	same "$(inside 'nginx || exit; exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; head -n 1 <&3
		stat -c %U /var/lib/nginx/body')" $'HTTP/1.1 200 OK\r\nwww-data'
}

@test "redis keeps what it is given, as its own user" {
	same "$(inside 'cd /var/lib/redis && setpriv --reuid redis --regid redis --init-groups \
			redis-server --daemonize yes --dir /var/lib/redis >/dev/null || exit
		soon redis-cli ping; redis-cli set lunch box; redis-cli get lunch; redis-cli save
		stat -c %U:%G /var/lib/redis/dump.rdb; redis-cli shutdown')" $'OK\nbox\nOK\nredis:redis'
}

# It refuses to run as root, wants its data to be its own, and knows who connects by SO_PEERCRED.
@test "postgres: a cluster is made, started and asked by its user and by no other, stopped" {
	same "$(inside 'pg_dropcluster 15 main; pg_createcluster 15 main >/dev/null
		pg_ctlcluster 15 main start || { cat /var/log/postgresql/*; exit 1; }
		soon su postgres -c "psql -l"
		su postgres -c "psql -qtAc \"create table t as select generate_series(1, 1000) as n\""
		setpriv --reuid postgres --regid postgres --init-groups psql -tAc "select sum(n) from t"
		stat -c %U:%G /var/lib/postgresql/15/main/base /var/run/postgresql/.s.PGSQL.5432
		su -s /bin/sh www-data -c "psql -l postgres" 2>&1 | grep -o "role .*"
		su -s /bin/sh www-data -c "psql -U postgres -l" 2>&1 | grep -o "Peer authentication .*"
		psql -l 2>&1 | grep -o "role .*"
		pg_ctlcluster 15 main stop && pg_lsclusters -h | grep -c down')" \
		'500500
postgres:postgres
postgres:postgres
role "www-data" does not exist
Peer authentication failed for user "postgres"
role "root" does not exist
1'
}

@test "pip makes an environment and says what is in it" {
	contains "$(inside 'pip3 --version; python3 -m pip list 2>/dev/null')" "pip 23" "setuptools"
}

@test "what was installed starts from an image of it, with the owners" {
	timeout 300 "$TIFFIN" commit -q programs "$REGISTRY/programs" 3>&- 4>&-
	same "$(tiffin run --rm --network none "$REGISTRY/programs" bash -c '
		stat -c %U:%G /var/lib/redis /var/lib/postgresql /var/mail
		soon() { for _ in {1..1000}; do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
		pg_ctlcluster 15 main start; soon su postgres -c "psql -l"; su postgres -c "psql -tAc \"select sum(n) from t\""')" \
		$'redis:redis\npostgres:postgres\nroot:mail\n500500'
}

@test "none of that took the supervisor beyond the list of its own calls, which ends it" {
	same "$(supervisor)" "$(cat "$BATS_FILE_TMPDIR/supervisor")"
}
