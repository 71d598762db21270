/*
 * network ls, inspect, exists and reload. The networks are the modes of --network that need no
 * other container; they can't be made or removed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/each.h"
#include "cmd/format.h"
#include "cmd/life.h"
#include "cmd/network_option.h"
#include "net/network.h"
#include "net/pasta.h"

static const struct network {
	const char *name, *id, *driver; /* id: SHA-256 of the name, as podman has it */
	enum network_mode mode;
} networks[] = {
	{ "fast", "115dc3606fbf8691fb69f2aefec86f2ecd302362a0502b3a9648bf2c4dc8290f", "slirp",
	  NETWORK_PRIVATE },
	{ "host", "4740ae6347b0172c01254ff55bae5aff5199f4446e7f6d643d40185b3f475145", "host",
	  NETWORK_HOST },
	{ "none", "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe", "null",
	  NETWORK_NONE },
	{ "pasta", "a4c18ee0ada59e343691ef4ddc0e502b86679f2eaa6a5576a0ec3c9ea0658e36", "pasta",
	  NETWORK_PASTA },
	{ "slirp", "7b492c5b1ded4897f1177a7a61cbd67058b61dbd23c1763ff2c08b5a737b53fc", "slirp",
	  NETWORK_PRIVATE },
};

/* pasta is a network where it is installed. */
static bool is_there(const struct network *n)
{
	const struct strv none = { 0 };

	return n->mode != NETWORK_PASTA || pasta_check(&none, NULL) == 0;
}

static int find_network(const char *name, const struct network **ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		const struct network *n = &networks[i];
		bool by_id = strlen(name) >= 4 && starts_with(n->id, name);

		if (is_there(n) && (streq(n->name, name) || by_id)) {
			*ret = n;
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "network %s: network not found", name);
}

/* --- ls --- */

struct ls_options {
	bool quiet, no_trunc, no_heading;
	char *format;
};

static const struct opt ls_opts[] = {
	{ 'q', "quiet", NULL, "names alone", set_flag, FIELD(ls_options, quiet) },
	{ 0, "no-trunc", NULL, "whole IDs", set_flag, FIELD(ls_options, no_trunc) },
	{ 'n', "noheading", NULL, "no headings", set_flag, FIELD(ls_options, no_heading) },
	{ 0, "format", "TEMPLATE", "print each so: a template, 'table …', or 'json'", set_string,
	  FIELD(ls_options, format) },
	{ 0 },
};

static void ls_done(void *options)
{
	free(((struct ls_options *)options)->format);
}

