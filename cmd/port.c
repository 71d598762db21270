#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/latest.h"
#include "cmd/port_option.h"
#include "storage/container.h"

struct port_options {
	bool all, latest;
};

static const struct opt port_opts[] = {
	{ 'a', "all", NULL, "of all containers that run, with their IDs", set_flag,
	  FIELD(port_options, all) },
	LATEST_ROW(port_options, latest),
	{ 0 },
};

static void print_host(const struct network_port *p)
{
	char address[NETWORK_TEXT_MAX];

	printf("%s:%u\n", network_bracket(p->address, address), p->host);
}

/* id: NULL, or the container's, for the beginning of each line. */
static void print_all(const struct port_list *ports, const char *id)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct network_port *p = &ports->v[i];

		if (!port_published(p))
			continue;
		if (id)
			printf("%.12s\t", id);
		printf("%u/%s -> ", p->container, p->udp ? "udp" : "tcp");
		print_host(p);
	}
}

static int print_one(const struct port_list *ports, const char *text, const char *container,
		     struct err *err)
{
	CLEAN(port_list_done) struct port_list want = { 0 };
	bool found = false;

	if (port_option_expose(&want, text, NULL) < 0 || want.n != 1)
		return err_set(err, ERR_USAGE, "'%s' is not a port: use 80 or 80/udp", text);
	for (size_t i = 0; i < ports->n; i++) {
		const struct network_port *p = &ports->v[i];

		if (port_published(p) && p->container == want.v[0].container &&
		    p->udp == want.v[0].udp) {
			print_host(p);
			found = true;
		}
	}
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "no public port '%u/%s' published for %s",
			       want.v[0].container, want.v[0].udp ? "udp" : "tcp", container);
	return 0;
}

/* One that does not run has none: the random ones will be others. */
static void ports_of(const struct container *c, struct port_list *ret)
{
	if (c->status == CONTAINER_RUNNING)
		port_list_from_json(c->state.ports, ret);
	port_list_sort(ret);
}

static int print_every(const struct tiffin *t, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		CLEAN(port_list_done) struct port_list ports = { 0 };

		ports_of(&list[i], &ports);
		print_all(&ports, list[i].id);
	}
	container_list_done(list, n);
	return 0;
}

static int port(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct port_options *o = options;
	CLEAN(strv_done) struct strv words = { 0 };
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(port_list_done) struct port_list ports = { 0 };

	if (o->all && (o->latest || operands->n))
		return err_set(err, ERR_USAGE,
			       "port: a name, --all and --latest do not go together");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all)
		return print_every(t, err);
	if (latest_operands(t, o->latest, "port", 1, 1, operands, &words, err) < 0 ||
	    container_find(&t->store, words.v[0], &c, err) < 0)
		return -1;
	ports_of(&c, &ports);
	if (words.n > 1)
		return print_one(&ports, words.v[1], words.v[0], err);
	print_all(&ports, NULL);
	return 0;
}

const struct command command_port = {
	.names = "port",
	.operands = "[OPTIONS] [CONTAINER] [PORT[/PROTOCOL]]",
	.summary = "print where the published ports of a container are",
	.opts = port_opts,
	.size = sizeof(struct port_options),
	.max_operands = 2,
	.run = port,
};
