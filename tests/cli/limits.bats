# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm --network none "$@"; }

@test "--umask is the command's, and exec's" {
	same "$(in_box --umask 077 "$BUSYBOX" sh -c 'umask; touch /tmp/x; stat -c %a /tmp/x')" $'0077\n600'
	tiffin run -d --network none --name box --umask 027 "$BUSYBOX" sleep 100
	same "$(tiffin exec box sh -c umask)" 0027
	tiffin rm -f box
	for umask in 999 01000 x ''; do
		fails 125 run --rm --umask "$umask" "$BUSYBOX" true
		contains "$error" "invalid umask string"
	done
}

@test "--ulimit sets soft and hard limits, in exec too" {
	limits='ulimit -S -n; ulimit -H -n; ulimit -S -c; ulimit -H -u'
	same "$(in_box --ulimit nofile=100:200 --ulimit core=0 --ulimit nproc=1000 "$BUSYBOX" sh -c "$limits")" \
		$'100\n200\n0\n1000'
	tiffin run -d --network none --name box --ulimit nofile=64 "$BUSYBOX" sleep 100
	same "$(tiffin exec box sh -c 'ulimit -S -n; ulimit -H -n')" $'64\n64'
	tiffin rm -f box
}

@test "a repeated --ulimit is set anew, and few descriptors are enough" {
	same "$(in_box --ulimit nofile=100 --ulimit nofile=3 "$BUSYBOX" sh -c 'ulimit -n')" 3
}

@test "--ulimit host leaves the caller's" {
	run bash -c 'ulimit -S -c 0; ulimit -S -n 321; exec "$TIFFIN" run --rm --network none \
		--ulimit host "$0" sh -c "ulimit -S -n"' "$BUSYBOX"
	same "$output" 321
	run bash -c 'ulimit -S -n 321; exec "$TIFFIN" run --rm --network none "$0" sh -c "ulimit -S -n"' "$BUSYBOX"
	[ "$output" != 321 ]
}

@test "a limit that can't be is refused" {
	fails 125 run --rm --ulimit foo=1 "$BUSYBOX" true
	contains "$error" "invalid ulimit type: foo"
	fails 125 run --rm --ulimit nofile=200:100 "$BUSYBOX" true
	contains "$error" "soft limit must be less than or equal to hard limit"
	fails 125 run --rm --ulimit nofile=-1:100 "$BUSYBOX" true
	for text in nofile nofile= nofile=x nofile=1: nofile=1:2:3 nofile=-2 ""; do
		fails 125 run --rm --ulimit "$text" "$BUSYBOX" true
	done
	fails 125 run --rm --ulimit nofile=99999999999 "$BUSYBOX" true
	contains "$error" nofile "Operation not permitted"
	contains "$hint" "can only be lowered"
}

@test "--oom-score-adj is the command's, and exec's" {
	here=$(cat /proc/self/oom_score_adj)
	same "$(in_box "$BUSYBOX" cat /proc/self/oom_score_adj)" "$here"
	same "$(in_box --oom-score-adj 500 "$BUSYBOX" cat /proc/self/oom_score_adj)" 500
	tiffin run -d --network none --name box --oom-score-adj 600 "$BUSYBOX" sleep 100
	same "$(tiffin exec box cat /proc/self/oom_score_adj)" 600
	tiffin rm -f box
	same "$(cat /proc/self/oom_score_adj)" "$here"
	fails 125 run --rm --oom-score-adj 1001 "$BUSYBOX" true
	contains "$error" "range for oom score adj is [-1000, 1000]"
	fails 125 run --rm --oom-score-adj -1000 "$BUSYBOX" true
	contains "$hint" "only be raised"
}

@test "--sysctl sets what is the container's own" {
	run in_box --sysctl net.ipv4.ip_forward=1 --sysctl net/ipv4/ip_default_ttl=33 \
		--sysctl kernel.shmmax=12345 --sysctl fs.mqueue.msg_max=20 "$BUSYBOX" \
		sh -c 'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/ip_default_ttl kernel/shmmax fs/mqueue/msg_max'
	same "$output" $'1\n33\n12345\n20'
}

