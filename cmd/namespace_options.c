#include "cmd/namespace_options.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/life.h"
#include "cmd/network_option.h"
#include "cmd/run_options.h"

#define OPTION(member) FIELD(namespace_options, member)

const struct opt namespace_opts[] = {
	{ 0, "pid", "MODE", "whose processes it sees: private (the default), host, container:NAME",
	  set_string, OPTION(pid) },
	{ 0, "ipc", "MODE", "whose shared memory and queues: shareable (the default), private, none, "
	  "host, container:NAME", set_string, OPTION(ipc) },
	{ 0, "uts", "MODE", "whose host name: private (the default), host, container:NAME", set_string,
	  OPTION(uts) },
	{ 0, "cgroupns", "MODE", "whose view of cgroups: private (the default), host, container:NAME",
	  set_string, OPTION(cgroup) },
	{ 0, "userns", "MODE", "whose IDs: host (the default): root is you; keep-id[:uid=N,gid=N]: you are "
	  "yourself; nomap: nobody is you; auto[:size=N]: IDs that no other has; container:NAME; single: "
	  "one ID, as where there are no subordinate ones", set_string, OPTION(user) },
	{ 0, "uidmap", "IN:OUT:N", "users from IN on are those from OUT on, of whom 0 is you, and 1 your "
	  "first subordinate ID (repeatable)", set_list, OPTION(uid_maps) },
	{ 0, "gidmap", "IN:OUT:N", "the same of groups", set_list, OPTION(gid_maps) },
	{ 0, "domainname", "NAME", "the container's NIS domain name", set_string, OPTION(domain) },
	{ 0 },
};

/* As the user knows them. */
static const char *const option_names[NS_KINDS] = {
	[NS_USER] = "userns", [NS_PID] = "pid",		[NS_IPC] = "ipc",
	[NS_UTS] = "uts",     [NS_CGROUP] = "cgroupns", [NS_NETWORK] = "network",
};

void namespace_options_done(struct namespace_options *o)
{
	char *const strings[] = { o->pid, o->ipc, o->uts, o->cgroup, o->user, o->domain };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	strv_done(&o->uid_maps);
	strv_done(&o->gid_maps);
	*o = (struct namespace_options){ 0 };
}

void namespaces_done(struct namespaces *ns)
{
	ns_specs_done(ns->v);
	strv_done(&ns->network_options);
	free(ns->hostname);
	free(ns->mapping);
}

/* --- What the options say --- */

static bool parse_container(const char *text, struct ns_spec *ret)
{
	if (!starts_with(text, "container:") || !text[strlen("container:")])
		return false;
	*ret = (struct ns_spec){ NS_CONTAINER, xstrdup(text + strlen("container:")) };
	return true;
}

static int parse_one(enum ns_kind kind, const char *text, struct ns_spec *ret, struct err *err)
{
	if (!text || !*text || parse_container(text, ret))
		return 0;
	if (streq(text, kind == NS_IPC ? "shareable" : "private"))
		*ret = (struct ns_spec){ .mode = NS_OWN };
	else if (streq(text, "host"))
		/* The host's users are not to be had; what podman calls so is the caller's own IDs. */
		*ret = (struct ns_spec){ .mode = kind == NS_USER ? NS_OWN : NS_HOST };
	else if (streq(text, "private"))
		*ret = (struct ns_spec){ .mode = NS_PRIVATE };
	else if (streq(text, "none") && kind == NS_IPC)
		*ret = (struct ns_spec){ .mode = NS_NONE };
	else if (kind == NS_USER)
		return err_set(err, ERR_USAGE, "--userns %s: unrecognized namespace mode: host, private, "
					       "keep-id, nomap, auto, single or container:NAME", text);
	else
		return err_set(err, ERR_USAGE, "--%s %s: invalid mode: private, host or container:NAME%s",
			       option_names[kind], text, kind == NS_IPC ? ", shareable, none" : "");
	return 0;
}

static int parse_network(const char *text, struct namespaces *ret, struct err *err)
{
	struct ns_spec *one = &ret->v[NS_NETWORK];

	if (network_option_parse(text, &ret->network, &ret->fast, &one->container, &ret->network_options,
				 err) < 0)
		return -1;
	one->mode = ret->network == NETWORK_HOST   ? NS_HOST :
		    ret->network == NETWORK_JOINED ? NS_CONTAINER :
						     NS_OWN;
	return 0;
}

