# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm --network none "$@"; }

profile() { # profile JSON: its file
	printf '%s' "$1" >"$BATS_TEST_TMPDIR/profile.json"
	echo "$BATS_TEST_TMPDIR/profile.json"
}

with_profile() { # with_profile JSON COMMAND…
	local file
	file=$(profile "$1")
	shift
	in_box --security-opt "seccomp=$file" "$BUSYBOX" "$@"
}

# With one ID mapped there is the filter by which users are emulated, which denies nothing.
UNFILTERED=$'Seccomp:\t0' FILTERS=1
[ "$TIFFIN_TEST_IDS" != single ] || UNFILTERED=$'Seccomp:\t2' FILTERS=2

# Denies mkdir with EDEADLK, whose text nothing else here has.
NO_MKDIR='{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
	{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":35}]}'

#--- seccomp profiles ------------------------------------------------------------------------------

@test "a profile of docker's format takes the built-in one's place" {
	run with_profile "$NO_MKDIR" sh -c 'mkdir /x; grep -E "^(NoNewPrivs|Seccomp|Seccomp_filters):" /proc/self/status; unshare -U true && echo allowed'
	contains "$output" "Resource deadlock" $'NoNewPrivs:\t1' $'Seccomp:\t2' $'Seccomp_filters:\t'$FILTERS allowed
	in_box "$BUSYBOX" mkdir /x
}

@test "the profile holds after a restart and in exec, with its file gone" {
	file=$(profile "$NO_MKDIR")
	tiffin run -d --network none --name box --security-opt "seccomp=$file" "$BUSYBOX" sleep 100
	rm "$file"
	run tiffin exec box mkdir /x
	contains "$output" "Resource deadlock"
	run tiffin exec --privileged box mkdir /x
	contains "$output" "Resource deadlock"
	tiffin restart -t 0 box
	run tiffin exec box mkdir /x
	contains "$output" "Resource deadlock"
	tiffin rm -f box
}

@test "what is not listed gets the default action" {
	run with_profile '{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":35,"syscalls":[
		{"names":["execve","exit_group","write","brk","arch_prctl","mmap","uname","prctl","readlink",
		"set_tid_address","set_robust_list","rseq","mprotect","getrandom","prlimit64","getuid",
		"ioctl","writev","capset","getpid","close","fstat","newfstatat","rt_sigaction","rt_sigprocmask"],
		"action":"SCMP_ACT_ALLOW"}]}' mkdir /x
	contains "$output" "Resource deadlock"
}

@test "a profile that denies execveat is obeyed: nothing can be started, with a hint" {
	run with_profile '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
		{"name":"execveat","action":"SCMP_ACT_ERRNO","errnoRet":1}]}' true
	same "$status" 126
	contains "$output" "cannot execute 'true': Operation not permitted" "must allow execveat"
}

@test "rules look at arguments" {
	# kill(2) with signal 0 alone
	json='{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"kill","action":"SCMP_ACT_ERRNO","errnoRet":35,
		"args":[{"index":1,"value":0,"op":"SCMP_CMP_EQ"}]}]}'
	run with_profile "$json" sh -c 'kill -0 1; kill -CONT 1 && echo sent'
	contains "$output" "Resource deadlock" sent
	# either of two: umask(2) of 1 or 2
	json='{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"umask","action":"SCMP_ACT_KILL_PROCESS",
		"args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}]}'
	for mask in 1 2; do
		run with_profile "$json" sh -c "sh -c 'umask $mask' 2>/dev/null; echo \$?"
		same "$output" 159
	done
	same "$(with_profile "$json" sh -c "sh -c 'umask 4'; echo \$?")" 0
	# masked: bit 2 of umask(2)
	json='{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"umask","action":"SCMP_ACT_KILL_PROCESS",
		"args":[{"index":0,"value":4,"valueTwo":4,"op":"SCMP_CMP_MASKED_EQ"}]}]}'
	same "$(with_profile "$json" sh -c "sh -c 'umask 6' 2>/dev/null; echo \$?; sh -c 'umask 2'; echo \$?")" $'159\n0'
}