@test "--sysctl sets nothing that is the machine's" {
	for name in kernel.pid_max kernel.domainname kernel.hostname vm.swappiness fs.file-max \
		net/../kernel/pid_max net...kernel/pid_max net//x /net/x user.max_user_namespaces; do
		fails 125 run --rm --sysctl "$name=1" "$BUSYBOX" true
		contains "$error" "is not allowed"
	done
	fails 125 run --rm --network host --sysctl net.ipv4.ip_forward=1 "$BUSYBOX" true
	contains "$error" "is not allowed with the host's network"
	fails 125 run --rm --sysctl net.ipv4.ip_forward "$BUSYBOX" true
	contains "$error" "KEY=VALUE"
	fails 125 run --rm --network none --sysctl net.no_such_thing=1 "$BUSYBOX" true
	contains "$error" "net/no_such_thing"
}

@test "a sysctl with a name that leads out by itself is no sysctl" {
	fails 125 run --rm --network none --sysctl net.=1 "$BUSYBOX" true
	fails 125 run --rm --network none --sysctl net.ipv4=1 "$BUSYBOX" true
}

#--- read-only -------------------------------------------------------------------------------------

@test "--read-only leaves /run, /tmp and /var/tmp to be written to" {
	run in_box --read-only "$BUSYBOX" sh -c 'for d in /run /tmp /var/tmp /dev/shm; do echo x >$d/x || exit 1; done
		stat -c %a /run /tmp /var/tmp; touch /etc/x'
	contains "$output" $'755\n1777\n1777\n' "Read-only file system"
}

@test "--read-only-tmpfs=false leaves nothing but /dev/shm" {
	run in_box --read-only --read-only-tmpfs=false "$BUSYBOX" \
		sh -c 'touch /dev/shm/x && for d in /run /tmp /var/tmp; do touch $d/x && echo "$d can be"; done'
	lacks "$output" "can be" shm
}

@test "what is mounted there by the caller stays" {
	mkdir "$BATS_TEST_TMPDIR/tmp"
	in_box --read-only -v "$BATS_TEST_TMPDIR/tmp:/tmp" "$BUSYBOX" touch /tmp/seen
	[ -e "$BATS_TEST_TMPDIR/tmp/seen" ]
}

#--- environment -----------------------------------------------------------------------------------

@test "--env-host gives the caller's environment, which the options override" {
	MINE=mine OTHER=1 run in_box --env-host -e OTHER=2 "$BUSYBOX" env
	contains "$output" MINE=mine OTHER=2
	lacks "$output" OTHER=1
}

@test "-e with a star gives all that begin so" {
	AB_ONE=1 AB_TWO=2 AC=3 run in_box -e 'AB_*' "$BUSYBOX" env
	contains "$output" AB_ONE=1 AB_TWO=2
	lacks "$output" AC=3
	same "$(in_box -e 'AB*=x' "$BUSYBOX" env | grep AB)" 'AB*=x'
}

@test "proxy variables are passed on unless told otherwise" {
	http_proxy=http://p:1 NO_PROXY=x run in_box "$BUSYBOX" env
	contains "$output" http_proxy=http://p:1 NO_PROXY=x
	http_proxy=http://p:1 NO_PROXY=x run in_box --http-proxy=false "$BUSYBOX" env
	lacks "$output" proxy PROXY
	http_proxy=http://p:1 run in_box -e http_proxy=mine "$BUSYBOX" env
	contains "$output" http_proxy=mine
}

@test "--unsetenv and --unsetenv-all take away what the caller did not set" {
	run in_box --unsetenv HOSTNAME -e X=1 "$BUSYBOX" env
	lacks "$output" HOSTNAME=
	contains "$output" PATH= X=1
	same "$(in_box --unsetenv-all -e X=1 "$BUSYBOX" env)" $'X=1\nHOME=/root'
}

@test "--env-merge replaces what is there by what is made of it" {
	same "$(in_box -t --env-merge 'PATH=/x:${PATH}:$TERM$' --env-merge 'NO=$PATH' "$BUSYBOX" env |
		tr -d '\r' | grep -E '^(PATH|NO)=')" \
		'PATH=/x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:xterm$'
}

@test "--tz is the zone" {
	[ -e /usr/share/zoneinfo/Asia/Kolkata ] || skip "no tzdata"
	same "$(in_box --tz Asia/Kolkata "$BUSYBOX" date +%z)" +0530
	same "$(in_box --tz local "$BUSYBOX" date +%z)" "$(env -u TZ date +%z)"
	fails 125 run --rm --tz No/Where "$BUSYBOX" true
	contains "$error" /usr/share/zoneinfo/No/Where
	for zone in ../../../etc/passwd /etc/passwd '' Europe; do
		fails 125 run --rm --tz "$zone" "$BUSYBOX" true
	done
}

