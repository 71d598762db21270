# ids: range
#
# Programs as Debian packages them, in one container, with the default capabilities, filter and
# no_new_privs: daemons that change users, confine themselves, share memory; editors on a terminal. They
# are witnesses of --network fast, too: as servers on published ports, for clients of the host's network
# and for those of the container's own, who come in by an address of the host's.
load ../lib/common

setup_file() {
	[ -n "$TIFFIN_TEST_DEBIAN" ] || skip "debian:bookworm could not be made"
	own_store debian:bookworm
	host=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("192.0.2.1", 9)); print(s.getsockname()[0])') || host=
	export host
	mkdir "$BATS_FILE_TMPDIR/tls"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$BATS_FILE_TMPDIR/tls/key.pem" -out "$BATS_FILE_TMPDIR/tls/cert.pem" \
		-days 30 -subj /CN=box -addext subjectAltName=DNS:box 2>/dev/null
	local ports=() port
	for port in 80 5432 6379 9418 3000 3443; do
		ports+=(-p "$port" ${host:+-p "$host::$port"})
	done
	tiffin run -d --name programs --network fast -v "$LIB/web.js:/web.js:ro" -v "$BATS_FILE_TMPDIR/tls:/tls:ro" "${ports[@]}" \
		"$REGISTRY/debian:bookworm" sleep 100000
	tiffin exec programs apt-get -q update >/dev/null
	# Longer than tiffin() lets one take.
	DEBIAN_FRONTEND=noninteractive timeout 1200 "$TIFFIN" exec --env DEBIAN_FRONTEND programs apt-get install \
		-q -y --no-install-recommends nginx-light redis-server postgresql-15 openssh-server sudo \
		vim-tiny procps python3-pip nodejs npm git \
		>"$BATS_FILE_TMPDIR/apt" 2>&1 3>&- 4>&- || {
		tail -n 20 "$BATS_FILE_TMPDIR/apt" >&2
		return 1
	}
	timeout 1200 "$TIFFIN" commit -q programs programs >/dev/null 3>&- 4>&-
	tiffin run -d --name clients --network host -v "$LIB/web.js:/web.js:ro" -v "$BATS_FILE_TMPDIR/tls:/tls:ro" \
		localhost/programs sleep 100000
}
teardown_file() { drop_store; }

