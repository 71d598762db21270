# ids: any
#
# What holds for every command: help, what this version has not, the newest container.
load ../lib/common

setup_file() { own_store busybox; }
teardown() { remove_containers; }
teardown_file() { drop_store; }

@test "help COMMAND is COMMAND --help, and groups have theirs" {
	same "$(tiffin help run)" "$(tiffin run --help)"
	same "$(tiffin help)" "$(tiffin --help)"
	same "$(tiffin container help)" "$(tiffin container --help)"
	same "$(tiffin help container)" "$(tiffin container --help)"
	contains "$(tiffin help container exists)" "Usage: tiffin container exists [OPTIONS] CONTAINER"
	fails 125 container exists
	contains "$error" "usage: tiffin container exists"
}

@test "in --help a letter stands at one option, the one that has it" {
	contains "$(tiffin rm --help)" "-f, --force" "    --filter" "-v, --volumes"
	lacks "$(tiffin rm --help)" "-f, --filter"
	contains "$(tiffin start --help)" "-a, --attach" "    --all"
	for command in run create start stop restart kill rm ps logs exec wait port images pull; do
		same "$command: $(tiffin $command --help | grep -o '^  -.,' | sort | uniq -d)" "$command: "
	done
}

@test "commands that docker and podman have, and this version has not, are no slips of the keyboard" {
	for command in update stats build; do
		fails 125 "$command"
		same "$error" "Error: '$command' is not in this version of tiffin"
	done
	fails 125 container stats
	contains "$error" "'container stats' is not in this version"
	fails 125 stauts
	contains "$error" "unknown command 'stauts'; did you mean 'start'?"
}

@test "options that docker and podman have, and this version has not, say why" {
	while read -r option part; do
		# shellcheck disable=SC2086
		fails 125 run --rm $option "$BUSYBOX" true
		contains "$error" "Error: ${option%%[= ]*}" "not in this version of tiffin" "$part"
	done <<-'END'
		--memory=1g limits
		--cpus=2 limits
		--pids-limit=10 limits
		--oom-kill-disable limits
		--ip=10.0.0.9 network
		--pod=x pods
	END
	fails 125 --log-level debug ps
	contains "$error" "--log-level: not in this version of tiffin"
	fails 125 --runroot /tmp ps
	contains "$error" "--runroot: not in this version of tiffin" "--root"
	fails 125 run --rm -m 1g "$BUSYBOX" true
	contains "$error" "--memory: not in this version"
	lacks "$(tiffin run --help)" --memory --pod
}

@test "--latest is the newest container, wherever one is named" {
	tiffin run -d --name old "$BUSYBOX" sleep 1000 >/dev/null
	tiffin run -d --name new -e WHO=new "$BUSYBOX" sh -c 'echo from new; sleep 1000' >/dev/null
	same "$(tiffin exec --latest -e A=b sh -c 'echo $WHO')" new
	same "$(tiffin exec -l sh -c 'echo $WHO')" new
	wait_for sh -c "[ -n \"\$($TIFFIN logs new)\" ]"
	same "$(tiffin logs -l)" "from new"
	same "$(tiffin port -l)" ""
	contains "$(tiffin top -l)" "sleep 1000"
	tiffin kill new >/dev/null
	same "$(tiffin wait -l)" 137
	fails 125 attach -l
	contains "$error" "new does not run"
}

@test "--latest beside a name, nothing to be the newest, and no name at all" {
	for command in wait logs attach; do
		fails 125 "$command" -l some
		contains "$error" "$command: names and --latest do not go together"
	done
	fails 125 wait -l
	contains "$error" "there are no containers: no such container"
	for command in wait logs attach exec port top; do
		run -125 --separate-stderr tiffin "$command"
		matches "$stderr" "wants the name or ID of a container|usage: tiffin $command"
	done
	tiffin create "$BUSYBOX" true >/dev/null
	fails 125 exec -l
	fails 125 exec some
	contains "$error" "exec wants more than the container"
}

@test "rm -v and rm -fv, as scripts have it" {
	tiffin run -d --name box "$BUSYBOX" sleep 1000 >/dev/null
	same "$(tiffin rm -fv box)" box
	same "$(tiffin ps -aq)" ""
	fails 1 rm --volumes box
}

@test "run -q pulls without a word, --arch asks for another image" {
	empty_store
	run -0 --separate-stderr tiffin run -q --rm "$BUSYBOX" echo hi
	same "$output" hi
	lacks "$stderr" Copying "Trying to pull"
	fails 125 run -q --rm --pull always --arch nonesuch "$REGISTRY/layers:foreign" true
	contains "$error" nonesuch
	fails 125 create --platform linux/amd64 --os linux "$BUSYBOX"
	contains "$error" "--platform option can not be specified with --arch, --os or --variant"
}

@test "--noout prints no result" {
	run -0 --separate-stderr tiffin --noout images
	same "$output$stderr" ""
	run -125 --separate-stderr tiffin --noout inspect nonesuch
	contains "$stderr" "no such object"
}

@test "a tmpfs begins empty, as docker's; with podman's tmpcopyup it has what the image has there" {
	same "$(tiffin run --rm --tmpfs /etc:notmpcopyup "$BUSYBOX" ls /etc | tr '\n' ' ')" "hostname hosts resolv.conf "
	contains "$(tiffin run --rm --tmpfs /etc:tmpcopyup "$BUSYBOX" ls /etc)" passwd
}

@test "every --help fits a hundred columns" {
	for command in run create exec ps logs events images pull push search inspect 'container prune' 'image tree'; do
		# shellcheck disable=SC2086
		same "$(tiffin $command --help | grep -E '.{101}')" ""
	done
	contains "$(tiffin run --help | tr -s ' \n' ' ')" "no-new-privileges[=false], mask=PATH:PATH, unmask=ALL|PATH:PATH (repeatable)"
}
