/*
 * The network up to libslirp: its options, how tiffin-net is started, and its confinement. What gives
 * up rights does so in a child, as an ordinary user would.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "net/carrier.h"
#include "net/confine.h"
#include "net/dns.h"
#include "net/network.h"
#include "tests/unit/net_scene.h"

/* ---- options ---- */

static void check_option(const char *word, const char *text)
{
	struct network_config c;
	struct err err = { .text = "" };

	network_config_init(&c);
	CHECK(network_config_set(&c, word, &err) < 0);
	CHECK_STR(err.text, text);
}

TEST(options_say_where_hosts_are_and_what_they_may)
{
	struct network_config c;
	char text[INET6_ADDRSTRLEN];

	network_config_init(&c);
	CHECK_STR(network_text(&c.address, text), "10.0.2.100");
	CHECK_STR(network_text(&c.gateway, text), "10.0.2.2");
	CHECK_STR(network_text6(&c.dns6, text), "fd00::3");
	CHECK(c.mtu == 65520 && c.ipv6 && !c.host_loopback && !c.outbound.sin_family);
	CHECK(network_config_set(&c, "cidr=192.168.77.9/25", NULL) == 0);
	CHECK_STR(network_text(&c.network, text), "192.168.77.0");
	CHECK_STR(network_text(&c.address, text), "192.168.77.100");
	CHECK_STR(network_text(&c.dns, text), "192.168.77.3");
	CHECK(c.prefix == 25);
	CHECK(network_config_set(&c, "allow_host_loopback=true", NULL) == 0 && c.host_loopback);
	CHECK(network_config_set(&c, "enable_ipv6=false", NULL) == 0 && !c.ipv6);
	CHECK(network_config_set(&c, "mtu=68", NULL) == 0 && c.mtu == 68);
	CHECK(network_config_set(&c, "port_handler=slirp4netns", NULL) == 0);
	CHECK(network_config_set(&c, "outbound_addr=lo", NULL) == 0);
	CHECK(c.outbound.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(network_config_set(&c, "outbound_addr6=2001:db8::1", NULL) == 0);
	CHECK(c.outbound6.sin6_addr.s6_addr[0] == 0x20);
}

TEST(options_that_cannot_be_are_refused)
{
	check_option("mtu=67", "'mtu=67': expected a number from 68 to 65520");
	check_option("mtu=65521", "'mtu=65521': expected a number from 68 to 65520");
	check_option("mtu=", "'mtu=': expected a number from 68 to 65520");
	check_option("cidr=10.0.2.0/26", "'cidr=10.0.2.0/26': expected an IPv4 network with a prefix from 8 "
					 "to 25, such as 10.0.2.0/24");
	check_option("cidr=127.0.0.0/8", "'cidr=127.0.0.0/8': hosts have no such addresses");
	check_option("cidr=224.0.0.0/8", "'cidr=224.0.0.0/8': hosts have no such addresses");
	check_option("enable_ipv6=yes", "'enable_ipv6=yes': expected true or false");
	check_option("outbound_addr=nowhere0", "'outbound_addr=nowhere0': expected an IPv4 address, or an "
					       "interface that has one");
	check_option("port_handler=rootlesskit",
		     "'port_handler=rootlesskit': published ports are tiffin-net's own, and keep the peer's "
		     "address: port_handler=slirp4netns");
	for (const char *const *word = (const char *const[]){ "mtu", "mt=1", "=", "mtus=1", NULL }; *word; word++) {
		struct network_config c;
		struct err err = { .text = "" };

		network_config_init(&c);
		CHECK(network_config_set(&c, *word, &err) < 0 && strstr(err.text, ": unknown option: allow_"));
	}
}

/* ---- tiffin-net's start ---- */

TEST(a_helper_that_is_missing_is_an_error_of_the_start)
{
	const struct strv none = { 0 };
	struct err err = { .text = "" };
	int control = -1;
	pid_t pid = 0;

	CHECK(network_start(STDIN_FILENO, &none, NULL, 0, &pid, &control, &err) < 0);
	CHECK(strstr(err.text, "cannot start the network: cannot execute '") == err.text);
	CHECK(strstr(err.text, "/libexec/tiffin/tiffin-net': No such file or directory"));
	CHECK(err.kind == ERR_NOT_FOUND);
	CHECK(control == -1);
}

TEST(await_tells_readiness_from_an_error_and_from_an_early_end)
{
	const struct err ready = { .kind = ERR_NONE };
	struct err said, err = { .text = "" };
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	err_set(&said, ERR_DENIED, "cannot confine tiffin-net");
	CHECK(send(pair[1], &ready, sizeof(ready), 0) == (ssize_t)sizeof(ready));
	CHECK(send(pair[1], &said, sizeof(said), 0) == (ssize_t)sizeof(said));
	close(pair[1]);

	CHECK(network_await(pair[0], &err) == 0);
	CHECK(network_await(pair[0], &err) < 0);
	CHECK_STR(err.text, "cannot start the network: cannot confine tiffin-net");
	CHECK(err.kind == ERR_DENIED);
	CHECK(network_await(pair[0], &err) < 0);
	CHECK_STR(err.text, "tiffin-net ended before the network was up");
	close(pair[0]);
}

/* ---- confinement ---- */

/* Standard output becomes /dev/null: what CHECK prints goes to a descriptor that is kept. */
static void keep_output(void)
{
	if (dup2(STDOUT_FILENO, CARRIER_CONTROL) >= 0)
		stdout = fdopen(CARRIER_CONTROL, "w");
}

static int confined(void)
{
	struct err err = { .text = "" };
	/* One that is kept, as tiffin-net keeps its frames, and one that must not survive. */
	int kept = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int leaked = fcntl(kept, F_DUPFD_CLOEXEC, 77);
	int done, dns = -1;

	keep_output();
	CHECK(dup2(kept, CARRIER_FRAMES) == CARRIER_FRAMES);
	done = confine(&(struct confinement){ .last = CARRIER_FRAMES, .dns = &dns }, &err);
	CHECK_STR(err.text, "");
	CHECK(fcntl(CARRIER_FRAMES, F_GETFD) >= 0);
	CHECK(fcntl(leaked, F_GETFD) < 0);
	return done;
}

static void confined_body(void)
{
	char byte;
	int fd;

	CHECK(confined() == 0);
	CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/proc/self/status", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/new", O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES);
	CHECK(open("/etc/resolv.conf", O_RDWR) < 0 && errno == EACCES);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
	CHECK(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	CHECK(read(STDIN_FILENO, &byte, 1) == 0);
}

TEST(confinement_leaves_sockets_and_no_files)
{
	CHECK(in_child(confined_body) == 0);
}

static void fork_body(void)
{
	CHECK(confined() == 0);
	fork();
}

static void execute_body(void)
{
	char *argv[] = { (char *)"true", NULL };

	CHECK(confined() == 0);
	execv("/bin/true", argv);
}

static void undo_body(void)
{
	CHECK(confined() == 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

TEST(confinement_kills_what_forks_executes_or_undoes_it)
{
#ifndef __SANITIZE_ADDRESS__
	CHECK(in_child(fork_body) == 128 + SIGSYS);
#else
	(void)fork_body;
#endif
	CHECK(in_child(execute_body) == 128 + SIGSYS);
	CHECK(in_child(undo_body) == 128 + SIGSYS);
}

static void chroot_body(void)
{
	struct err err = { .text = "" };

	/* In a chroot(2) the kernel makes no user namespace. */
	CHECK(enter_namespaces() == 0);
	CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/mnt/dev", 0755) == 0);
	CHECK(mount("/dev", "/mnt/dev", NULL, MS_BIND | MS_REC, NULL) == 0);
	CHECK(chroot("/mnt") == 0);
	keep_output();
	CHECK(confine(&(struct confinement){ .last = CARRIER_FRAMES }, &err) < 0);
	CHECK_STR(err.text, "cannot confine tiffin-net: cannot enter namespaces: cannot create user, "
			    "mount, IPC and UTS namespaces: Operation not permitted");
}

TEST(confinement_that_is_not_possible_is_an_error)
{
	CHECK(in_child(chroot_body) == 0);
}

/* ---- name servers ---- */

static int make_file(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

static bool resolv_conf_is(const char *want)
{
	CLEAN(clean_fd) int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	char got[64] = "";

	return fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && strcmp(got, want) == 0;
}

static int own_etc(void)
{
	return enter_namespaces() == 0 && mount("tmpfs", "/etc", "tmpfs", 0, NULL) == 0 ? 0 : -1;
}

/* The monitor's part, on the other end of the socket: each question is answered, a byte later. */
static _Noreturn void answer_all(int control)
{
	struct dns_told told = { .file = { .st_dev = 0 } };
	struct pollfd p = { .fd = control, .events = POLLIN };
	struct err err;

	while (poll(&p, 1, -1) == 1 && dns_answer(control, &told, &err))
		;
	_exit(0);
}

static void follow_body(void)
{
	struct err err = { .text = "" };
	int pair[2], dns = -1;

	CHECK(own_etc() == 0);
	CHECK(make_file("/etc/resolv.conf", "old\n") == 0 && make_file("/etc/new", "new\n") == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	if (fork() == 0) {
		close(pair[0]); /* or the end of the other would go unnoticed */
		answer_all(pair[1]);
	}
	close(pair[1]);
	CHECK(dup2(pair[0], CARRIER_PORTS) == CARRIER_PORTS);
	keep_output();
	CHECK(confine(&(struct confinement){ .last = CARRIER_PORTS, .dns = &dns }, &err) == 0);
	CHECK(resolv_conf_is("old\n"));
	dns_follow(CARRIER_PORTS, dns);
	CHECK(resolv_conf_is("old\n"));
	CHECK(open("/etc/new", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/etc/resolv.conf", O_RDWR) < 0 && errno == EACCES);
	/* What the host has by now comes by the socket: here, as somebody else says it. */
	dns_write(dns, "other and longer\n", 17);
	CHECK(resolv_conf_is("other and longer\n"));
	dns_write(dns, "new\n", 4);
	CHECK(resolv_conf_is("new\n"));
}

TEST(the_file_of_the_name_servers_is_a_copy_that_only_its_descriptor_writes)
{
	CHECK(in_child(follow_body) == 0);
}

static void answers_body(void)
{
	struct dns_told told = { .file = { .st_dev = 0 } };
	struct err err = { .kind = ERR_NONE };
	char got[1 + DNS_TEXT_MAX] = "";
	int pair[2];

	CHECK(own_etc() == 0);
	CHECK(make_file("/etc/resolv.conf", "old\n") == 0 && make_file("/etc/new", "renamed\n") == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	for (const char *const *want = (const char *const[]){ "+old\n", "=", NULL }; *want; want++) {
		CHECK(send(pair[0], "?", 1, 0) == 1 && dns_answer(pair[1], &told, &err));
		CHECK(recv(pair[0], got, sizeof(got), MSG_DONTWAIT) == (ssize_t)strlen(*want));
		CHECK(strncmp(got, *want, strlen(*want)) == 0);
	}
	CHECK(rename("/etc/new", "/etc/resolv.conf") == 0);
	CHECK(send(pair[0], "?", 1, 0) == 1 && dns_answer(pair[1], &told, &err));
	CHECK(recv(pair[0], got, sizeof(got), MSG_DONTWAIT) == 9 && strncmp(got, "+renamed\n", 9) == 0);
	CHECK(unlink("/etc/resolv.conf") == 0);
	CHECK(send(pair[0], "?", 1, 0) == 1 && dns_answer(pair[1], &told, &err));
	CHECK(recv(pair[0], got, sizeof(got), MSG_DONTWAIT) == 1 && got[0] == '+');
	/* Nothing to be read is no end; what is neither a question nor an error is. */
	CHECK(dns_answer(pair[1], &told, &err));
	CHECK(send(pair[0], "??", 2, 0) == 2 && !dns_answer(pair[1], &told, &err));
	CHECK(err.kind == ERR_NONE);
	err_set(&err, ERR_DENIED, "no");
	CHECK(send(pair[0], &err, sizeof(err), 0) == (ssize_t)sizeof(err));
	err = (struct err){ .kind = ERR_NONE };
	CHECK(!dns_answer(pair[1], &told, &err) && err.kind == ERR_DENIED);
	close(pair[0]);
	CHECK(!dns_answer(pair[1], &told, &err));
}

TEST(questions_for_name_servers_are_answered_with_what_has_changed)
{
	CHECK(in_child(answers_body) == 0);
}

static void long_body(void)
{
	static char text[2 * DNS_TEXT_MAX + 1], got[DNS_TEXT_MAX];
	size_t n;

	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 99; i < sizeof(text) - 1; i += 100)
		text[i] = '\n';
	CHECK(own_etc() == 0);
	CHECK(make_file("/etc/resolv.conf", text) == 0);
	n = dns_read(got);
	CHECK(n == 4000 && got[n - 1] == '\n');
	/* One that never comes is not waited for. */
	CHECK(unlink("/etc/resolv.conf") == 0 && mkfifo("/etc/resolv.conf", 0600) == 0);
	CHECK(dns_read(got) == 0);
}

TEST(a_resolv_conf_that_is_too_long_is_cut_at_a_line)
{
	CHECK(in_child(long_body) == 0);
}

int main(void)
{
	const char *ns = no_namespaces();

	RUN(options_say_where_hosts_are_and_what_they_may);
	RUN(options_that_cannot_be_are_refused);
	RUN(a_helper_that_is_missing_is_an_error_of_the_start);
	RUN(await_tells_readiness_from_an_error_and_from_an_early_end);
	RUN_UNLESS(ns, confinement_leaves_sockets_and_no_files);
	RUN_UNLESS(ns, the_file_of_the_name_servers_is_a_copy_that_only_its_descriptor_writes);
	RUN_UNLESS(ns, questions_for_name_servers_are_answered_with_what_has_changed);
	RUN_UNLESS(ns, a_resolv_conf_that_is_too_long_is_cut_at_a_line);
	RUN_UNLESS(ns, confinement_kills_what_forks_executes_or_undoes_it);
	RUN_UNLESS(ns, confinement_that_is_not_possible_is_an_error);
	return test_summary();
}
