#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/inspect.h"
#include "cmd/network_option.h"
#include "cmd/ports.h"
#include "cmd/supervise.h"

/* The key's list: { "80/tcp": [ … ] }. */
static json_t *bindings_at(json_t *map, const struct network_port *p)
{
	CLEAN(clean_free) char *key = xasprintf("%u/%s", p->container, p->udp ? "udp" : "tcp");
	json_t *list = js_arr(map, key);

	if (list)
		return list;
	list = json_array();
	json_object_set_new(map, key, list);
	return list;
}

json_t *inspect_port_map(const json_t *ports, bool published)
{
	CLEAN(port_list_done) struct port_list list = { 0 };
	json_t *map = json_object();

	port_list_from_json(ports, &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct network_port *p = &list.v[i];
		json_t *binding;

		if (!port_published(p)) {
			if (!published)
				bindings_at(map, p);
			continue;
		}
		binding = json_object();
		js_set_str(binding, "HostIp", p->address);
		js_set_str_take(binding, "HostPort",
				p->host ? xasprintf("%u", p->host) : xstrdup(""));
		json_array_append_new(bindings_at(map, p), binding);
	}
	return map;
}

json_t *inspect_exposed_ports(const json_t *ports)
{
	CLEAN(clean_json) json_t *map = inspect_port_map(ports, false);
	json_t *set = json_object(), *bindings;
	const char *key;

	json_object_foreach(map, key, bindings)
		inspect_add_key(set, key);
	return set;
}

/* c: NULL where there are none. */
static json_t *addresses_of(const struct network_config *c)
{
	bool six = c && c->ipv6;
	json_t *j = json_object();
	char a[INET_ADDRSTRLEN], a6[INET6_ADDRSTRLEN];

	js_set_str(j, "Gateway", c ? network_text(&c->gateway, a) : "");
	js_set_str(j, "IPAddress", c ? network_text(&c->address, a) : "");
	js_set_int(j, "IPPrefixLen", c ? c->prefix : 0);
	js_set_str(j, "IPv6Gateway", six ? network_text6(&c->gateway6, a6) : "");
	js_set_str(j, "GlobalIPv6Address", six ? network_text6(&c->address6, a6) : "");
	js_set_int(j, "GlobalIPv6PrefixLen", six ? 64 : 0);
	return j;
}

/* Does TCP go past the interface, and why not? Where the mode is to do so. */
static void set_fast(json_t *j, const struct container *c, const struct container_spec *spec)
{
	bool single = js_bool(c->config, "single_id") && !js_obj(c->config, "id_mapping");
	const char *why_not = supervise_why_not_fast(spec, single);

	if (c->status != CONTAINER_RUNNING)
		why_not = "it does not run";
	else if (!why_not && c->state.unsupervised)
		why_not = "its calls can't be supervised here";
	js_set_bool(j, "Fast", !why_not);
	js_set_str(j, "WhyNotFast", why_not ?: "");
}

json_t *inspect_network(const struct container *c, const struct container_spec *spec,
			const char *mode)
{
	struct network_config config, *there = NULL;
	const bool running = c->status == CONTAINER_RUNNING;
	json_t *j;

	if (running && (streq(mode, "slirp") || streq(mode, "fast")) &&
	    network_option_config(spec, &config, NULL) == 0)
		there = &config;
	j = addresses_of(there);
	if (streq(mode, "fast"))
		set_fast(j, c, spec);
	json_object_set_new(j, "Ports", inspect_port_map(running ? c->state.ports : NULL, false));
	/* Where its network namespace can be entered: docker's and podman's word for it. */
	js_set_str_take(j, "SandboxKey",
			running ? xasprintf("/proc/%d/ns/net", (int)c->state.init.pid) :
				  xstrdup(""));
	json_object_set_new(j, "Networks", json_pack("{so}", mode, addresses_of(there)));
	return j;
}
