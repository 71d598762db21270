#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/command.h"
#include "cmd/port_option.h"
#include "storage/container.h"

static const struct opt port_opts[] = { { 0 } };

static void print_host(const struct network_port *p)
{
	char address[NETWORK_TEXT_MAX];

	printf("%s:%u\n", network_bracket(p->address, address), p->host);
}

static void print_all(const struct port_list *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct network_port *p = &ports->v[i];

		if (!port_published(p))
			continue;
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

static int port(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(port_list_done) struct port_list ports = { 0 };

	(void)options;
	if (tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0)
		return -1;
	/* One that does not run has none: the random ones will be others. */
	if (c.status == CONTAINER_RUNNING)
		port_list_from_json(c.state.ports, &ports);
	port_list_sort(&ports);
	if (operands->n > 1)
		return print_one(&ports, operands->v[1], operands->v[0], err);
	print_all(&ports);
	return 0;
}

const struct command command_port = {
	.names = "port",
	.operands = "CONTAINER [PORT[/PROTOCOL]]",
	.summary = "print where the published ports of a container are",
	.opts = port_opts,
	.size = 1,
	.min_operands = 1,
	.max_operands = 2,
	.run = port,
};