/* In docker's words: what the one says would be lost on the other. */
static int check_conflicts(const struct run_options *o, const struct namespaces *ns, struct err *err)
{
	const struct {
		bool is;
		const char *what, *with;
	} conflicts[] = {
		{ o->hostname && ns->v[NS_UTS].mode != NS_OWN, "hostname", "the UTS mode" },
		{ o->ns.domain && ns->v[NS_UTS].mode != NS_OWN, "domainname", "the UTS mode" },
		{ o->hostname && ns->network == NETWORK_JOINED, "hostname", "the network mode" },
		{ o->etc.hosts.n && ns->network == NETWORK_JOINED, "custom host-to-IP mapping",
		  "the network mode" },
		{ (o->etc.servers.n || o->etc.search.n || o->etc.options.n) &&
			  ns->network == NETWORK_JOINED, "dns", "the network mode" },
		{ (o->publish.n || o->publish_all) && ns->network == NETWORK_JOINED, "port publishing",
		  "the container type network mode" },
		{ o->expose.n && ns->network == NETWORK_JOINED, "port exposing",
		  "the container type network mode" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++)
		if (conflicts[i].is)
			return err_set(err, ERR_USAGE, "conflicting options: %s and %s",
				       conflicts[i].what, conflicts[i].with);
	return 0;
}

int namespaces_parse(const struct run_options *o, struct namespaces *ret, struct err *err)
{
	const struct namespace_options *n = &o->ns;
	CLEAN(namespaces_done) struct namespaces ns = { 0 };

	ns.single = n->user && streq(n->user, "single");
	if (userns_mode_parse(n->user, &n->uid_maps, &n->gid_maps, &ns.user, err) < 0 ||
	    parse_one(NS_USER, ns.single || ns.user.kind != USERNS_USUAL ? NULL : n->user, &ns.v[NS_USER],
		      err) < 0 ||
	    parse_one(NS_PID, n->pid, &ns.v[NS_PID], err) < 0 ||
	    parse_one(NS_IPC, n->ipc, &ns.v[NS_IPC], err) < 0 ||
	    parse_one(NS_UTS, n->uts, &ns.v[NS_UTS], err) < 0 ||
	    parse_one(NS_CGROUP, n->cgroup, &ns.v[NS_CGROUP], err) < 0 ||
	    parse_network(o->network, &ns, err) < 0 || check_conflicts(o, &ns, err) < 0)
		return -1;
	*ret = ns;
	ns = (struct namespaces){ 0 };
	return 0;
}

/* --- Other containers --- */

static int resolve_one(const struct tiffin *t, enum ns_kind kind, struct namespaces *ns,
		       struct err *err)
{
	CLEAN(container_done) struct container donor = { 0 };
	CLEAN(container_spec_done) struct container_spec spec = { 0 };
	struct ns_spec *one = &ns->v[kind];

	if (container_find(&t->store, one->container, &donor, err) < 0 ||
	    container_spec_from_json(js_obj(donor.config, "spec"), &spec, err) < 0)
		return err_wrap(err, "--%s container:%s", option_names[kind], one->container);
	if (spec.ns[kind].mode == NS_PRIVATE || spec.ns[kind].mode == NS_NONE)
		return err_set(err, ERR_DENIED, "--ipc container:%s: non-shareable IPC: it was made with "
						"--ipc %s", one->container,
			       spec.ns[kind].mode == NS_NONE ? "none" : "private");
	free(ptr_take(&one->container));
	if (spec.ns[kind].mode == NS_HOST) {
		*one = (struct ns_spec){ .mode = NS_HOST };
		ns->network = kind == NS_NETWORK ? NETWORK_HOST : ns->network;
		return 0;
	}
	one->container = xstrdup(donor.id);
	/* Who shares processes with it could come by sockets of the host's, and nobody watches its calls. */
	ns->fast &= container_spec_is_filtered(&spec);
	ns->single = js_bool(donor.config, "single_id");
	free(ptr_take(&ns->mapping));
	if (container_ids_from_json(donor.config, &ns->mapping, err) < 0)
		return -1;
	if (kind == NS_UTS || (kind == NS_NETWORK && !ns->hostname)) {
		free(ns->hostname);
		ns->hostname = xstrdup(spec.hostname);
	}
	return 0;
}

int namespaces_resolve(const struct tiffin *t, struct namespaces *ns, struct err *err)
{
	if ((ns->single || ns->user.kind != USERNS_USUAL) && ns_joins(ns->v))
		return err_set(err, ERR_USAGE, "--userns %s: the IDs are those of the container whose "
					       "namespaces are joined", ns->user.text ?: "by --uidmap");
	for (int k = 0; k < NS_KINDS; k++)
		if (ns->v[k].mode == NS_CONTAINER && resolve_one(t, (enum ns_kind)k, ns, err) < 0)
			return -1;
	return 0;
}

/* err names what was to be done, in the words of life_open_init. */
static int open_donor(const struct tiffin *t, enum ns_kind kind, const char *id, pid_t *ret_pid,
		      int *ret_pidfd, struct err *err)
{
	CLEAN(clean_free) char *what = xasprintf("join the %s namespace of", ns_name(kind));
	CLEAN(container_done) struct container donor = { 0 };

	if (container_find(&t->store, id, &donor, err) < 0)
		return err_wrap(err, "cannot %s another container", what);
	if (life_open_init(&donor, what, ret_pidfd, err) < 0)
		return -1;
	*ret_pid = donor.state.init.pid;
	return 0;
}

int namespaces_open(const struct tiffin *t, const struct ns_spec ns[NS_KINDS], int ret[NS_KINDS],
		    struct err *err)
{
	pid_t first = 0, pid = 0;
	bool same = true;
	int result = 0;

	for (int k = 0; k < NS_KINDS; k++)
		ret[k] = -1;
	for (int k = 0; result == 0 && k < NS_KINDS; k++) {
		if (ns[k].mode != NS_CONTAINER)
			continue;
		result = open_donor(t, (enum ns_kind)k, ns[k].container, &pid, &ret[k], err);
		if (result == 0 && first)
			result = ns_same_user(first, pid, &same, err);
		if (result == 0 && !same)
			result = err_set(err, ERR_UNSUPPORTED,
					 "cannot join namespaces of containers that have not the same "
					 "user namespace: make one of them with --userns container:NAME");
		first = first ? first : pid;
	}
	for (int k = 0; result < 0 && k < NS_KINDS; k++) {
		clean_fd(&ret[k]);
		ret[k] = -1;
	}
	return result;
}

char *namespace_mode(const struct ns_spec *ns, const char *own)
{
	switch (ns->mode) {
	case NS_CONTAINER:
		return xasprintf("container:%s", ns->container);
	case NS_HOST:
		return xstrdup("host");
	case NS_PRIVATE:
		return xstrdup("private");
	case NS_NONE:
		return xstrdup("none");
	default:
		return xstrdup(own);
	}
}
