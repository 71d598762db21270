# ids: single
#
# Users and groups where one ID is mapped: what a container's programs ask and tell the kernel about
# them is answered by its supervisor.
load ../lib/common

setup_file() { own_store busybox config; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm --network none "$BUSYBOX" sh -c "$1"; }

#--- who a process is ------------------------------------------------------------------------------

@test "root is root, in root's group alone" {
	same "$(in_box id)" "uid=0(root) gid=0(root) groups=0(root)"
}

@test "su makes it another user, for good, and for all that it starts" {
	same "$(in_box 'su -s /bin/sh app -c "id; sh -c \"id -u\" | cat"')" \
		$'uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)\n1000'
	run in_box 'su -s /bin/sh app -c "su root -c id"'
	[ "$status" -ne 0 ]
	lacks "$output" "uid=0"
}

@test "who outlives its parent stays who it is" {
	same "$(in_box 'su -s /bin/sh app -c "(sleep 0.3; id -u >/tmp/late) & exit"; until [ -s /tmp/late ]; do sleep 0.05; done; cat /tmp/late')" 1000
}

@test "-u is a user of the image's, with its groups and home, or any number" {
	same "$(tiffin run --rm --network none -u app "$BUSYBOX" sh -c 'id -u; id -G; echo $HOME')" \
		"$(printf '1000\n1000 2000\n/home/app')"
	same "$(tiffin run --rm --network none -u 4711:42 "$BUSYBOX" id | sed 's/([^)]*)//g')" "uid=4711 gid=42 groups=42"
	same "$(tiffin run --rm --network none -u app --group-add 4444 "$BUSYBOX" id -G)" "1000 2000 4444"
	for user in 2147483648 -1; do
		fails 125 run --rm -u $user "$BUSYBOX" true
		contains "$error" "out of range"
	done
}

@test "whoever is not root from the start has no capabilities" {
	same "$(tiffin run --rm --network none -u app "$BUSYBOX" grep CapEff /proc/self/status | tr -d '\t ')" \
		CapEff:0000000000000000
	run tiffin run --rm --network none -u app "$BUSYBOX" sh -c 'chown 0 /tmp || su root -c id'
	[ "$status" -ne 0 ]
}

@test "an image's own user is emulated as well" {
	same "$(tiffin run --rm --network none "$REGISTRY/config" exec sh -c 'id -u; id -G; stat -c %u:%g .' | tail -n 3)" \
		$'1000\n1000 2000\n1000:1000'
}

@test "exec joins them: its users are the container's" {
	tiffin run -d --network none --name box "$BUSYBOX" sleep 1000
	same "$(tiffin exec -u app box id -u)" 1000
	tiffin exec box sh -c 'touch /f; chown 33:4 /f'
	same "$(tiffin exec -u 5:6 box stat -c %u:%g /f)" 33:4
	same "$(tiffin exec box id -u)" 0
}

@test "without the capabilities root can't" {
	run tiffin run --rm --network none --cap-drop SETUID --cap-drop CHOWN "$BUSYBOX" \
		sh -c 'chown 33 /etc; su -s /bin/sh app -c id'
	[ "$status" -ne 0 ]
	contains "$output" "Operation not permitted"
	lacks "$output" "uid=1000"
}

@test "no setuid program has a part in it: without the right to new privileges all of it works" {
	same "$(setpriv --no-new-privs timeout 60 "$TIFFIN" run --rm --network none "$BUSYBOX" \
		sh -c 'touch /f; chown 33:4 /f; stat -c %u:%g /f; su -s /bin/sh app -c "id -u"' 3>&- 4>&-)" $'33:4\n1000'
}

#--- whom a file belongs to ------------------------------------------------------------------------

@test "chown is seen by whoever looks, whichever way" {
	same "$(in_box 'cd /tmp; mkdir d; echo x >d/f; chown -R 33:2000 d; chgrp 7 d
		stat -c %u:%g d d/f; ls -n d | tail -n 1 | tr -s " " | cut -d" " -f3,4
		cd d; stat -c %u:%g f ../d/f /tmp/d/../d/f; exec 5<f; stat -L -c %u:%g /proc/self/fd/5')" \
		$'33:7\n33:2000\n33 2000\n33:2000\n33:2000\n33:2000\n33:2000'
}

@test "a symlink has an owner of its own, and leads to another's" {
	same "$(in_box 'cd /tmp; touch f; ln -s f l; chown 33 l; chown -h 34 l; stat -c %u l; stat -L -c %u l')" \
		$'34\n33'
}

