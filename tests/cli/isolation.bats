# ids: any
load ../lib/common

PROBE=$TIFFIN_TEST_WORK/unit/probe

setup_file() { own_store busybox config; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm "$BUSYBOX" "$@"; }

# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SYS_CHROOT SETFCAP, by their numbers in capabilities(7).
CAPS=00000000800400fb

@test "all seven namespaces are the container's own" {
	for ns in user mnt pid uts ipc cgroup net; do
		inside=$(in_box readlink "/proc/self/ns/$ns")
		matches "$inside" "^$ns:\[[0-9]+\]$"
		[ "$inside" != "$(readlink "/proc/self/ns/$ns")" ]
	done
}

@test "the command is process 1 and sees its own processes alone" {
	same "$(in_box sh -c 'echo $$ /proc/[0-9]*')" "1 /proc/1"
	same "$(in_box ps -o pid,comm | tail -n +2 | wc -l)" 1
}

@test "the host's processes can't be reached" {
	run in_box kill -0 $$
	[ "$status" -ne 0 ]
}

@test "root's capabilities are the bounded ones" {
	run in_box grep ^Cap /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" "CapInh: 0000000000000000
CapPrm: $CAPS
CapEff: $CAPS
CapBnd: $CAPS
CapAmb: 0000000000000000"
}

@test "a user other than root has no capabilities" {
	run tiffin run --rm -u app "$BUSYBOX" grep ^Cap /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" "CapInh: 0000000000000000
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: $CAPS
CapAmb: 0000000000000000"
}

@test "new privileges are off and a seccomp filter is on" {
	run in_box grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" $'NoNewPrivs: 1\nSeccomp: 2'
}

@test "a setuid program does not give privileges, unless it is asked for" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: with one ID there is no other user"
	setuid() {
		tiffin run --rm "$@" -v "$PROBE:/probe" "$BUSYBOX" sh -c 'cp /probe /tmp/id; chmod 4755 /tmp/id
			exec su app -s /bin/sh -c "/tmp/id id"' | tr '\t' ' '
	}
	same "$(setuid)" $'euid 1000\nCapEff 0000000000000000'
	run setuid --security-opt no-new-privileges=false
	contains "$output" "euid 0"
	lacks "$output" 0000000000000000
}

@test "new namespaces and mounts are refused" {
	for command in "unshare -U true" "unshare -m true" "unshare -n true" "unshare -r true" \
		"mount -t tmpfs tmpfs /tmp" "mount -o remount,rw /proc/sys" "umount /proc" \
		"pivot_root / /tmp" "hostname other" "mknod /tmp/null c 1 3" \
		"swapoff -a" "reboot -f"; do
		# shellcheck disable=SC2086
		run in_box $command
		if [ "$status" = 0 ]; then
			echo "allowed: $command" >&2
			return 1
		fi
	done
}

@test "the clock can't be set" {
	before=$(date +%s)
	run in_box date -s 2020-01-01
	contains "$output" "not permitted"
	[ "$(date +%s)" -ge "$before" ]
}

@test "masked files are empty and masked directories too" {
	run in_box sh -c '
		for path in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys \
			/proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list \
			/proc/timer_stats /sys/dev/block /sys/devices/virtual/powercap /sys/firmware \
			/sys/fs/selinux; do
			if [ -d $path ]; then
				[ -z "$(ls -A $path)" ] || echo "not masked: $path"
			elif [ -e $path ]; then
				[ -z "$(head -c 1 $path 2>&1)" ] || echo "not masked: $path"
			fi
		done'
	same "$status$output" 0
}

@test "the kernel's settings can't be written" {
	run in_box sh -c '
		for path in /proc/sys/kernel/hostname /proc/sys/net/ipv4/ip_forward \
			/proc/sys/kernel/shmmax /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
			if [ -e $path ] && (echo 1 >$path) 2>/dev/null; then echo "writable: $path"; fi
		done
		for dir in /proc/bus /proc/fs /proc/irq /proc/sys /sys /sys/fs/cgroup; do
			[ ! -d $dir ] || awk -v d=$dir "\$2 == d && \$4 ~ /(^|,)ro(,|$)/ { found = 1 }
				END { exit !found }" /proc/mounts || echo "not read-only: $dir"
		done'
	same "$status$output" 0
}

@test "/dev has the usual nodes and no more" {
	run in_box ls /dev
	names=$(grep -vx core <<<"$output" | sort | tr '\n' ' ')
	same "$names" \
		"fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
	run in_box stat -c '%n %F %t:%T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
	same "$output" "/dev/null character special file 1:3
/dev/zero character special file 1:5
/dev/full character special file 1:7
/dev/random character special file 1:8
/dev/urandom character special file 1:9
/dev/tty character special file 5:0"
}

