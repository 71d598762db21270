# ids: range
#
# Programs as Debian packages them, in one container, with the default capabilities, filter and
# no_new_privs: daemons that change users, confine themselves, share memory; editors on a terminal.
load ../lib/common

setup_file() {
	[ -n "$TIFFIN_TEST_DEBIAN" ] || skip "debian:bookworm could not be made"
	own_store debian:bookworm
	tiffin run -d --name programs "$REGISTRY/debian:bookworm" sleep 100000
	tiffin exec programs apt-get -q update >/dev/null
	# Longer than tiffin() lets one take.
	DEBIAN_FRONTEND=noninteractive timeout 600 "$TIFFIN" exec --env DEBIAN_FRONTEND programs apt-get install \
		-q -y --no-install-recommends nginx-light redis-server postgresql-15 openssh-server sudo \
		vim-tiny procps python3-pip nodejs npm \
		>"$BATS_FILE_TMPDIR/apt" 2>&1 3>&- 4>&- || {
		tail -n 20 "$BATS_FILE_TMPDIR/apt" >&2
		return 1
	}
}
teardown_file() { drop_store; }

inside() { # inside SCRIPT
	tiffin exec programs bash -c "
		soon() { for _ in {1..300}; do \"\$@\" >/dev/null 2>&1 && return; sleep 0.1; done; \"\$@\"; }
		$1"
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