@test "FIFOs, sockets, terminals and pipes have owners, too" {
	same "$(in_box 'mkfifo /tmp/p; chown 33:34 /tmp/p; stat -c %u:%g /tmp/p; chown 5 /dev/stdout; stat -L -c %u /dev/stdout')" \
		$'33:34\n5'
	same "$(in_box 'mkfifo /tmp/p; chown 33 /tmp/p; rm /tmp/p; for i in 1 2 3 4; do mkfifo /tmp/$i; done; stat -c %u /tmp/[1-4]' |
		sort -u)" 0
}

@test "chown takes setuid and setgid away, chmod gives them" {
	same "$(in_box 'cd /tmp; touch f; chmod 6755 f; chown 33 f; stat -c %a f; chmod 4755 f; stat -c %u:%a f')" \
		$'755\n33:4755'
}

@test "owners are kept when the container runs again" {
	tiffin run --network none --name again "$BUSYBOX" sh -c '[ -e /f ] && stat -c %u:%g /f; touch /f; chown 33:4 /f'
	same "$(tiffin start -a again)" 33:4
}

@test "what only the kernel can refuse it refuses" {
	run tiffin run --rm --network none --read-only "$BUSYBOX" chown 33 /etc/passwd
	contains "$output" "Read-only file system"
	run in_box 'chown 33 /none'
	contains "$output" "No such file"
	run in_box 'chown 33 /dev/null'
	contains "$output" "Operation not permitted"
}

@test "in a root of its own a process has its own paths" {
	same "$(in_box 'mkdir -p /r/bin /r/tmp; cp /bin/busybox /r/bin/; chroot /r /bin/busybox sh -c "
			cd /tmp; busybox touch f; busybox chown 33 f /tmp/../../tmp/f /bin/busybox; busybox stat -c %u f /tmp/f"
		stat -c %u /r/tmp/f /r/bin/busybox /bin/busybox')" $'33\n33\n33\n33\n0'
}

#--- what is not to get out ------------------------------------------------------------------------

@test "no path leads out: neither links, nor /proc, nor a pid namespace that is the host's" {
	mkdir -p "$BATS_TEST_TMPDIR/canary"
	touch "$BATS_TEST_TMPDIR/canary/file"
	before=$(find "$BATS_TEST_TMPDIR/canary" -printf '%p %C@\n'; getfattr -R -d "$BATS_TEST_TMPDIR/canary" 2>/dev/null || :)
	supervisor='for p in /proc/[0-9]*; do
			[ "$(cat $p/comm 2>/dev/null)" != tiffin-calls ] || echo $p; done'
	# shellcheck disable=SC2016 # it is for the shell in there
	run tiffin run --rm --network none --pid host -e "CANARY=$BATS_TEST_TMPDIR/canary/file" "$BUSYBOX" sh -c '
		ln -s "../../../../../..$CANARY" /up; ln -s "$CANARY" /absolute
		chown 33 /up /absolute "$CANARY"
		found=; for p in $('"$supervisor"') /proc/self /proc/1 /proc/$PPID; do
			for link in root cwd cwd/.. fd/0 fd/1 fd/2 fd/3 fd/4 fd/5 fd/6 fd/7; do
				chown 33 "$p/$link$CANARY" "$p/$link/..$CANARY" "$p/$link" 2>/dev/null &&
					found="$found $p/$link"
			done; case $p in */self) ;; *) found="$found $p";; esac
		done; echo "tried:$found"'
	contains "$output" "tried: /proc/"
	same "$(find "$BATS_TEST_TMPDIR/canary" -printf '%p %C@\n'; getfattr -R -d "$BATS_TEST_TMPDIR/canary" 2>/dev/null || :)" "$before"
}

@test "a supervisor that is killed is replaced, and has forgotten nothing" {
	tiffin run -d --network none --name box "$BUSYBOX" sh -c 'mkfifo /p; chown 33 /p
		su -s /bin/sh app -c "while :; do id -u; stat -c %u /p; sleep 0.05; done"'
	ran() { [ "$(tiffin logs box | wc -l)" -gt "$1" ]; }
	wait_for ran 10
	same "$(ps -o args= -p "$(pgrep -P "$(monitor_of box)" -x tiffin-calls)" | tr -d '\0')" "tiffin: calls of box"
	for _ in 1 2 3; do
		old=$(pgrep -P "$(monitor_of box)" -x tiffin-calls)
		kill -9 "$old"
		replaced() { new=$(pgrep -P "$(monitor_of box)" -x tiffin-calls) && [ "$new" != "$old" ]; }
		wait_for replaced
		wait_for ran $(($(tiffin logs box | wc -l) + 10))
	done
	same "$(tiffin logs box | sort -u)" "$(printf "1000\n33")"
}

@test "the end of a container is that of several execs, too" {
	for _ in $(seq 8); do
		tiffin run -d --name short --network none "$BUSYBOX" sleep 1000
		for _ in 1 2 3; do
			tiffin exec -d short sleep 1000
		done
		tiffin rm -f short
	done
}
