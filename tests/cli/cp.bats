# ids: any
#
# cp: files between containers and the host, by docker's rules; against who swaps paths meanwhile.
load ../lib/common

setup_file() {
	own_store busybox layers
	tiffin run -d --name running "$REGISTRY/layers" sleep 10000 >/dev/null
	tiffin create --name stopped "$REGISTRY/layers" sleep 10000 >/dev/null
}
teardown_file() { drop_store; }

OTHER=$([ "$TIFFIN_TEST_IDS" = range ] && echo 33 || echo 0)

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p dir/sub empty
	echo file >file
	echo in >dir/in
	echo deep >dir/sub/deep
	ln -s in dir/link
}

teardown() {
	[ -z "${flipper:-}" ] || kill "$flipper" 2>/dev/null || :
	tiffin ps -aq --no-trunc --format '{{.Names}}' | grep -Ev '^(running|stopped)$' | xargs -r "$TIFFIN" rm -f -t 0 >/dev/null 2>&1 || :
}

inside() { # inside CONTAINER COMMAND…: in its tree, as it is
	local name=$1 id
	shift
	if [ "$name" = running ]; then
		tiffin exec running "$@"
	else
		tiffin commit "$name" looked >/dev/null
		tiffin run --rm localhost/looked "$@"
	fi
}

each() { # each FUNCTION: for a container that runs, and for one that does not
	for box in running stopped; do
		echo "in $box" >&2
		inside_work=/work$RANDOM$RANDOM
		mkdir work
		tiffin cp work "$box:$inside_work"
		rmdir work
		"$1" "$box" "$inside_work"
	done
}

into_container() { # into_container CONTAINER DIRECTORY
	local c=$1 d=$2
	tiffin cp file "$c:$d/new"
	tiffin cp file "$c:$d"
	tiffin cp dir "$c:$d/made"
	tiffin cp dir "$c:$d/slashed/"
	tiffin cp dir/. "$c:$d/content"
	tiffin cp empty "$c:$d/existing"
	tiffin cp dir "$c:$d/existing"
	tiffin cp dir/ "$c:$d/existing/"
	tiffin cp dir/. "$c:$d/existing"
	echo again >file
	tiffin cp ./file "$c:${d#/}/new"
	echo file >file
	same "$(inside "$c" find "$d" | sed "s|^$d||" | sort | tr '\n' ' ')" " /content /content/in /content/link /content/sub \
/content/sub/deep /existing /existing/dir /existing/dir/in /existing/dir/link /existing/dir/sub /existing/dir/sub/deep \
/existing/in /existing/link /existing/sub /existing/sub/deep /file /made /made/in /made/link /made/sub /made/sub/deep /new \
/slashed /slashed/in /slashed/link /slashed/sub /slashed/sub/deep "
	same "$(inside "$c" cat "$d/new" "$d/file" "$d/made/sub/deep")" $'again\nfile\ndeep'
	fails 125 cp file "$c:$d/none/"
	contains "$error" "no such directory"
	fails 125 cp file "$c:$d/none/new"
	same "$error" "Error: \"$d/none/new\" could not be found on container $c: no such file or directory"
	fails 125 cp file "$c:$d/new/"
	contains "$error" "Not a directory"
	fails 125 cp dir "$c:$d/new"
	contains "$error" "destination must be a directory when copying a directory"
	fails 125 cp nothing "$c:$d"
	same "$error" 'Error: "nothing" could not be found on the host: no such file or directory'
	fails 125 cp file/ "$c:$d"
}

@test "into a container: what there is and how it is written decide where things go" {
	each into_container
}