@test "rules are included and excluded by capability, architecture and kernel" {
	rule() {
		printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],
			"action":"SCMP_ACT_ERRNO","errnoRet":35,%s}]}' "$1"
	}
	denied() { run with_profile "$(rule "$1")" mkdir /x; contains "$output" "Resource deadlock"; }
	allowed() { with_profile "$(rule "$1")" mkdir /x; }
	denied '"includes":{"caps":["CAP_CHOWN"]}'
	allowed '"includes":{"caps":["CAP_CHOWN","CAP_SYS_ADMIN"]}'
	allowed '"excludes":{"caps":["CAP_SYS_ADMIN","CAP_CHOWN"]}'
	denied '"excludes":{"caps":["CAP_SYS_ADMIN"]}'
	allowed '"includes":{"arches":["no-such"]}'
	denied '"excludes":{"arches":["no-such"]}'
	denied '"includes":{"minKernel":"4.8"}'
	allowed '"includes":{"minKernel":"99.0"}'
	allowed '"excludes":{"minKernel":"4.8"}'
}

@test "docker's own profile compiles and runs" {
	file=/usr/share/containers/seccomp.json
	[ -e "$file" ] || skip "no $file"
	same "$(in_box --security-opt "seccomp=$file" "$BUSYBOX" sh -c 'mkdir /x && ls / >/dev/null && grep ^Seccomp: /proc/self/status')" \
		$'Seccomp:\t2'
}

@test "a profile that is none is refused, and no container is left" {
	bad() { fails 125 run --name left --security-opt "seccomp=$(profile "$1")" "$BUSYBOX" true; }
	fails 125 run --rm --security-opt seccomp=/no/such/file "$BUSYBOX" true
	contains "$error" "opening seccomp profile failed: open /no/such/file"
	bad 'no json'
	contains "$error" "decoding seccomp profile failed"
	bad '{}'
	contains "$error" defaultAction
	bad '{"defaultAction":"SCMP_ACT_WHATEVER"}'
	contains "$error" SCMP_ACT_WHATEVER
	bad '{"defaultAction":"SCMP_ACT_NOTIFY"}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x"}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_NONE"]}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_KILL"}]}'
	contains "$error" "both 'name' and 'names'"
	bad '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"kill","action":"SCMP_ACT_KILL","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"kill","action":"SCMP_ACT_KILL","args":[{"index":1,"op":"SCMP_CMP_XX"}]}]}'
	bad '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"kill","action":"SCMP_ACT_ERRNO","errnoRet":-1}]}'
	bad "$(head -c 1100000 /dev/zero | tr '\0' ' ')"
	same "$(tiffin ps -a -q)" ""
}

@test "names of calls that are not known are passed over" {
	with_profile '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["no_such_call","mkdir"],"action":"SCMP_ACT_ALLOW"}]}' true
}

@test "seccomp=unconfined is no filter" {
	same "$(in_box --security-opt seccomp=unconfined "$BUSYBOX" grep ^Seccomp: /proc/self/status)" "$UNFILTERED"
}

#--- other options ---------------------------------------------------------------------------------

@test "no-new-privileges is on, and can be turned off with the filter on" {
	for text in no-new-privileges no-new-privileges=true no-new-privileges:true seccomp=builtin; do
		same "$(in_box --security-opt "$text" "$BUSYBOX" grep ^NoNewPrivs: /proc/self/status)" $'NoNewPrivs:\t1'
	done
	run in_box --security-opt no-new-privileges=false "$BUSYBOX" \
		grep -E '^(NoNewPrivs|Seccomp|Cap(Inh|Bnd|Amb)):' /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" "CapInh: 0000000000000000
CapBnd: 00000000800400fb
CapAmb: 0000000000000000
NoNewPrivs: 0
Seccomp: 2"
	fails 125 run --rm --security-opt no-new-privileges=maybe "$BUSYBOX" true
}

@test "mask hides files and directories, wherever the image's links lead" {
	run in_box --security-opt mask=/etc/group:/usr/bin:/no/such -v "$BATS_TEST_TMPDIR:/v" \
		--security-opt mask=/v "$BUSYBOX" sh -c 'cat /etc/group; ls -A /usr/bin /v; echo done'
	lacks "$output" root
	contains "$output" done
	lacks "$output" profile
	fails 125 run --rm --security-opt mask=etc "$BUSYBOX" true
	contains "$error" "not an absolute path"
}