@test "/dev works" {
	run in_box sh -c 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 5 /dev/urandom | wc -c &&
		touch /dev/shm/x && echo out >/dev/stdout && ! echo x >/dev/full'
	same "$status" 0
	contains "$output" $'3\n5\nout'
}

@test "/dev/shm has 64 MB" {
	matches "$(in_box df -k /dev/shm | awk 'END { print $2 }')" '^(65536|64000|62500)$'
}

@test "the command has descriptors 0, 1 and 2 alone, whatever the caller had" {
	local fd
	for fd in $(seq 5 24); do
		eval "exec $fd</usr"
	done
	# 3 is that of ls itself
	same "$(in_box ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
	same "$(tiffin run --rm -i "$BUSYBOX" ls /proc/self/fd </dev/null | tr '\n' ' ')" "0 1 2 3 "
}

@test "a directory of /proc/self/fd is refused as the working directory" {
	local fd
	exec 7</
	for fd in $(seq 3 12); do
		if tiffin run --rm -w "/proc/self/fd/$fd" "$BUSYBOX" ls; then
			echo "ran in descriptor $fd" >&2
			return 1
		fi
	done
}

@test "core dumps are off, the umask is 0022" {
	same "$(in_box sh -c 'ulimit -c; ulimit -H -c; umask; touch /tmp/x; stat -c %a /tmp/x')" \
		$'0\n0\n0022\n644'
}

@test "signals are as a program expects them" {
	run in_box grep -E '^Sig(Blk|Ign)' /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" $'SigBlk: 0000000000000000\nSigIgn: 0000000000000000'
}

@test "signals are as a program expects them where the caller ignored them" {
	run bash -c 'trap "" PIPE INT QUIT; exec "$TIFFIN" run --rm "$0" grep -E "^Sig(Blk|Ign)" /proc/self/status' "$BUSYBOX"
	same "$(tr '\t' ' ' <<<"$output")" $'SigBlk: 0000000000000000\nSigIgn: 0000000000000000'
}

@test "nothing of the host's file systems is in sight" {
	run in_box cat /proc/mounts
	lacks "$output" "$HOME " " /oldroot"
	run in_box ls /
	lacks "$output" lost+found boot
}

@test "the environment of process 1 is the container's" {
	run in_box cat /proc/1/environ
	lacks "$output" TIFFIN XDG_RUNTIME_DIR "$HOME"
}

@test "/proc is the container's and /sys is read-only" {
	run in_box sh -c 'grep -E " (/proc|/sys) " /proc/mounts'
	matches "$output" 'proc /proc proc [a-z,]*nosuid,nodev,noexec'
	matches "$output" ' /sys sysfs ro,nosuid,nodev,noexec'
}

@test "the id maps are the caller and the caller's range" {
	run in_box cat /proc/self/uid_map
	matches "$output" "^ +0 +$(id -u) +1"
	[ "$TIFFIN_TEST_IDS" = range ] && ranges=1 || ranges=0
	same "${#lines[@]}" $((1 + ranges))
}

@test "a key of the caller's session is not the container's" {
	keys="grep -c tiffin-test-key /proc/keys" in_session="python3 $LIB/with_key.py tiffin-test-key"
	same "$($in_session $keys)" 1
	same "$($in_session "$TIFFIN" run --rm --security-opt unmask=/proc/keys "$BUSYBOX" sh -c "$keys || :")" 0
	tiffin run -d --name keyless --security-opt unmask=/proc/keys "$BUSYBOX" sleep 1000
	same "$($in_session "$TIFFIN" exec keyless sh -c "$keys || :")" 0
	# That the file shows it keys at all:
	tiffin exec keyless grep -q _ses /proc/keys
}

@test "an ID that is not mapped is nobody's to have" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: with one ID all others are emulated"
	# As user_namespaces(7) has it: EINVAL.
	in_box sh -c 'touch /f && chown 65535:65535 /f'
	for id in 65537 2147483647; do
		run in_box sh -c "touch /f; chown $id /f; chgrp $id /f; stat -c %u:%g /f"
		contains "$output" "chown: /f: Invalid argument" "chgrp: /f: Invalid argument" 0:0
		fails 125 run --rm -u "$id" "$BUSYBOX" true
		contains "$error" "user $id" "not among the IDs that are mapped"
		contains "$stderr" /etc/subuid
		fails 125 run --rm -u "0:$id" "$BUSYBOX" true
		contains "$error" "not among the IDs that are mapped"
	done
	tiffin run -d --name mapped "$BUSYBOX" sleep 1000
	fails 125 exec -u 65537 mapped true
	contains "$error" "not among the IDs that are mapped"
}

@test "files of the caller's host user are root's, and those of others nobody's" {
	run tiffin run --rm -v /etc:/e:ro "$BUSYBOX" stat -c %u /e/passwd
	same "$output" 65534
}