to_host() { # to_host CONTAINER DIRECTORY
	local c=$1 d=$2
	rm -rf out
	mkdir out out/existing
	tiffin cp dir "$c:$d"
	tiffin cp file "$c:$d"
	tiffin cp "$c:$d/file" out/new
	tiffin cp "$c:${d#/}/file" out
	tiffin cp "$c:$d/dir" out/made
	tiffin cp "$c:$d/dir" out/slashed/
	tiffin cp "$c:$d/dir/." out/content
	tiffin cp "$c:$d/dir" out/existing
	tiffin cp "$c:$d/dir/." out/existing
	(cd out/existing && tiffin cp "$c:$d/file" .)
	same "$(find out | sort | tr '\n' ' ')" "out out/content out/content/in out/content/link out/content/sub out/content/sub/deep \
out/existing out/existing/dir out/existing/dir/in out/existing/dir/link out/existing/dir/sub out/existing/dir/sub/deep \
out/existing/file out/existing/in out/existing/link out/existing/sub out/existing/sub/deep out/file out/made out/made/in \
out/made/link out/made/sub out/made/sub/deep out/new out/slashed out/slashed/in out/slashed/link out/slashed/sub out/slashed/sub/deep "
	same "$(cat out/new out/made/sub/deep)" $'file\ndeep'
	fails 125 cp "$c:$d/none" out
	same "$error" "Error: \"$d/none\" could not be found on container $c: no such file or directory"
	fails 125 cp "$c:$d/file" out/none/
	fails 125 cp "$c:$d/file" out/none/new
	contains "$error" '"out/none/new" could not be found on the host'
	fails 125 cp "$c:$d/dir" out/new
	contains "$error" "destination must be a directory when copying a directory"
	fails 125 cp "$c:$d/file/." out
}

@test "out of a container: the same, and everything is the caller's" {
	each to_host
	same "$(find out ! -user "$(id -u)")" ""
}

@test "--overwrite lets a file take a directory's place, and the other way round" {
	overwrite() {
		tiffin cp dir "$1:$2/a"
		tiffin cp file "$1:$2/b"
		mkdir -p other/b
		echo x >other/a
		fails 125 cp other/. "$1:$2"
		contains "$error" "--overwrite does"
		tiffin cp --overwrite other/. "$1:$2"
		same "$(inside "$1" cat "$2/a")" x
		same "$(inside "$1" ls "$2/b")" ""
		mkdir -p "out-$1/a/in" && touch "out-$1/b"
		fails 125 cp "$1:$2/." "out-$1"
		tiffin cp --overwrite "$1:$2/." "out-$1"
		same "$(cat "out-$1/a")" x
		[ -d "out-$1/b" ]
	}
	each overwrite
}

@test "modes, times and symlinks are kept; who is setuid in a container is not on the host" {
	kept() {
		mkdir -p keep && echo x >keep/exec && chmod 4750 keep/exec && touch -d @1000000000 keep/exec
		ln -sf /nowhere keep/dangling
		mkfifo keep/fifo || :
		chmod 2700 keep
		tiffin cp keep "$1:$2"
		same "$(inside "$1" stat -c '%a %Y %u:%g' "$2/keep/exec")" "4750 1000000000 0:0"
		same "$(inside "$1" sh -c "stat -c '%a %u:%g' $2/keep; readlink $2/keep/dangling; test -p $2/keep/fifo && echo fifo")" \
			$'2700 0:0\n/nowhere\nfifo'
		rm -rf back
		tiffin cp "$1:$2/keep" back
		same "$(stat -c '%a %Y' back/exec) $(stat -c %a back) $(readlink back/dangling)" "750 1000000000 700 /nowhere"
		[ -p back/fifo ]
	}
	each kept
}

@test "symlinks: not followed as a source but with -L or a slash, followed as a destination, within the container" {
	links() {
		ln -sfn dir todir
		ln -sfn file tofile
		tiffin cp todir "$1:$2/link"
		tiffin cp -L todir "$1:$2/followed"
		tiffin cp todir/ "$1:$2/slashed"
		tiffin cp -L tofile "$1:$2/plain"
		same "$(inside "$1" sh -c "readlink $2/link; cat $2/followed/in $2/slashed/in $2/plain; test ! -L $2/plain && echo plain")" \
			$'dir\nin\nin\nfile\nplain'
		# Absolute, and upwards: from the container's root on.
		ln -sfn /etc abs
		ln -sfn ../../../../../../../../home up
		ln -sfn /made-by-link dangling
		tiffin cp abs "$1:$2/abs"
		tiffin cp up "$1:$2/up"
		tiffin cp dangling "$1:$2/dangling"
		tiffin cp file "$1:$2/abs/copied"
		tiffin cp file "$1:$2/up"
		tiffin cp file "$1:$2/dangling"
		same "$(inside "$1" cat /etc/copied /home/file /made-by-link)" $'file\nfile\nfile'
		[ ! -e /etc/copied ] && [ ! -e /home/file ] && [ ! -e /made-by-link ]
		tiffin cp "$1:$2/abs/passwd" theirs
		same "$(cat theirs)" "$(inside "$1" cat /etc/passwd)"
		rm -f outlink && tiffin cp "$1:$2/abs" outlink
		same "$(readlink outlink)" /etc
		rm -rf outdir && tiffin cp -L "$1:$2/abs" outdir
		[ -e outdir/passwd ]
		mkdir -p real && ln -sfn real tohere
		tiffin cp "$1:$2/plain" tohere
		same "$(cat real/plain)" file
	}
	each links
}

