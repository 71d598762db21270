#include "cmd/etc_files.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "net/network.h"
#include "net/pasta.h"

#define HOST_FILE_MAX (1u << 20)

/* The address of this machine that leads to it from the container; NULL: none does. */
static const char *gateway_of(const struct container_spec *spec, char ret[NETWORK_TEXT_MAX])
{
	if (spec->network == NETWORK_HOST)
		return "127.0.0.1";
	/* With pasta the host's address is the container's own. */
	if (spec->network != NETWORK_PRIVATE || !network_host_address(ret))
		return NULL;
	return ret;
}

/* The first line that fits counts, so these stand in front of all others. */
static int add_hosts(const struct etc_options *o, const char *gateway, struct buf *out,
		     struct err *err)
{
	for (size_t i = 0; i < o->hosts.n; i++) {
		int len = (int)strcspn(o->hosts.v[i], ":");
		const char *address = o->hosts.v[i] + len + 1;

		if (streq(address, HOST_GATEWAY))
			address = gateway;
		if (!address)
			return err_set(err, ERR_UNSUPPORTED,
				       "--add-host %s: this machine has no address that leads to "
				       "it from the container",
				       o->hosts.v[i]);
		buf_addf(out, "%s\t%.*s\n", address, len, o->hosts.v[i]);
	}
	return 0;
}

/* The container's own address. */
static const char *address_of(const struct container_spec *spec,
			      const struct network_config *network, char ret[NETWORK_TEXT_MAX])
{
	if (spec->network == NETWORK_PRIVATE)
		return network_text(&network->address, ret);
	return spec->network == NETWORK_PASTA && network_host_address(ret) ? ret : "127.0.0.1";
}

static void make_hosts(const struct container_spec *spec, const struct network_config *network,
		       const char *gateway, struct buf *out)
{
	char own[NETWORK_TEXT_MAX];

	buf_adds(out, "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::\tip6-localnet\n"
		      "ff00::\tip6-mcastprefix\n"
		      "ff02::1\tip6-allnodes\n"
		      "ff02::2\tip6-allrouters\n");
	buf_addf(out, "%s\t%s\n", address_of(spec, network, own), spec->hostname);
	if (gateway)
		buf_addf(out, "%s\thost.containers.internal host.docker.internal\n", gateway);
}

static bool is_keyword(const char *line, const char *word)
{
	size_t len = strlen(word);

	return starts_with(line, word) && (line[len] == ' ' || line[len] == '\t');
}

/* Lines of the host's that the options do not replace, and which families its servers are of. */
static void keep_lines(const char *host, const struct etc_options *o, bool private, struct buf *out,
		       bool *ret_four, bool *ret_six)
{
	CLEAN(clean_free) char *copy = xstrdup(host);
	char *line, *rest;

	*ret_four = *ret_six = false;
	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bool server = is_keyword(line, "nameserver");
		bool search = is_keyword(line, "search") || is_keyword(line, "domain");
		bool options = is_keyword(line, "options");

		if (server)
			*(strchr(line, ':') ? ret_six : ret_four) = true;
		if (server ? !private && !o->servers.n :
		    search ? !o->search.n :
		    options ? !o->options.n : !private)
			buf_addf(out, "%s\n", line);
	}
}

static void add_words(const char *keyword, const struct strv *words, struct buf *out)
{
	if (!words->n)
		return;
	buf_adds(out, keyword);
	for (size_t i = 0; i < words->n; i++)
		buf_addf(out, " %s", words->v[i]);
	buf_adds(out, "\n");
}

static void add_servers(const struct network_config *network, bool four, bool six, struct buf *out)
{
	char text[INET_ADDRSTRLEN], text6[INET6_ADDRSTRLEN];

	if (six && !four)
		buf_addf(out, "nameserver %s\n", network_text6(&network->dns6, text6));
	buf_addf(out, "nameserver %s\n", network_text(&network->dns, text));
	if (six && four)
		buf_addf(out, "nameserver %s\n", network_text6(&network->dns6, text6));
}

/*
 * resolv.conf(5): the host's, but for what the options say. Its servers are reached through one of
 * ours for each family, that which leads somewhere first: the host's may change while we run.
 */
static void make_resolv_conf(const struct container_spec *spec,
			     const struct network_config *network, const struct etc_options *o,
			     const char *host, struct buf *out)
{
	bool private = spec->network == NETWORK_PRIVATE || spec->network == NETWORK_PASTA, four,
	     six;

	keep_lines(host, o, private, out, &four, &six);
	if (!(o->search.n == 1 && streq(o->search.v[0], ".")))
		add_words("search", &o->search, out);
	add_words("options", &o->options, out);
	for (size_t i = 0; i < o->servers.n; i++)
		buf_addf(out, "nameserver %s\n", o->servers.v[i]);
	if (o->servers.n || !private)
		return;
	if (spec->network == NETWORK_PASTA)
		buf_adds(out, "nameserver " PASTA_DNS "\n");
	else
		add_servers(network, four, six && network->ipv6, out);
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

int etc_files_copy(int containers, const char *id, int dir, struct err *err)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEAN(clean_free) char *path = xasprintf("%s/%s", id, files[i]);
		CLEAN(buf_done) struct buf text = { 0 };

		if (file_read_at(containers, path, HOST_FILE_MAX, &text, err) < 0)
			return err_wrap(err, "container %.12s's '%s'", id, files[i]);
		if (put(dir, files[i], &text, err) < 0)
			return -1;
	}
	return 0;
}

int etc_files_write(int dir, const struct container_spec *spec,
		    const struct network_config *network, const struct etc_options *options,
		    struct err *err)
{
	char text[NETWORK_TEXT_MAX];
	const char *gateway = gateway_of(spec, text);
	CLEAN(buf_done) struct buf hosts = { 0 };
	CLEAN(buf_done) struct buf hostname = { 0 };
	CLEAN(buf_done) struct buf resolv = { 0 };
	CLEAN(buf_done) struct buf host_resolv = { 0 };

	read_host("/etc/resolv.conf", &host_resolv);
	if (add_hosts(options, gateway, &hosts, err) < 0)
		return -1;
	if (spec->network == NETWORK_HOST)
		read_host("/etc/hosts", &hosts);
	else
		make_hosts(spec, network, gateway, &hosts);
	make_resolv_conf(spec, network, options, buf_str(&host_resolv), &resolv);
	buf_addf(&hostname, "%s\n", spec->hostname);
	if (put(dir, "hosts", &hosts, err) < 0 || put(dir, "hostname", &hostname, err) < 0 ||
	    put(dir, "resolv.conf", &resolv, err) < 0)
		return -1;
	return 0;
}
