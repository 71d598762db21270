/*
 * Theory of operation
 *
 * pasta is told what podman tells it: no way to the host's loopback, neither by the gateway's
 * address nor by ports that it would forward by itself. It joins the namespaces of a process, and
 * would stay when that has ended. Nor can it be asked to die with us: joining a user namespace
 * resets PR_SET_PDEATHSIG. So a guard stands between, a fork of ours without anything else of ours,
 * which ends pasta when the control socket is closed, by whatever end, and ends with it.
 *
 * Is the network up? pasta writes its number to a file then: that is its standard input, a pipe.
 * What it has to say about an error comes out of the same pipe, by its standard error.
 */
#include "net/pasta.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

/* --- Its command line --- */

/* Each with a value, which is the user's if the user gives one. */
static const struct {
	const char *name, *letter, *value;
} defaults[] = {
	{ "--tcp-ports", "-t", "none" }, { "--udp-ports", "-u", "none" },
	{ "--tcp-ns", "-T", "none" },	 { "--udp-ns", "-U", "none" },
	{ "--dns-forward", NULL, PASTA_DNS },
};

static bool is_option(const char *word, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len && strncmp(word, name, len) == 0 &&
	       (!word[len] || (word[len] == '=' && len > 2));
}

static bool has(const struct strv *options, const char *name, const char *letter)
{
	for (size_t i = 0; i < options->n; i++)
		if (is_option(options->v[i], name) || is_option(options->v[i], letter))
			return true;
	return false;
}

int pasta_check(const struct strv *options, struct err *err)
{
	static const char *const ours[] = { "-P", "--pid", "--netns", "--userns", "-f",
					    "--foreground", "--netns-only", "--config-net" };
	const char *path = getenv("PATH");
	CLEAN(clean_free) char *copy = xstrdup(path ? path : "/usr/bin:/bin");
	char *rest;

	for (size_t i = 0; i < options->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(ours); k++)
			if (is_option(options->v[i], ours[k]))
				return err_set(err, ERR_UNSUPPORTED,
					       "'%s' is tiffin's own to say to pasta",
					       options->v[i]);
	for (char *dir = strtok_r(copy, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
		CLEAN(clean_free) char *program = xasprintf("%s/pasta", dir);

		if (access(program, X_OK) == 0)
			return 0;
	}
	err_set(err, ERR_NOT_FOUND, "there is no program 'pasta' on this machine");
	return err_hint(err,
			"install the package passt, or take the built-in network: --network slirp");
}

static void add_ports(const struct network_port *ports, size_t n, bool udp, struct strv *argv)
{
	for (size_t i = 0; i < n; i++) {
		const struct network_port *p = &ports[i];

		if (!*p->address || p->udp != udp)
			continue;
		strv_add(argv, udp ? "-u" : "-t");
		strv_addf(argv, "%s/%u:%u", p->address, p->host, p->container);
	}
}

static bool publishes(const struct network_port *ports, size_t n, bool udp)
{
	for (size_t i = 0; i < n; i++)
		if (*ports[i].address && ports[i].udp == udp)
			return true;
	return false;
}

static void make_argv(pid_t target, const struct strv *options, const struct network_port *ports,
		      size_t n_ports, struct strv *argv)
{
	static const char *const fixed[] = { "pasta", "--config-net", "--foreground", "--quiet",
					     "--pid", "/proc/self/fd/0" };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	/* podman's word for the opposite of --no-map-gw, which is no option of pasta's own. */
	if (!has(options, "--map-gw", NULL))
		strv_add(argv, "--no-map-gw");
	add_ports(ports, n_ports, false, argv);
	add_ports(ports, n_ports, true, argv);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		if (has(options, defaults[i].name, defaults[i].letter) ||
		    (i < 2 && publishes(ports, n_ports, i == 1)))
			continue;
		strv_add(argv, defaults[i].name);
		strv_add(argv, defaults[i].value);
	}
	for (size_t i = 0; i < options->n; i++)
		if (!is_option(options->v[i], "--map-gw"))
			strv_add(argv, options->v[i]);
	strv_addf(argv, "%d", (int)target);
}

/* --- The guard --- */

/* The last line but those about a system log that is not there. */
static const char *what_went_wrong(char *text)
{
	const char *last = "it ended and said nothing";
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(line, "syslog"))
			last = line;
	return last;
}

/* Its number, or what it says instead: ERR_NETWORK. */
static int hear_start(int said, struct err *err)
{
	char text[400] = "", *line = text;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1) {
		n = read(said, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
		/* A line of digits; warnings may stand before it. */
		for (char *end; (end = strchr(line, '\n')); line = end + 1)
			if (end > line && strspn(line, "0123456789") == (size_t)(end - line))
				return 0;
	}
	return err_set(err, ERR_NETWORK, "pasta: %s", what_went_wrong(text));
}

static int spawn(const struct strv *argv, pid_t *ret, struct err *err)
{
	CLEAN(clean_fd) int theirs = -1;
	CLEAN(clean_fd) int said = -1;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	said = pipes[0];
	theirs = pipes[1];
	if (proc_spawn((const char *const *)argv->v,
		       (const struct fd_map[]){
			       { theirs, 0 }, { theirs, 1 }, { theirs, 2 }, FD_MAP_END },
		       ret, err) < 0)
		return -1;
	close(fd_take(&theirs));
	if (hear_start(said, err) == 0)
		return 0;
	kill(*ret, SIGKILL);
	proc_reap(*ret);
	return -1;
}

/* Nothing of the container's or of its clients' is to stay open here. */
static void let_go(int control)
{
	if (control > 3)
		syscall(SYS_close_range, 3u, (unsigned int)control - 1, 0u);
	syscall(SYS_close_range, (unsigned int)control + 1, ~0u, 0u);
}

static _Noreturn void guard(const struct strv *argv, int control)
{
	struct err err = { .kind = ERR_NONE };
	struct pollfd p[2] = { { .fd = control, .events = POLLIN } };
	pid_t pid = 0;
	int result;

	prctl(PR_SET_NAME, "tiffin-pasta");
	let_go(control);
	result = spawn(argv, &pid, &err);
	(void)!send(control, &err, sizeof(err), MSG_NOSIGNAL);
	if (result < 0)
		_exit(EXIT_FAILURE);
	p[1] = (struct pollfd){ .fd = pidfd_open(pid, 0), .events = POLLIN };
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	kill(pid, SIGKILL);
	proc_reap(pid);
	_exit(EXIT_SUCCESS);
}

int pasta_start(pid_t target, const struct strv *options, const struct network_port *ports,
		size_t n_ports, pid_t *ret_pid, int *ret_control, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a socket pair for pasta");
	ours = pair[0];
	theirs = pair[1];
	make_argv(target, options, ports, n_ports, &argv);
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot start the network");
	if (pid == 0)
		guard(&argv, theirs);
	close(fd_take(&theirs));
	if (network_await(ours, err) < 0) {
		close(fd_take(&ours));
		proc_reap(pid);
		return -1;
	}
	*ret_pid = pid;
	*ret_control = fd_take(&ours);
	return 0;
}
