# ids: any
load ../lib/common

setup_file() { own_store busybox config; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

health_of() { tiffin inspect --format '{{.State.Health.Status}}' "$1"; }
health_is() { [ "$(health_of "$1")" = "$2" ]; }
checked() { # checked NAME OPTION…: runs what is well while /ok is there
	local name=$1
	shift
	tiffin run -d --name "$name" --health-cmd '[ ! -e /up ] || [ -e /ok ] && echo fine || { echo bad >&2; exit 3; }' \
		--health-interval 200ms --health-retries 2 "$@" "$BUSYBOX" \
		sh -c 'trap "exit 8" TERM; touch /up; echo up; while :; do sleep 0.05; done'
}

@test "a check goes from starting to healthy to unhealthy and back" {
	checked later --health-interval 1h
	same "$(health_of later)" starting
	contains "$(tiffin ps)" '(health: starting)'
	checked h
	tiffin exec h touch /ok
	wait_for health_is h healthy
	contains "$(tiffin ps)" '(healthy)'
	last='{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}'
	contains "$(tiffin inspect --format "$last" h)" "0 fine"
	tiffin exec h rm /ok
	wait_for health_is h unhealthy
	contains "$(tiffin ps)" '(unhealthy)'
	contains "$(tiffin inspect --format "$last" h)" "3 bad"
	[ "$(tiffin inspect --format '{{.State.Health.FailingStreak}}' h)" -ge 2 ]
	tiffin exec h touch /ok
	wait_for health_is h healthy
}

@test "a failure in the start period does not count" {
	checked h --health-start-period 1h
	some() { [ "$(tiffin inspect --format '{{len .State.Health.Log}}' h)" -ge 3 ]; }
	wait_for some
	same "$(health_of h)" starting
	same "$(tiffin inspect --format '{{.State.Health.FailingStreak}}' h)" 0
}

@test "a check that takes too long is ended, and is a failure" {
	tiffin run -d --name h --health-cmd 'sleep 1000' --health-interval 100ms --health-timeout 300ms \
		--health-retries 1 "$BUSYBOX" sleep 1000
	wait_for health_is h unhealthy
	contains "$(tiffin inspect --format '{{(index .State.Health.Log 0).Output}}' h)" "Health check exceeded timeout"
	one_sleep() { [ "$(tiffin exec h sh -c 'ps | grep -c "[s]leep 1000"')" -le 2 ]; }
	wait_for one_sleep
}

@test "a container that is paused is not checked" {
	mkdir "$BATS_TEST_TMPDIR/v"
	tiffin run -d --name h -v "$BATS_TEST_TMPDIR/v:/v" --health-cmd 'echo x >>/v/checks' --health-interval 100ms \
		"$BUSYBOX" sleep 1000
	checks() { cat "$BATS_TEST_TMPDIR/v/checks" 2>/dev/null | wc -l; }
	wait_for eval '[ "$(checks)" -ge 2 ]'
	tiffin pause h
	# One that had begun may end.
	quiet() {
		local before
		before=$(checks)
		sleep 1
		same "$(checks)" "$before"
	}
	wait_for quiet
	before=$(checks)
	tiffin unpause h
	wait_for eval '[ "$(checks)" -gt $((before + 2)) ]'
	same "$(health_of h)" healthy
}

@test "a check that a pause stops does not count, and ends when it goes on" {
	mkdir "$BATS_TEST_TMPDIR/v"
	tiffin run -d --name h -v "$BATS_TEST_TMPDIR/v:/v" --health-cmd 'echo >>/v/begun; while [ ! -e /v/go ]; do sleep 0.05; done' \
		--health-interval 100ms --health-timeout 15s --health-retries 1 "$BUSYBOX" sleep 1000
	wait_for test -e "$BATS_TEST_TMPDIR/v/begun"
	tiffin pause h
	# Longer than it may take.
	sleep 16
	same "$(health_of h)" starting
	touch "$BATS_TEST_TMPDIR/v/go"
	tiffin unpause h
	wait_for health_is h healthy
	same "$(tiffin inspect --format '{{(index .State.Health.Log 0).ExitCode}}' h)" 0
}

@test "a check that can't be started is a failure that says why" {
	tiffin run -d --name h --health-cmd '["/no/such"]' --health-interval 100ms --health-retries 1 \
		"$BUSYBOX" sleep 1000
	wait_for health_is h unhealthy
	contains "$(tiffin inspect --format '{{(index .State.Health.Log 0).Output}}' h)" "'/no/such'"
}

@test "what a check writes without end does not grow" {
	tiffin run -d --name h --health-cmd 'yes' --health-interval 100ms --health-timeout 500ms \
		--health-retries 1 "$BUSYBOX" sleep 1000
	wait_for health_is h unhealthy
	[ "$(tiffin inspect h | wc -c)" -lt 40000 ]
}

@test "unhealthy: kill, stop, restart, as asked" {
	checked k --health-on-failure kill
	same "$(tiffin wait k)" 137
	checked s --health-on-failure stop --restart always
	same "$(tiffin wait s)" 8
	checked r --health-on-failure restart
	twice() { [ "$(tiffin logs r | wc -l)" -ge 2 ]; }
	wait_for twice
	tiffin stop r
}

@test "a container that ends while it is checked ends at once, and can be removed" {
	tiffin run -d --name h --health-cmd 'sleep 1000' --health-interval 100ms "$BUSYBOX" sh -c 'sleep 0.6; exit 4'
	same "$(tiffin wait h)" 4
	tiffin rm h
}

@test "--no-healthcheck, none and disable leave it out; nonsense is refused" {
	for option in --no-healthcheck --health-cmd=none "--health-cmd=true --health-interval=disable"; do
		# shellcheck disable=SC2086
		tiffin run -d --name h $option "$BUSYBOX" sleep 1000
		same "$(tiffin inspect --format '{{if .State.Health}}some{{end}}' h 2>/dev/null || :)" ""
		tiffin rm -f h
	done
	fails 125 create --health-cmd true --health-interval soon "$BUSYBOX"
	contains "$error" "'soon' is not a duration"
	fails 125 create --health-on-failure explode --health-cmd true "$BUSYBOX"
	contains "$error" "invalid on-failure action"
	fails 125 create --health-on-failure kill "$BUSYBOX"
	contains "$error" "without a health check"
}
