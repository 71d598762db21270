#include "cmd/ports.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

void port_list_add(struct port_list *l, struct network_port port)
{
	port.sock = -1;
	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = port;
}

void port_list_close(struct port_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].sock >= 0)
			close(fd_take(&l->v[i].sock));
}

void port_list_done(struct port_list *l)
{
	port_list_close(l);
	free(l->v);
	*l = (struct port_list){ 0 };
}

static const char *protocol_of(const struct network_port *p)
{
	return p->udp ? "udp" : "tcp";
}

json_t *port_list_to_json(const struct port_list *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct network_port *p = &l->v[i];
		json_t *j = json_object();

		js_set_int(j, "container", p->container);
		js_set_str(j, "protocol", protocol_of(p));
		if (port_published(p)) {
			js_set_str(j, "address", p->address);
			js_set_int(j, "host", p->host);
			js_set_int(j, "host_last", p->host_last);
		}
		json_array_append_new(array, j);
	}
	return array;
}

static bool is_port(int64_t n)
{
	return n >= 0 && n <= UINT16_MAX;
}

void port_list_from_json(const json_t *array, struct port_list *ret)
{
	json_t *j;
	size_t i;

	json_array_foreach(array, i, j) {
		const char *address = js_str(j, "address");
		int64_t container = js_int(j, "container");
		int64_t host = js_int(j, "host"), last = js_int(j, "host_last");
		struct network_port p = {
			.container = (uint16_t)container,
			.host = (uint16_t)host,
			.host_last = (uint16_t)last,
			.udp = streq(js_str(j, "protocol") ?: "", "udp"),
		};

		if (!is_port(container) || container == 0 || !is_port(host) || !is_port(last) ||
		    (address && !network_address_valid(address)))
			continue;
		if (address)
			memcpy(p.address, address, strlen(address) + 1);
		port_list_add(ret, p);
	}
}

bool port_list_is_published(const struct port_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (port_published(&l->v[i]))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct network_port *x = a, *y = b;
	int address = strcmp(x->address, y->address);

	if (x->container != y->container)
		return x->container < y->container ? -1 : 1;
	if (address != 0)
		return address;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return x->udp - y->udp;
}

void port_list_sort(struct port_list *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

static void put_item(struct buf *out, const char *text)
{
	buf_addf(out, "%s%s", out->len ? ", " : "", text);
}

/* "127.0.0.1:80-82->80-82/tcp", or "80-82/tcp" where they are not published. */
static void put_run(struct buf *out, const struct network_port *first, unsigned int last)
{
	CLEAN(buf_done) struct buf range = { 0 };
	CLEAN(buf_done) struct buf item = { 0 };
	char address[NETWORK_TEXT_MAX];

	buf_addf(&range, "%u", first->container);
	if (last != first->container)
		buf_addf(&range, "-%u", last);
	if (port_published(first))
		buf_addf(&item, "%s:%s->", network_bracket(first->address, address),
			 buf_str(&range));
	buf_addf(&item, "%s/%s", buf_str(&range), protocol_of(first));
	put_item(out, buf_str(&item));
}

/* A run of ports that can be said as one: published under their own numbers, or not at all. */
static bool same_kind(const struct network_port *a, const struct network_port *b)
{
	return a->udp == b->udp && streq(a->address, b->address);
}

/*
 * docker's own order: runs as they break off, then those that lasted to the end in the order they
 * began, then what is published under another number.
 */
char *port_list_describe(const struct port_list *l)
{
	struct port_list ports = { 0 }, runs = { 0 };
	CLEAN(buf_done) struct buf out = { 0 };
	CLEAN(buf_done) struct buf mapped = { 0 };

	for (size_t i = 0; i < l->n; i++)
		port_list_add(&ports, l->v[i]);
	port_list_sort(&ports);
	/* Of a run's entry, host_last is the last port of the container's. */
	for (size_t i = 0; i < ports.n; i++) {
		struct network_port *p = &ports.v[i];
		char address[NETWORK_TEXT_MAX];
		size_t k = 0;

		if (port_published(p) && p->host != p->container) {
			CLEAN(clean_free) char *item =
				xasprintf("%s:%u->%u/%s", network_bracket(p->address, address),
					  p->host, p->container, protocol_of(p));
			put_item(&mapped, item);
			continue;
		}
		p->host_last = p->container;
		while (k < runs.n && !same_kind(&runs.v[k], p))
			k++;
		if (k == runs.n) {
			port_list_add(&runs, *p);
		} else if (p->container == runs.v[k].host_last + 1) {
			runs.v[k].host_last = p->container;
		} else {
			put_run(&out, &runs.v[k], runs.v[k].host_last);
			runs.v[k] = *p;
		}
	}
	for (size_t k = 0; k < runs.n; k++)
		put_run(&out, &runs.v[k], runs.v[k].host_last);
	if (mapped.len)
		put_item(&out, buf_str(&mapped));
	free(ports.v);
	free(runs.v);
	return xstrdup(buf_str(&out));
}

int port_list_bind(struct port_list *l, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += port_published(&l->v[i]);
	if (n && network_room_for(n, err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (port_published(&l->v[i]) && network_bind(&l->v[i], err) < 0) {
			port_list_close(l);
			return -1;
		}
	return 0;
}