@test "-a keeps owners, also between containers; else all is root's" {
	tiffin run --name owners "$REGISTRY/layers" sh -c "mkdir /o /o/d; echo x >/o/f; chown $OTHER:$OTHER /o/f /o/d"
	for c in running stopped; do
		tiffin cp owners:/o "$c:/without"
		tiffin cp -a owners:/o "$c:/with"
		same "$(inside $c stat -c %u:%g /without/f /with/f /with/d)" $'0:0\n'"$OTHER:$OTHER"$'\n'"$OTHER:$OTHER"
		# Those of the caller are root's in there.
		tiffin cp -a file "$c:/mine"
		same "$(inside $c stat -c %u:%g /mine)" 0:0
	done
	if [ "$TIFFIN_TEST_IDS" = range ]; then
		tiffin run -d --name other-ids --userns keep-id "$BUSYBOX" sleep 1000 >/dev/null
		tiffin cp -a file other-ids:/mine
		tiffin cp file other-ids:/roots
		same "$(tiffin exec other-ids stat -c %u:%g /mine /roots)" "$(id -u):$(id -g)"$'\n0:0'
	fi
	tiffin cp stopped:/with running:/over
	same "$(tiffin exec running cat /over/f)" x
}

@test "an archive at standard input or output" {
	archives() {
		tiffin cp dir "$1:$2"
		tiffin cp "$1:$2/dir" - >out.tar
		same "$(tar -tf out.tar | sort | tr '\n' ' ')" "dir/ dir/in dir/link dir/sub/ dir/sub/deep "
		same "$(tiffin cp "$1:$2/dir/." - | tar -tf - | sort | tr '\n' ' ')" "./ in link sub/ sub/deep "
		same "$(tiffin cp "$1:$2/dir/in" - | tar -xOf - in)" in
		tar --owner=$OTHER --group=$OTHER -czf in.tar.gz dir
		tiffin cp - "$1:$2/dir/sub" <in.tar.gz
		same "$(inside "$1" cat "$2/dir/sub/dir/sub/deep")" deep
		same "$(inside "$1" stat -c %u:%g "$2/dir/sub/dir/in")" $OTHER:$OTHER
		mkdir -p wh && touch wh/.wh.x wh/x && tar -cf - wh | tiffin cp - "$1:$2"
		same "$(inside "$1" ls -A "$2/wh" | tr '\n' ' ')" ".wh.x x "
		inside "$1" rm -r "$2/wh" 2>/dev/null || :
		echo nonsense >nonsense
		run tiffin cp - "$1:$2" <nonsense
		same "$status" 125
		contains "$output" "source must be a (compressed) tar archive when copying from stdin"
		run tiffin cp - "$1:$2/dir/in" <out.tar
		contains "$output" "destination must be a directory when copying from stdin"
		run tiffin cp "$1:$2/none" -
		contains "$output" "\"$2/none\" could not be found on container $1"
		nothing_staged
	}
	archives running "$(mkdir w && tiffin cp w running:/archives && echo /archives)"
	# Of one that does not run: not looked into by commit, which refuses the name .wh.x.
	tiffin create --name apart "$REGISTRY/layers" sh -c 'ls -A /home/wh; cat /home/dir/sub/deep; stat -c %u:%g /home/dir/in' >/dev/null
	mkdir -p wh && touch wh/.wh.x && tar -cf - wh | tiffin cp - apart:/home
	tar --owner=$OTHER --group=$OTHER -cf - dir | tiffin cp - apart:/home
	same "$(tiffin cp apart:/home/dir - | tar -xOf - dir/sub/deep)" deep
	same "$(tiffin start -a apart)" $'.wh.x\nx\ndeep\n'"$OTHER:$OTHER"
	nothing_staged
}