in_one() { # in_one CONTAINER SCRIPT
	tiffin exec "$1" bash -c "
		soon() { for _ in {1..1000}; do \"\$@\" >/dev/null 2>&1 && return; sleep 0.1; done; \"\$@\"; }
		$2"
}
inside() { in_one programs "$1"; }
outside() { in_one clients "$1"; }

# The numbers that a port of the container's has on the loopback, $lo, and on the host's address, $at.
published() { # published PORT
	[ -n "$host" ] || skip "this machine has no address but loopback"
	lo=$(tiffin port programs "$1" | sed -n 's/^127\.0\.0\.1://p')
	at=$(tiffin port programs "$1" | sed -n "s/^$host://p")
}

@test "nginx answers, its workers are www-data" {
	run inside 'nginx || exit; exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; head -n 1 <&3
		for pid in $(pgrep -f "^nginx: worker"); do stat -c %U /proc/$pid; done | sort -u'
	same "$output" $'HTTP/1.1 200 OK\r\nwww-data'
}

@test "redis keeps what it is given, as its own user" {
	run inside 'cd /var/lib/redis && setpriv --reuid redis --regid redis --init-groups \
			redis-server --daemonize yes --dir /var/lib/redis >/dev/null || exit
		soon redis-cli ping; redis-cli set lunch box; redis-cli get lunch; redis-cli save
		stat -c %U:%G /var/lib/redis/dump.rdb; redis-cli shutdown'
	same "$output" $'OK\nbox\nOK\nredis:redis'
}

@test "postgres: a cluster is made, started and asked, stopped" {
	run inside 'pg_lsclusters -h | grep -q main || pg_createcluster 15 main
		pg_ctlcluster 15 main start || { cat /var/log/postgresql/*; exit 1; }
		soon su postgres -c "psql -l"
		su postgres -c "psql -qtAc \"create table t as select generate_series(1, 1000) as n\""
		setpriv --reuid postgres --regid postgres --init-groups psql -tAc "select sum(n) from t"
		pg_ctlcluster 15 main stop && pg_lsclusters -h | grep -c down'
	same "$output" $'500500\n1'
}

# It wants SYS_CHROOT.
@test "python: pip installs from a directory, and processes share a semaphore" {
	run inside 'python3 -c "
import zipfile
with zipfile.ZipFile(\"/srv/lunchbox-1.0-py3-none-any.whl\", \"w\") as z:
    about = \"lunchbox-1.0.dist-info/\"
    z.writestr(\"lunchbox.py\", \"inside = [-1, -2]\")
    z.writestr(about + \"METADATA\", \"Metadata-Version: 2.1\\nName: lunchbox\\nVersion: 1.0\\n\")
    z.writestr(about + \"WHEEL\", \"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n\")
    z.writestr(about + \"RECORD\", \"\")
" && pip install -q --no-index --find-links /srv --break-system-packages --root-user-action ignore lunchbox &&
		python3 -c "import lunchbox, multiprocessing as m; print(m.Pool(2).map(abs, lunchbox.inside))"'
	same "$output" "[1, 2]"
}

@test "node: npm installs a package from a file, and threads share memory" {
	run inside 'mkdir -p /srv/package /srv/app && cd /srv &&
		echo "{\"name\": \"lunchbox\", \"version\": \"1.0.0\"}" >package/package.json &&
		echo "module.exports = new SharedArrayBuffer(4);" >package/index.js && tar -czf lunchbox.tgz package &&
		cd app && npm install --offline --no-audit --no-fund --silent ../lunchbox.tgz >/dev/null && node -e "
const { Worker } = require(\"worker_threads\"), box = new Int32Array(require(\"lunchbox\"));
new Worker(\"require(\\\"worker_threads\\\").workerData[0] = 7\", { eval: true, workerData: box })
	.on(\"exit\", () => console.log(box[0]));"'
	same "$output" 7
}

@test "sshd lets a user in, with a terminal" {
	run inside 'useradd -m -s /bin/bash somebody; mkdir -p /run/sshd; /usr/sbin/sshd -p 2222 || exit
		ssh-keygen -q -t ed25519 -N "" -f /tmp/key
		install -d -o somebody -g somebody -m 700 /home/somebody/.ssh
		install -o somebody -g somebody -m 600 /tmp/key.pub /home/somebody/.ssh/authorized_keys
		ssh -tt -i /tmp/key -p 2222 -o StrictHostKeyChecking=no -o LogLevel=ERROR somebody@127.0.0.1 "id -un; tty"'
	same "$(tr -d '\r' <<<"$output")" $'somebody\n/dev/pts/0'
}

@test "sudo makes root another user; no_new_privs keeps others from becoming root" {
	same "$(inside 'sudo -u www-data id -un')" www-data
	run inside 'su -s /bin/sh www-data -c "sudo -n true"'
	contains "$output" "no new privileges"
	[ "$status" != 0 ]
}

@test "vim on a terminal draws, follows the window's size, and writes its file" {
	run on_terminal 'expect:\[New' 'send:ilunch\x1b' resize:30x90 wait:0.5 'send::set lines?\r' 'expect:lines=30' \
		'send:\r' 'send::wq\r' -- exec -it programs vim.tiny /tmp/text
	same "$status" 0
	same "$(inside 'cat /tmp/text')" lunch
}

@test "top on a terminal draws more than once, and q ends it" {
	run on_terminal 'expect:PID USER' 'send: ' 'expect:load average' 'send:q' -- exec -it programs top
	same "$status" 0
}

@test "nginx, published: connections that last, and many at once" {
	published 80
	inside 'pgrep -x nginx >/dev/null || nginx'
	run curl -s -m 60 -o /dev/null -o /dev/null -w '%{http_code} %{num_connects}\n' "http://127.0.0.1:$lo/"{,}
	same "$output" $'200 1\n200 0'
	for keep in "" -k; do
		# shellcheck disable=SC2086 # an option or none
		run ab -q $keep -c 50 -n 1000 "http://127.0.0.1:$lo/"
		matches "$output" 'Complete requests: +1000'
		matches "$output" 'Failed requests: +0'
	done
	same "$(inside 'tail -n 1000 /var/log/nginx/access.log | cut -d" " -f1 | sort -u')" 10.0.2.2
}

@test "redis, published: its clients, and a copy that follows it" {
	published 6379
	inside 'redis-server --bind 0.0.0.0 --protected-mode no --dir /tmp --daemonize yes >/dev/null; soon redis-cli ping'
	run outside "redis-cli -p $lo set lunch box
		redis-benchmark -p $lo -q -c 50 -n 2000 -t set >/dev/null && redis-cli -p $lo client list"
	matches "$output" $'^OK\nid=.* addr=10\\.0\\.2\\.2:[0-9]+ laddr=10\\.0\\.2\\.100:6379 '
	run inside "redis-server --port 6380 --dir /srv --replicaof $host $at --daemonize yes >/dev/null
		soon sh -c 'redis-cli -p 6380 get lunch | grep -q box'; redis-cli -p 6380 get lunch
		redis-cli set lunch eaten; soon sh -c 'redis-cli -p 6380 get lunch | grep -q eaten'
		redis-cli -p 6380 get lunch; redis-cli -p 6380 shutdown; redis-cli shutdown"
	same "$output" $'box\nOK\neaten'
}

@test "postgres, published: sessions from the host, and from the container" {
	published 5432
	run inside 'pg_lsclusters -h | grep -q main || pg_createcluster 15 main
		echo "host all all all trust" >>/etc/postgresql/15/main/pg_hba.conf
		pg_ctlcluster 15 main start -- -o "-c listen_addresses=*" || { cat /var/log/postgresql/*; exit 1; }
		soon su postgres -c "psql -l"'
	same "$status" 0
	run outside "export PGUSER=postgres PGHOST=127.0.0.1 PGPORT=$lo PGDATABASE=postgres PATH=\$PATH:/usr/lib/postgresql/15/bin
		psql -tAc 'select inet_client_addr(), inet_server_addr(), inet_server_port()'
		pgbench -i -q 2>/dev/null; pgbench -n -c 10 -t 10; pgbench -n -S -C -c 10 -t 2"
	contains "$output" "10.0.2.2|10.0.2.100|5432" "transactions actually processed: 100/100" \
		"transactions actually processed: 20/20"
	run inside "psql -h $host -p $at -U postgres -tAc 'select inet_client_addr(), count(*) from pgbench_branches'
		pg_ctlcluster 15 main stop"
	same "$output" "$host|1"
}

@test "git, published: what is cloned, and pushed, by its own protocol and by HTTP" {
	published 9418
	run inside 'pgrep -x nginx >/dev/null || nginx
		cd /srv && git init -q --bare box.git && ln -s /srv/box.git /var/www/html/box.git && git clone -q box.git made 2>/dev/null &&
		cd made && seq 100000 >numbers && git add numbers && git -c user.name=n -c user.email=e commit -q -m numbers &&
		git push -q && git -C ../box.git update-server-info &&
		git daemon --detach --export-all --enable=receive-pack --base-path=/srv && soon bash -c "exec 3<>/dev/tcp/127.0.0.1/9418"'
	same "$status" 0
	run outside "cd /srv && git clone -q git://127.0.0.1:$lo/box.git there && cd there && wc -l <numbers &&
		git -c user.name=n -c user.email=e commit -q --allow-empty -m 'from there' && git push -q"
	same "$output" 100000
	run inside "cd /tmp && git clone -q git://$host:$at/box.git here && git -C here log -1 --format=%s &&
		git -C /srv/box.git update-server-info"
	same "$output" "from there"
	published 80
	run inside "git clone -q http://$host:$at/box.git /tmp/web && wc -l </tmp/web/numbers"
	same "$output" 100000
}

@test "node, published: a hundred requests at once, and the first address that answers" {
	published 3000
	tiffin exec -d programs sh -c 'node /web.js serve 3000 >/tmp/web.out'
	inside 'soon grep -q ready /tmp/web.out'
	same "$(outside "node /web.js ask 127.0.0.1 $lo")" \
		$'{"10.0.2.2 10.0.2.100:3000":110} 100 127.0.0.1\n127.0.0.1'
	# The host's own address is that of who asks: the sockets are the host's.
	same "$(inside "node /web.js ask $host $at")" \
		"{\"$host 10.0.2.100:3000\":110} 100 $host"$'\n'"$host"
}

@test "node over TLS, published: connections that last, HTTP/2, and a certificate that nobody vouches for" {
	published 3443
	tiffin exec -d programs sh -c 'node /web.js serve 3443 /tls >/tmp/tls.out'
	inside 'soon grep -q ready /tmp/tls.out'
	same "$(outside "node /web.js ask 127.0.0.1 $lo /tls")" "{\"10.0.2.2 10.0.2.100:3443\":110} 100 127.0.0.1
h2 {\"10.0.2.2 10.0.2.100:3443\":100}
DEPTH_ZERO_SELF_SIGNED_CERT
127.0.0.1"
	same "$(inside "node /web.js ask $host $at /tls")" "{\"$host 10.0.2.100:3443\":110} 100 $host
h2 {\"$host 10.0.2.100:3443\":100}
DEPTH_ZERO_SELF_SIGNED_CERT
$host"
}
