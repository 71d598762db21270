#include "cmd/service_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#define PRESERVED_MAX 512
/* Where crun has it. */
#define NOTIFY_TARGET "/run/notify/notify.sock"

const struct opt preserve_opts[] = {
	{ 0, "preserve-fds", "N", "hand over so many descriptors, from 3 on", set_number, 0 },
	{ 0 },
};

const struct opt service_opts[] = {
	{ .more = preserve_opts, .field = FIELD(service_options, preserve_fds) },
	{ 0, "pidfile", "FILE", "write the number of the first process there", set_string,
	  FIELD(service_options, pidfile) },
	{ 0, "conmon-pidfile", "FILE", "write the number of the container's monitor there",
	  set_string,
	  FIELD(service_options, conmon_pidfile) },
	{ 0, "sdnotify", "MODE", "who tells $NOTIFY_SOCKET that it is ready: ignore (the default), "
	  "conmon, container", set_string, FIELD(service_options, sdnotify) },
	{ 0 },
};

void service_options_done(struct service_options *o)
{
	free(o->pidfile);
	free(o->conmon_pidfile);
	free(o->sdnotify);
	*o = (struct service_options){ 0 };
}

static bool mode_is(const struct service_options *o, const char *mode)
{
	return streq(o->sdnotify ? o->sdnotify : "ignore", mode);
}

/* The monitor lives in another directory than we. */
static void make_absolute(char **path)
{
	CLEAN(clean_free) char *cwd = NULL;
	char *whole;

	if (!*path || **path == '/')
		return;
	cwd = getcwd(NULL, 0);
	whole = xasprintf("%s/%s", cwd ? cwd : "", *path);
	free(*path);
	*path = whole;
}

int service_options_check(struct service_options *o, struct err *err)
{
	if (!mode_is(o, "ignore") && !mode_is(o, "conmon") && !mode_is(o, "container"))
		return err_set(err, ERR_USAGE,
			       "--sdnotify %s: invalid sdnotify value: must be container, conmon "
			       "or ignore",
			       o->sdnotify);
	make_absolute(&o->pidfile);
	make_absolute(&o->conmon_pidfile);
	return 0;
}

json_t *service_options_to_json(const struct service_options *o)
{
	json_t *j = json_object();

	js_set_str(j, "pidfile", o->pidfile);
	js_set_str(j, "conmon_pidfile", o->conmon_pidfile);
	js_set_str(j, "sdnotify", o->sdnotify);
	return j;
}

void service_options_from_json(const json_t *j, struct service_options *ret)
{
	ret->pidfile = xstrdup(js_str(j, "pidfile"));
	ret->conmon_pidfile = xstrdup(js_str(j, "conmon_pidfile"));
	ret->sdnotify = xstrdup(js_str(j, "sdnotify"));
}

/* What we open ourselves is close-on-exec; what was handed to us can't be. */
int preserve_fds_claim(int n, struct err *err)
{
	if (n < 0 || n > PRESERVED_MAX)
		return err_set(err, ERR_USAGE, "--preserve-fds: %d is not from 0 to %d", n,
			       PRESERVED_MAX);
	for (int fd = 3; fd < 3 + n; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return err_set(err, ERR_USAGE,
				       "file descriptor %d is not available - the preserve-fds "
				       "option requires that file descriptors must be passed",
				       fd);
	}
	for (int fd = 3; fd < 3 + n; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* A number that is all of the variable's text; 0: none. */
static long number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long n = text ? strtol(text, &end, 10) : 0;

	return text && *text && !*end ? n : 0;
}

void service_take_sockets(struct service_options *o)
{
	long n = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != getpid() || n < 1 || n > PRESERVED_MAX)
		return;
	o->listen_fds = (int)n;
	if (o->preserve_fds < o->listen_fds)
		o->preserve_fds = o->listen_fds;
}

int service_claim_sockets(struct service_options *o, const struct each *each,
			  const struct strv *operands, struct err *err)
{
	service_take_sockets(o);
	if (!o->listen_fds)
		return 0;
	if (each->all || each->filters.n || operands->n + each->cidfiles.n + each->latest != 1)
		return err_set(err, ERR_USAGE,
			       "the service manager's sockets (LISTEN_FDS) are for one container, "
			       "which is to be named");
	return preserve_fds_claim(o->preserve_fds, err);
}

void service_hand_sockets(const struct service_options *from, struct service_options *to)
{
	to->preserve_fds = from->preserve_fds;
	to->listen_fds = from->listen_fds;
}

void preserve_fds_release(int n)
{
	for (int fd = 3; fd < 3 + n; fd++)
		close(fd);
}

/* sd_notify(3): a path, or "@" and the name of an abstract socket. The address's length, or 0. */
static socklen_t notify_address(struct sockaddr_un *ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(ret->sun_path) || (*path != '/' && *path != '@'))
		return 0;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len);
	if (*path == '@')
		ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path == '/'));
}

static int notify_socket(void)
{
	CLEAN(clean_fd) int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t len = notify_address(&address);

	errno = len ? errno : EAFNOSUPPORT;
	if (sock < 0 || !len || connect(sock, (const struct sockaddr *)&address, len) < 0)
		return -1;
	return fd_take(&sock);
}

int service_prepare(const struct service_options *o, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	const char *path = getenv("NOTIFY_SOCKET");

	if (mode_is(o, "ignore") || !path)
		return 0;
	sock = notify_socket();
	if (sock < 0)
		return err_sys(err, "--sdnotify %s: NOTIFY_SOCKET '%s'", o->sdnotify, path);
	if (!mode_is(o, "container"))
		return 0;
	if (*path != '/')
		return err_set(err, ERR_UNSUPPORTED,
			       "--sdnotify container: NOTIFY_SOCKET '%s' is not a file", path);
	container_spec_add_mount(spec, (struct mount_spec){ .kind = MOUNT_BIND,
							    .source = xstrdup(path),
							    .target = xstrdup(NOTIFY_TARGET) });
	strv_set_env(&spec->env, "NOTIFY_SOCKET=" NOTIFY_TARGET);
	return 0;
}

static int write_pid(const char *path, pid_t pid, struct err *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);

	return path ? file_replace_at(AT_FDCWD, path, text, (size_t)len, 0644, RELAXED, err) : 0;
}

int service_write_pids(const struct service_options *o, pid_t first, struct err *err)
{
	if (write_pid(o->pidfile, first, err) < 0 ||
	    write_pid(o->conmon_pidfile, getpid(), err) < 0)
		return -1;
	return 0;
}

void service_notify(const struct service_options *o)
{
	CLEAN(clean_fd) int sock = -1;
	char text[64];

	if (mode_is(o, "ignore") || !getenv("NOTIFY_SOCKET"))
		return;
	sock = notify_socket();
	snprintf(text, sizeof(text), "MAINPID=%d%s", (int)getpid(),
		 mode_is(o, "conmon") ? "\nREADY=1" : "");
	if (sock >= 0)
		send(sock, text, strlen(text), MSG_NOSIGNAL);
}
