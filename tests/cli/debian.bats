# ids: range
#
# A distribution, debootstrapped from the mirror of this machine's own apt.
load ../lib/common

setup_file() {
	[ -n "$TIFFIN_TEST_DEBIAN" ] || skip "debian:bookworm could not be made"
	own_store debian:bookworm
}
teardown_file() { drop_store; }

DEBIAN=$REGISTRY/debian:bookworm

@test "id is root, in one group" {
	run --separate-stderr tiffin run --rm "$DEBIAN" id
	same "$output" "uid=0(root) gid=0(root) groups=0(root)"
}

@test "ls -ln shows the owners that Debian has" {
	run tiffin run --rm "$DEBIAN" ls -lnd /etc/shadow /var/mail /var/local /usr/bin/passwd /tmp /etc
	matches "$output" 'rw-r----- +[0-9]+ +0 +42 .*/etc/shadow'
	matches "$output" 'rwxrwsr-x +[0-9]+ +0 +8 .*/var/mail'
	matches "$output" 'rwxrwsr-x +[0-9]+ +0 +50 .*/var/local'
	matches "$output" 'rwsr-xr-x +[0-9]+ +0 +0 .*/usr/bin/passwd'
	matches "$output" 'rwxrwxrwt +[0-9]+ +0 +0 .*/tmp'
	same "$(tiffin run --rm "$DEBIAN" stat -c %U:%G /var/mail /etc/shadow)" $'root:mail\nroot:shadow'
}

@test "apt-get update and install work through the container's own network" {
	run tiffin run --name apt "$DEBIAN" \
		sh -c 'apt-get update && apt-get install -y --no-install-recommends hello && hello'
	same "$status" 0
	contains "$output" "Hello, world!"
	tiffin rm apt
}

@test "users are made, and programs run as them" {
	run tiffin run --rm "$DEBIAN" sh -c 'useradd -m somebody && su somebody -c "id -un; cd; pwd"'
	same "$status" 0
	contains "$output" $'somebody\n/home/somebody'
}

@test "a daemon's user owns what it is given" {
	run tiffin run --rm "$DEBIAN" sh -c 'install -d -o www-data -g adm -m 2750 /srv/www && stat -c "%U:%G %a" /srv/www'
	same "$output" "www-data:adm 2750"
}

@test "bash has job control and perl and dpkg run" {
	run tiffin run --rm "$DEBIAN" bash -c 'set -m; sleep 0.1 & wait; perl -e "print 6*7, qq(\n)"; dpkg --audit; dpkg -s bash | grep Status'
	same "$status" 0
	contains "$output" 42 "install ok installed"
}
