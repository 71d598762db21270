#include "cmd/etc_files.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "net/network.h"

#define HOST_FILE_MAX (1u << 20)

static void make_hosts(const struct container_spec *spec, struct buf *out)
{
	buf_adds(out, "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::\tip6-localnet\n"
		      "ff00::\tip6-mcastprefix\n"
		      "ff02::1\tip6-allnodes\n"
		      "ff02::2\tip6-allrouters\n");
	buf_addf(out, "%s\t%s\n",
		 spec->network == NETWORK_PRIVATE ? NETWORK_ADDRESS : "127.0.0.1", spec->hostname);
}

/* Of the host's resolv.conf(5) all but its servers, which the container reaches through one of ours. */
static void make_resolv_conf(const char *host, struct buf *out)
{
	CLEAN(clean_free) char *copy = xstrdup(host);
	char *line, *rest;

	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (starts_with(line, "search") || starts_with(line, "domain") ||
		    starts_with(line, "options"))
			buf_addf(out, "%s\n", line);
	buf_adds(out, "nameserver " NETWORK_DNS "\n");
}

static int put(int dir, const char *name, const struct buf *text, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_sys(err, "cannot create the container's '%s'", name);
	if (write_all(fd, buf_str(text), text->len, err) < 0)
		return err_wrap(err, "the container's '%s'", name);
	return 0;
}

/* The host's file, following symlinks; empty where it has none. */
static void read_host(const char *path, struct buf *ret)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[4096];
	ssize_t n;

	while (fd >= 0 && ret->len < HOST_FILE_MAX && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
}

int etc_files_write(int dir, const struct container_spec *spec, struct err *err)
{
	CLEAN(buf_done) struct buf hosts = { 0 };
	CLEAN(buf_done) struct buf hostname = { 0 };
	CLEAN(buf_done) struct buf resolv = { 0 };
	CLEAN(buf_done) struct buf host_resolv = { 0 };

	read_host("/etc/resolv.conf", &host_resolv);
	if (spec->network == NETWORK_HOST)
		read_host("/etc/hosts", &hosts);
	else
		make_hosts(spec, &hosts);
	if (spec->network == NETWORK_PRIVATE)
		make_resolv_conf(buf_str(&host_resolv), &resolv);
	else
		buf_adds(&resolv, buf_str(&host_resolv));
	buf_addf(&hostname, "%s\n", spec->hostname);
	if (put(dir, "hosts", &hosts, err) < 0 || put(dir, "hostname", &hostname, err) < 0 ||
	    put(dir, "resolv.conf", &resolv, err) < 0)
		return -1;
	return 0;
}
