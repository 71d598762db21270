# ids: any
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

# What a unit's ExecStart says, done as systemd would: words in quotes, "%%" and "$$" for "%" and "$".
obey() { # obey UNIT KEY
	local line
	line=$(sed -n "s/^$2=//p" <<<"$1" | sed -e 's/%%/%/g' -e 's/\$\$/\\$/g')
	eval "timeout 60 $line" 3>&- 4>&-
}

@test "a container's unit starts it, and stops it" {
	tiffin create --name unit --stop-timeout 30 "$BUSYBOX" sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 0.05; done'
	unit=$(tiffin generate systemd --name unit)
	contains "$unit" "ExecStart=" "WantedBy=default.target" "--time 30" "Restart=on-failure"
	obey "$unit" ExecStart >"$BATS_TEST_TMPDIR/out" &
	service=$!
	up() { grep -qx up "$BATS_TEST_TMPDIR/out"; }
	wait_for up
	obey "$unit" ExecStop
	wait "$service"
	has_status unit 'Exited \(0\)'
}

@test "a store with odd characters in its path is named so that systemd reads it" {
	[ "$TIFFIN_TEST_IDS" = range ] || skip "cannot be had here: one user serves as well as the other"
	store=$BATS_TEST_TMPDIR/'a %d $HOME "b'
	TIFFIN_ROOT=$store tiffin pull -q "$BUSYBOX"
	TIFFIN_ROOT=$store tiffin create --name unit "$BUSYBOX" echo hello
	unit=$(TIFFIN_ROOT=$store tiffin generate systemd --name unit)
	contains "$unit" 'a %%d $$HOME \"b'
	same "$(TIFFIN_ROOT='' obey "$unit" ExecStart)" hello
	remove_tree "$store"
}

@test "--files writes them here" {
	cd "$BATS_TEST_TMPDIR"
	tiffin create --name unit "$BUSYBOX" true
	same "$(tiffin generate systemd --files --name unit)" "$PWD/container-unit.service"
	same "$(tiffin generate systemd -f)" "$PWD/tiffin-restart.service"
	contains "$(cat tiffin-restart.service)" "should-start-on-boot=true"
	grep -q '^ExecStop=' container-unit.service
}

@test "what no unit can do is refused" {
	tiffin create --rm --name unit "$BUSYBOX" true
	fails 125 generate systemd unit
	contains "$error" "goes with its end"
	fails 125 generate systemd nobody
	contains "$error" "no such container"
	fails 125 generate kube unit
	fails 125 generate systemd --restart-policy sometimes unit
	contains "$error" "not a valid restart policy"
}
