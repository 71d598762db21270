# ids: range
load ../lib/common

setup_file() { own_store busybox config; }
teardown_file() { drop_store; }

in_box() { tiffin run --rm --network none "$@"; }

#--- groups ----------------------------------------------------------------------------------------

@test "--group-add adds groups by name and number to those of the user" {
	same "$(in_box -u app --group-add www-data --group-add 4444 "$BUSYBOX" id -G | xargs -n 1 | sort -n | xargs)" \
		"33 1000 2000 4444"
	same "$(in_box -u app:www-data --group-add 4444 "$BUSYBOX" id -G)" "33 4444"
	same "$(in_box --group-add 4444 "$BUSYBOX" id -G)" "0 4444"
}

@test "--group-add holds in exec" {
	tiffin run -d --network none --name box --group-add 4444 "$BUSYBOX" sleep 100
	same "$(tiffin exec box id -G)" "0 4444"
	same "$(tiffin exec -u app box id -G)" "1000 2000 4444"
	tiffin rm -f box
}

@test "a group that is not there, not mapped or out of range is refused" {
	fails 125 run --rm --group-add nogrp "$BUSYBOX" true
	contains "$error" "unable to find group nogrp: no matching entries in group file"
	fails 125 run --rm --group-add 70000 "$BUSYBOX" true
	contains "$error" "group 70000" mapped
	for group in 2147483648 4294967295 4294967296 -1; do
		fails 125 run --rm --group-add "$group" "$BUSYBOX" true
		contains "$error" "out of range"
	done
}

@test "keep-groups keeps the caller's groups, which are dropped without it" {
	if ! id -Gn | grep -qw games; then
		skip "cannot be had here: $(id -un) is in no group 'games'"
	fi
	dir=$BATS_TEST_TMPDIR/shared
	mkdir -m 755 "$dir"
	echo shared >"$dir/file"
	chgrp games "$dir/file"
	chmod 040 "$dir/file"
	same "$(in_box -u app --group-add keep-groups -v "$dir:/s" "$BUSYBOX" cat /s/file)" shared
	run in_box -u app -v "$dir:/s" "$BUSYBOX" cat /s/file
	[ "$status" -ne 0 ]
	contains "$output" "Permission denied"
	tiffin run -d --network none --name kept --group-add keep-groups -v "$dir:/s" "$BUSYBOX" sleep 100
	same "$(tiffin exec -u app kept cat /s/file)" shared
	tiffin rm -f kept
}

@test "keep-groups stands alone" {
	fails 125 run --rm --group-add keep-groups --group-add 33 "$BUSYBOX" true
	contains "$error" "keep-groups' option is not allowed with any other --group-add"
}

@test "a group alone is root's" {
	same "$(in_box -u :33 "$BUSYBOX" id)" "uid=0(root) gid=33(www-data) groups=33(www-data)"
}

#--- entries ---------------------------------------------------------------------------------------

@test "a user that the image does not know has an entry, and home is the working directory" {
	run in_box -u 4321 -w /usr "$BUSYBOX" sh -c 'tail -n 1 /etc/passwd; whoami; echo $HOME'
	same "$output" $'4321:*:4321:0:container user:/usr:/bin/sh\n4321\n/usr'
	run in_box -u 4321:4322 "$BUSYBOX" sh -c 'tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo $HOME'
	same "$output" $'4321:*:4321:4322:container user:/:/bin/sh\n4322:x:4322:4321\n/'
}

@test "the image's own lines stay, and the image is not touched" {
	before=$(in_box "$BUSYBOX" cat /etc/passwd)
	same "$(in_box -u 4321 "$BUSYBOX" sed '$d' /etc/passwd)" "$before"
	same "$(in_box -u app "$BUSYBOX" cat /etc/passwd)" "$before"
	same "$(in_box "$BUSYBOX" cat /etc/passwd)" "$before"
	same "$(in_box -u app "$BUSYBOX" sh -c 'cat /proc/mounts | grep -c " /etc/passwd "')" 0
}

@test "entries are there with --read-only, in exec, and after a restart" {
	tiffin run -d --read-only --network none --name box -u 4321:4322 "$BUSYBOX" sleep 100
	same "$(tiffin exec box id)" "uid=4321(4321) gid=4322(4322) groups=4322(4322)"
	fails_to_write() { ! tiffin exec -u 0 box sh -c 'echo x >>/etc/passwd'; }
	fails_to_write
	tiffin restart -t 0 box
	same "$(tiffin exec -u 0 box grep -c 4321 /etc/passwd)" 1
	tiffin rm -f box
}

@test "--passwd=false makes none" {
	same "$(in_box --passwd=false -u 4321:4322 "$BUSYBOX" sh -c 'grep -c 432 /etc/passwd /etc/group')" \
		$'/etc/passwd:0\n/etc/group:0'
}

@test "--passwd-entry and --group-entry say what they are" {
	run in_box -u 4321:44 --passwd-entry 'foo:x:$UID:$GID:$NAME:/h:/bin/sh' \
		--group-entry 'bar:x:$GID:$USERLIST' "$BUSYBOX" sh -c 'tail -n 1 /etc/passwd; id; echo $HOME'
	same "$output" $'foo:x:4321:44:container user:/h:/bin/sh\nuid=4321(foo) gid=44(bar) groups=44(bar)\n/h'
	fails 125 run --rm -u 4321 --passwd-entry $'a:x:1:1\nroot2:x:0:0' "$BUSYBOX" true
	contains "$error" "one line"
}

@test "what the caller mounts there stays as it is" {
	echo 'me:x:5:5::/:/bin/sh' >"$BATS_TEST_TMPDIR/passwd"
	same "$(in_box -u 4321 -v "$BATS_TEST_TMPDIR/passwd:/etc/passwd" "$BUSYBOX" cat /etc/passwd)" \
		'me:x:5:5::/:/bin/sh'
	same "$(cat "$BATS_TEST_TMPDIR/passwd")" 'me:x:5:5::/:/bin/sh'
}