@test "volumes are seen in their places, and a tmpfs of one that runs" {
	mkdir volume
	tiffin run -d --name live -v "$PWD/volume:/mnt/v" --tmpfs /scratch "$BUSYBOX" sleep 1000 >/dev/null
	tiffin create --name dead -v "$PWD/volume:/mnt/v" "$BUSYBOX" true >/dev/null
	for c in live dead; do
		tiffin cp file $c:/mnt/v/$c
		same "$(cat volume/$c)" file
		echo "from outside" >volume/outside
		tiffin cp $c:/mnt/v/outside got
		same "$(cat got)" "from outside"
		tiffin cp $c:/mnt got-$c
		same "$(cat got-$c/v/outside)" "from outside"
	done
	tiffin cp file live:/scratch/f
	same "$(tiffin exec live cat /scratch/f)" file
	tiffin exec live sh -c 'echo x >/scratch/g'
	tiffin cp live:/scratch/g got
	same "$(cat got)" x
	tiffin cp live:/proc/self/status got 2>/dev/null || tiffin cp live:/proc/1/status got
	contains "$(cat got)" "Name:"
	# A file that is mounted is written to where it is.
	tiffin exec live cat /etc/hosts >hosts
	echo "10.1.1.1 lunch" >>hosts
	tiffin cp hosts live:/etc/hosts
	contains "$(tiffin exec live cat /etc/hosts)" "10.1.1.1 lunch"
	tiffin pause live
	tiffin cp file live:/paused
	tiffin unpause live
	same "$(tiffin exec live cat /paused)" file
}

@test "a read-only volume or root stays so, and what has another name is not written to" {
	mkdir volume
	tiffin run -d --name ro --read-only -v "$PWD/volume:/v:ro" "$BUSYBOX" sleep 1000 >/dev/null
	fails 125 cp file ro:/v/f
	contains "$error" "Read-only file system"
	fails 125 cp file ro:/f
	contains "$error" "Read-only file system"
	tiffin run -d --name links "$BUSYBOX" sh -c 'echo one >/a; ln /a /b; exec sleep 1000' >/dev/null
	wait_for tiffin exec links test -e /b
	tiffin cp file links:/b
	same "$(tiffin exec links cat /a /b)" $'one\nfile'
	echo mine >original
	ln original second
	tiffin cp links:/b second
	same "$(cat original)" mine
}

@test "what a container makes of special files harms nobody" {
	tiffin run -d --name special "$BUSYBOX" sh -c 'mkdir /s; mkfifo /s/fifo; echo x >/s/x; truncate -s 5G /s/sparse; touch /ready
		mkdir -m 0 /s/closed; echo y >/s/closed/y; exec sleep 1000' >/dev/null
	wait_for tiffin exec special test -e /s/closed/y
	tiffin cp special:/s out
	[ -p out/fifo ]
	same "$(stat -c %s out/sparse)" 5368709120
	[ "$(stat -c %b out/sparse)" -lt 1000 ]
	same "$(stat -c %a out/closed)" 0
	chmod 700 out/closed
	same "$(cat out/closed/y)" y
	tiffin cp special:/s/fifo alone
	[ -p alone ]
	tiffin cp special:/dev devices
	[ ! -e devices/null ]
	tiffin cp special:/ whole 2>/dev/null || :
}

@test "a directory for a root is copied to and from, and the journal and ps work on" {
	mkdir root
	cp /bin/true root/
	tiffin create --name plain --rootfs "$PWD/root" /true >/dev/null
	tiffin cp file plain:/f
	same "$(cat root/f)" file
	tiffin cp plain:/f back
	same "$(cat back)" file
}

@test "paths that are no container's, and containers that are none" {
	fails 125 cp file other
	contains "$error" "one has to be a container's"
	fails 125 cp ./file:1 /tmp/x:y
	fails 125 cp nobody:/x .
	contains "$error" 'no container with name or ID "nobody" found: no such container'
	fails 125 cp - -
	run on_terminal -- cp running:/bin -
	contains "$output" "terminal"
	echo colon >./a:b
	tiffin cp ./a:b running:/colon
	same "$(tiffin exec running cat /colon)" colon
	tiffin cp running:/colon /"$PWD"/c:d
	same "$(cat c:d)" colon
}