static int ls(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const struct heading headings[] = {
		{ "ID", "NETWORK ID" }, { "Name", "NAME" }, { "Driver", "DRIVER" }, { NULL, NULL },
	};
	const struct ls_options *o = options;
	CLEAN(format_done) struct format format = { 0 };
	const char *usual = o->quiet ? "{{.Name}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}";

	(void)t;
	(void)operands;
	if (format_parse("network", o->format ? o->format : usual, headings, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		const struct network *n = &networks[i];
		json_t *row = json_object();

		if (is_there(n)) {
			js_set_str_take(row, "ID", xasprintf("%.*s", o->no_trunc ? 64 : 12, n->id));
			js_set_str(row, "Name", n->name);
			js_set_str(row, "Driver", n->driver);
			if (format_row(&format, json_incref(row), NULL, err) < 0) {
				json_decref(row);
				return -1;
			}
		}
		json_decref(row);
	}
	return format_print(&format, !o->no_heading, err);
}

/* --- inspect --- */

struct inspect_network_options {
	char *format;
};

static const struct opt inspect_opts[] = {
	{ 'f', "format", "TEMPLATE", "print each so: a template, or 'json'", set_string,
	  FIELD(inspect_network_options, format) },
	{ 0 },
};

static void inspect_done(void *options)
{
	free(((struct inspect_network_options *)options)->format);
}

static json_t *subnets_of(const struct network *n)
{
	json_t *list = json_array();
	struct network_config c;
	char at[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	char at6[INET6_ADDRSTRLEN], gateway6[INET6_ADDRSTRLEN];

	if (n->mode != NETWORK_PRIVATE)
		return list;
	network_config_init(&c);
	for (int six = 0; six < 2; six++) {
		json_t *j = json_object();

		js_set_str_take(j, "Subnet",
				six ? xasprintf("%s/64", network_text6(&c.network6, at6)) :
				      xasprintf("%s/%u", network_text(&c.network, at), c.prefix));
		js_set_str(j, "Gateway", six ? network_text6(&c.gateway6, gateway6) :
					       network_text(&c.gateway, gateway));
		json_array_append_new(list, j);
	}
	return list;
}

/* Those that run in it. */
static json_t *containers_of(const struct container *list, size_t n, const struct network *network)
{
	json_t *map = json_object();

	for (size_t i = 0; i < n; i++) {
		const char *mode = network_option_name(js_obj(list[i].config, "spec"));

		if (life_is_up(&list[i]) && streq(mode, network->name))
			json_object_set_new(map, list[i].id,
					    json_pack("{ss}", "Name", list[i].name));
	}
	return map;
}

static json_t *describe(const struct network *n, const struct container *list, size_t n_list)
{
	json_t *j = json_object();

	js_set_str(j, "Name", n->name);
	js_set_str(j, "Id", n->id);
	js_set_str(j, "Scope", "local");
	js_set_str(j, "Driver", n->driver);
	js_set_bool(j, "EnableIPv6", n->mode != NETWORK_NONE);
	js_set_bool(j, "Internal", n->mode == NETWORK_NONE);
	json_object_set_new(j, "IPAM", json_pack("{so}", "Config", subnets_of(n)));
	json_object_set_new(j, "Containers", containers_of(list, n_list, n));
	json_object_set_new(j, "Options", json_object());
	json_object_set_new(j, "Labels", json_object());
	return j;
}

static int inspect(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct inspect_network_options *o = options;
	CLEAN(clean_json) json_t *found = json_array();
	struct container *list = NULL;
	const struct network *network;
	size_t n = 0;
	int result = 0;

	if (tiffin_open(t, false, err) < 0 || container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < operands->n; i++) {
		result = find_network(operands->v[i], &network, err);
		if (result == 0)
			json_array_append_new(found, describe(network, list, n));
	}
	container_list_done(list, n);
	if (result < 0)
		return -1;
	if (!o->format || streq(o->format, "json")) {
		print_json(found, !o->format);
		return 0;
	}
	for (size_t i = 0; result == 0 && i < json_array_size(found); i++)
		result = format_value("network", o->format, json_array_get(found, i), err);
	return result;
}

/* --- exists --- */

static const struct opt no_opts[] = { { 0 } };

static int exists(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct network *network;

	(void)t;
	(void)options;
	(void)err;
	return find_network(operands->v[0], &network, NULL) == 0 ? 0 : 1;
}

/* --- reload --- */

struct reload_options {
	struct each each;
};

static const struct opt reload_opts[] = {
	{ .more = each_opts, .field = FIELD(reload_options, each) },
	{ 0 },
};

static void reload_done(void *options)
{
	each_done(&((struct reload_options *)options)->each);
}

static bool has_network(const struct container *c)
{
	const char *mode = js_str(js_obj(c->config, "spec"), "network");

	return c->status == CONTAINER_RUNNING && mode &&
	       (streq(mode, "slirp") || streq(mode, "pasta"));
}

static int reload_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		      struct err *err)
{
	(void)name;
	(void)arg;
	if (c->status != CONTAINER_RUNNING)
		return err_set(err, ERR_BUSY,
			       "cannot reload the network of container %s: it does not run: "
			       "container state improper", c->name);
	return life_reload_network(t, c, err);
}

static int reload(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct reload_options *o = options;
	const struct each_task task = { .verb = "network reload",
					.wanted = has_network,
					.work = reload_one };

	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_network_ls = {
	.names = "ls|list",
	.operands = "[OPTIONS]",
	.summary = "list networks",
	.opts = ls_opts,
	.size = sizeof(struct ls_options),
	.run = ls,
	.done = ls_done,
};

const struct command command_network_inspect = {
	.names = "inspect",
	.operands = "[OPTIONS] NETWORK…",
	.summary = "print all about networks",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_network_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = inspect,
	.done = inspect_done,
};

const struct command command_network_exists = {
	.names = "exists",
	.operands = "NETWORK",
	.summary = "say by the exit status whether there is such a network",
	.opts = no_opts,
	.size = 1,
	.min_operands = 1,
	.max_operands = 1,
	.run = exists,
};

const struct command command_network_reload = {
	.names = "reload",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "start what carries the network of containers anew",
	.opts = reload_opts,
	.size = sizeof(struct reload_options),
	.max_operands = SIZE_MAX,
	.run = reload,
	.done = reload_done,
};