@test "unmask shows what is hidden" {
	in_box --security-opt unmask=/proc/keys "$BUSYBOX" grep -q keyring /proc/keys
	run in_box "$BUSYBOX" cat /proc/keys
	same "$output" ""
	in_box --security-opt 'unmask=/proc/k*' "$BUSYBOX" grep -q keyring /proc/keys
	run in_box --security-opt unmask=/proc/acpi "$BUSYBOX" cat /proc/keys
	same "$output" ""
	for option in unmask=ALL systempaths=unconfined; do
		run in_box --security-opt "$option" "$BUSYBOX" grep -E ' /(proc|sys)/' /proc/mounts
		lacks "$output" " /proc/"
		contains "$output" "/sys/fs/cgroup"
	done
}

@test "labels and profiles of modules that are not there are as podman has them" {
	if [ ! -e /sys/fs/selinux/enforce ]; then
		for label in disable user:u role:r type:t level:s0 filetype:f; do
			in_box --security-opt "label=$label" "$BUSYBOX" true
		done
	fi
	in_box --security-opt apparmor=unconfined "$BUSYBOX" true
	fails 125 run --rm --security-opt label=what "$BUSYBOX" true
	fails 125 run --rm --security-opt apparmor=mine "$BUSYBOX" true
	for option in proc-opts=hidepid=2 nothing what=ever seccomp= ""; do
		fails 125 run --rm --security-opt "$option" "$BUSYBOX" true
		contains "$error" "invalid --security-opt"
	done
}

#--- privileged ------------------------------------------------------------------------------------

@test "--privileged: every capability of the namespace, no filter, nothing masked" {
	run in_box --privileged "$BUSYBOX" sh -c 'grep -E "^(CapEff|CapBnd|CapInh|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status
		grep -E " (/proc/[^ ]*|/sys) " /proc/mounts; grep -q keyring /proc/keys && echo keys
		mount -t tmpfs none /root && echo mounted; echo 1 >/proc/sys/net/ipv4/ip_forward && echo set'
	contains "$output" $'CapInh:\t0000000000000000' $'CapAmb:\t0000000000000000' $'NoNewPrivs:\t0' \
		"$UNFILTERED" keys mounted set "sysfs /sys sysfs rw"
	all=$(printf %016x $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
	contains "$output" "CapEff:	$all" "CapBnd:	$all"
	lacks "$output" " /proc/"
}

@test "--privileged gives no device that the caller may not open, nor the host's terminals" {
	run in_box --privileged "$BUSYBOX" sh -c 'cd /dev; find . -type c -o -type b'
	contains "$output" ./null ./tty
	while read -r device; do
		case $device in ./pts/*) continue ;; esac
		if [ ! -r "/dev/$device" ] && [ ! -w "/dev/$device" ]; then
			echo "not the caller's: $device" >&2
			return 1
		fi
	done <<<"$output"
	lacks "$output" vcs tty0 console
}

@test "--privileged leaves room for less" {
	run in_box --privileged --cap-drop ALL --cap-add CHOWN --security-opt no-new-privileges \
		--security-opt seccomp=builtin "$BUSYBOX" grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
	same "$(tr '\t' ' ' <<<"$output")" $'CapEff: 0000000000000001\nNoNewPrivs: 1\nSeccomp: 2'
}

@test "exec has what the container has, and --privileged all capabilities" {
	tiffin run -d --network none --name box -e FROM=run --cap-drop KILL "$BUSYBOX" sleep 100
	run tiffin exec box sh -c 'grep -E "^(Cap|NoNewPrivs:|Seccomp:)" /proc/self/status; echo $FROM'
	same "$(tr '\t' ' ' <<<"$output")" "CapInh: 0000000000000000
CapPrm: 00000000800400db
CapEff: 00000000800400db
CapBnd: 00000000800400db
CapAmb: 0000000000000000
NoNewPrivs: 1
Seccomp: 2
run"
	run tiffin exec --privileged box grep -E '^(CapEff|CapInh|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
	all=$(printf %016x $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
	same "$(tr '\t' ' ' <<<"$output")" "CapInh: 0000000000000000
CapEff: $all
CapAmb: 0000000000000000
NoNewPrivs: 1
Seccomp: 2"
	tiffin rm -f box
	tiffin run -d --network none --name open --privileged "$BUSYBOX" sleep 100
	same "$(tiffin exec open grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status)" $'NoNewPrivs:\t0\n'"$UNFILTERED"
	tiffin rm -f open
}