@test "one that is being started, prepared, or has changed its root, is reached where its files are" {
	tiffin create --name prepared "$BUSYBOX" cat /cp-file >/dev/null
	tiffin init prepared
	tiffin cp file prepared:/cp-file
	same "$(tiffin start -a prepared)" file
	# Its first process sees the host's files in the moments before it has its own.
	tiffin create --name again "$BUSYBOX" sleep 0.02 >/dev/null
	starting() { until [ -e enough ]; do tiffin start again; done >/dev/null 2>&1 3>&-; }
	starting &
	one=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		tiffin cp file "again:$PWD/into-the-host" 2>/dev/null || :
		tiffin cp "again:$PWD/file" out-of-the-host 2>/dev/null || :
	done
	touch enough
	wait $one
	[ ! -e into-the-host ] && [ ! -e out-of-the-host ]
	tiffin rm -f -t 0 again >/dev/null
	tiffin run -d --name jailed "$BUSYBOX" sh -c 'mkdir -p /jail/bin; cp /bin/busybox /jail/bin; echo x >/outside
		exec chroot /jail /bin/busybox sleep 1000' >/dev/null
	in_jail() { tiffin exec jailed grep -q sleep /proc/1/cmdline; }
	wait_for in_jail
	tiffin cp jailed:/outside got
	same "$(cat got)" x
}

@test "on the host, pipes and devices are written to" {
	same "$(tiffin cp running:/etc/passwd /dev/stdout | cat)" "$(tiffin exec running cat /etc/passwd)"
	tiffin cp running:/etc/passwd /dev/null
	[ -c /dev/null ]
	fails 125 cp running:/etc /dev/null
}

canary() { find canary -printf '%p %m %U %s %T@ %i %l\n' | sort; find canary -type f -exec sha256sum {} + | sort; }

# 1,000 each, as SECURITY.md has it, are for ROUNDS=1000.
@test "a process that swaps paths gets nothing out and nothing in" {
	mkdir -p canary/d
	echo secret >canary/f
	echo secret >canary/d/f
	before=$(canary)
	tiffin run -d --name swaps -v "$PWD/canary:/unused:ro" "$BUSYBOX" sh -c "mkdir -p /x/a/d; echo open >/x/a/f; echo open >/x/a/d/f
		ln -s $PWD/canary /x/b; mkdir /y; ln -s ../../../../../../..$PWD/canary /y/up; touch /ready; exec sleep 1000" >/dev/null
	wait_for tiffin exec swaps test -e /ready
	pid=$(tiffin inspect -f '{{.State.Pid}}' swaps)
	python3 "$LIB/exchange.py" "/proc/$pid/root/x/a" "/proc/$pid/root/x/b" >ready 3>&- 4>&- &
	flipper=$!
	wait_for test -s ready
	echo "from the host" >file
	mkdir tree
	echo "from the host" >tree/f
	for ((i = 0; i < ${ROUNDS:-60}; i++)); do
		rm -rf got
		"$TIFFIN" cp swaps:/x/a/f got 2>/dev/null || :
		[ ! -e got ] || lacks "$(cat got)" secret
		rm -rf got
		"$TIFFIN" cp swaps:/x/a/d got 2>/dev/null || :
		[ ! -e got ] || lacks "$(cat -- got/f 2>/dev/null || :)" secret
		lacks "$("$TIFFIN" cp swaps:/x/a/. - 2>/dev/null | tr -d '\0')" secret
		"$TIFFIN" cp file swaps:/x/a/f 2>/dev/null || :
		"$TIFFIN" cp tree/. swaps:/x/a/d 2>/dev/null || :
		tar -cf - tree | "$TIFFIN" cp - swaps:/x/a 2>/dev/null || :
	done
	kill $flipper
	flipper=
	for c in swaps:/x/a/f swaps:/x/b/f swaps:/y/up/f; do
		rm -rf got
		tiffin cp $c got 2>/dev/null || :
		[ ! -e got ] || lacks "$(cat got)" secret
	done
	same "$(canary)" "$before"
}

@test "a volume by name, fresh or not, in a container that does not run" {
	tiffin create --name named -v "cp-$BATS_TEST_NUMBER:/home" --tmpfs /scratch "$REGISTRY/layers" sh -c 'cat /home/f; ls -A /home; ls -A /scratch' >/dev/null
	tiffin cp file named:/home/f
	tiffin cp named:/home out
	same "$(ls out | tr '\n' ' ')" "app f "
	same "$(tiffin start -a named)" $'file\napp\nf'
	tiffin rm -v named >/dev/null
	tiffin volume rm "cp-$BATS_TEST_NUMBER" >/dev/null
}
