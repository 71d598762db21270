#include "cmd/etc_options.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "net/network.h"

const struct opt etc_opts[] = {
	{ 0, "add-host", "NAME:ADDRESS",
	  "a line in /etc/hosts; host-gateway: this machine's address "
	  "(repeatable)", set_list, FIELD(etc_options, hosts) },
	{ 0, "no-hosts", NULL, "/etc/hosts is the image's", set_flag,
	  FIELD(etc_options, no_hosts) },
	{ 0, "dns", "ADDRESS", "a name server, instead of this machine's (repeatable)", set_list,
	  FIELD(etc_options, servers) },
	{ 0, "dns-search", "DOMAIN", "for names without a dot; '.': none (repeatable)", set_list,
	  FIELD(etc_options, search) },
	{ 0, "dns-option", "OPTION", "of resolv.conf(5) (repeatable)", set_list,
	  FIELD(etc_options, options) },
	{ 0, "dns-opt", "OPTION", NULL, set_list, FIELD(etc_options, options) },
	{ 0 },
};

void etc_options_done(struct etc_options *o)
{
	strv_done(&o->hosts);
	strv_done(&o->servers);
	strv_done(&o->search);
	strv_done(&o->options);
	*o = (struct etc_options){ 0 };
}

/* What goes into a line of its own: no blanks, and nothing that ends it. */
static bool is_word(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '#')
			return false;
	return *text != '\0';
}

static int check_host(const char *text, struct err *err)
{
	size_t len = strcspn(text, ":");
	CLEAN(clean_free) char *name = xstrndup(text, len);
	const char *address = text[len] ? text + len + 1 : "";

	if (!is_word(name))
		return err_set(err, ERR_USAGE,
			       "--add-host %s: bad format for add-host: use NAME:ADDRESS", text);
	if (!streq(address, HOST_GATEWAY) && !network_address_valid(address))
		return err_set(err, ERR_USAGE,
			       "--add-host %s: invalid IP address in add-host: '%s'", text,
			       address);
	return 0;
}

int etc_options_check(const struct etc_options *o, struct err *err)
{
	if (o->no_hosts && o->hosts.n)
		return err_set(err, ERR_USAGE, "--no-hosts and --add-host cannot be set together");
	for (size_t i = 0; i < o->hosts.n; i++)
		if (check_host(o->hosts.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < o->servers.n; i++)
		if (!network_address_valid(o->servers.v[i]))
			return err_set(err, ERR_USAGE, "--dns %s: %s is not an ip address",
				       o->servers.v[i], o->servers.v[i]);
	for (size_t i = 0; i < o->search.n; i++)
		if (!is_word(o->search.v[i]))
			return err_set(err, ERR_USAGE, "--dns-search %s: not a domain",
				       o->search.v[i]);
	for (size_t i = 0; i < o->options.n; i++)
		if (!is_word(o->options.v[i]))
			return err_set(err, ERR_USAGE, "--dns-option %s: not an option",
				       o->options.v[i]);
	return 0;
}

json_t *etc_options_to_json(const struct etc_options *o)
{
	json_t *j = json_object();

	js_set_strv(j, "hosts", &o->hosts);
	js_set_strv(j, "dns", &o->servers);
	js_set_strv(j, "dns_search", &o->search);
	js_set_strv(j, "dns_options", &o->options);
	return j;
}

void etc_options_from_json(const json_t *j, struct etc_options *ret)
{
	js_strv(j, "hosts", &ret->hosts);
	js_strv(j, "dns", &ret->servers);
	js_strv(j, "dns_search", &ret->search);
	js_strv(j, "dns_options", &ret->options);
}