@test "labels come from files, and the command line's win" {
	printf 'one=1\n# remark\n  two\nthree=file\n' >"$BATS_TEST_TMPDIR/labels"
	tiffin create --name labelled --label-file "$BATS_TEST_TMPDIR/labels" -l three=3 "$BUSYBOX" >/dev/null
	run tiffin inspect --format '{{json .Config.Labels}}' labelled
	same "$(jq -S -c . <<<"$output")" '{"one":"1","three":"3","two":""}'
	tiffin rm labelled
	fails 125 run --rm --label-file /no/such/file "$BUSYBOX" true
	echo =x >"$BATS_TEST_TMPDIR/labels"
	fails 125 run --rm --label-file "$BATS_TEST_TMPDIR/labels" "$BUSYBOX" true
}

@test "annotations are of the form KEY=VALUE" {
	in_box --annotation a=b --annotation c= "$BUSYBOX" true
	fails 125 run --rm --annotation a "$BUSYBOX" true
	contains "$error" "annotations must be formatted KEY=VALUE"
}

@test "--no-hosts leaves /etc/hosts to the image" {
	same "$(in_box --no-hosts "$BUSYBOX" sh -c 'grep -c " /etc/hosts " /proc/mounts; grep -c " /etc/hostname " /proc/mounts')" $'0\n1'
	fails 125 run --rm --no-hosts --add-host a:1.2.3.4 "$BUSYBOX" true
	contains "$error" "--no-hosts and --add-host cannot be set together"
}

#--- devices ---------------------------------------------------------------------------------------

@test "--device binds a device that the caller may open" {
	same "$(in_box --device /dev/zero:/dev/naught "$BUSYBOX" sh -c 'stat -c "%F %t:%T" /dev/naught; head -c 2 /dev/naught | wc -c')" \
		$'character special file 1:5\n2'
	same "$(in_box --device /dev/zero:/dev/deep/er/z:rwm "$BUSYBOX" stat -c %t:%T /dev/deep/er/z)" 1:5
}

@test "a link to a device is the device, a directory all that may be opened" {
	ln -s /dev/zero "$BATS_TEST_TMPDIR/link"
	same "$(in_box --device "$BATS_TEST_TMPDIR/link:/dev/l" "$BUSYBOX" stat -c %t:%T /dev/l)" 1:5
	if [ "$TIFFIN_TEST_TUN" = open ]; then
		same "$(in_box --device /dev/net "$BUSYBOX" ls /dev/net)" tun
	fi
}

@test "what is no device, or may not be opened, is refused" {
	fails 125 run --rm --device /dev/nope "$BUSYBOX" true
	contains "$error" "/dev/nope: No such file"
	fails 125 run --rm --device /etc/passwd "$BUSYBOX" true
	contains "$error" "not a device node"
	fails 125 run --rm --device "$BATS_TEST_TMPDIR" "$BUSYBOX" true
	contains "$error" "no devices found in"
	fails 125 run --rm --device /dev/null:/dev/x:q "$BUSYBOX" true
	contains "$error" "invalid device mode: q"
	fails 125 run --rm --device /dev/null:/dev/../x "$BUSYBOX" true
	if [ -c /dev/kmsg ] && [ ! -r /dev/fuse ] && [ -c /dev/fuse ]; then
		fails 125 run --rm --device /dev/fuse "$BUSYBOX" true
		contains "$error" "may not open"
	fi
}

@test "what can't be enforced is refused" {
	fails 125 run --rm --device /dev/zero:/dev/z:r "$BUSYBOX" true
	contains "$error" "can't be kept from being opened"
	fails 125 run --rm --device /dev/zero:w "$BUSYBOX" true
	contains "$error" "can't be kept from being opened"
	fails 125 run --rm --device-cgroup-rule 'c 1:3 rwm' "$BUSYBOX" true
	contains "$error" "control group"
	fails 125 run --rm --gpus all "$BUSYBOX" true
}

@test "processes are limited where nobody says how, in exec too" {
	hard=$(ulimit -H -u)
	[ "$hard" != unlimited ] && [ "$hard" -lt 4096 ] || hard=4096
	same "$(in_box "$BUSYBOX" sh -c 'ulimit -S -u; ulimit -H -u')" "$hard"$'\n'"$hard"
	tiffin run -d --network none --name box "$BUSYBOX" sleep 100
	same "$(tiffin exec box sh -c 'ulimit -H -u')" "$hard"
	tiffin rm -f box
}
