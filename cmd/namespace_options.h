/*
 * --pid, --ipc, --uts, --cgroupns, --domainname, and of --userns and --network what is about other
 * containers: which namespaces a container shares, and with whom.
 */
#ifndef CMD_NAMESPACE_OPTIONS_H
#define CMD_NAMESPACE_OPTIONS_H

#include "cmd/command.h"
#include "cmd/opt.h"
#include "cmd/userns_mode.h"
#include "runtime/spec.h"
#include "storage/container.h"

struct run_options;

/* Zero-initialise. NULL: the container's own. */
struct namespace_options {
	char *pid, *ipc, *uts, *cgroup, *user, *domain;
	struct strv uid_maps, gid_maps;
};

/* The rows of a struct namespace_options. */
extern const struct opt namespace_opts[];

void namespace_options_done(struct namespace_options *o);

/* What the options come to. */
struct namespaces {
	struct ns_spec v[NS_KINDS];
	enum network_mode network;
	struct strv network_options;
	bool fast;	/* --network fast: NETWORK_PRIVATE, and more */
	struct userns_mode user;
	struct id_mapping *mapping; /* of the container that is joined; NULL: its IDs are the store's */
	bool single;	/* one ID is mapped: it was asked for, or is so in the container that is joined */
	char *hostname; /* of the container whose UTS or network namespace is joined, else NULL */
};

void namespaces_done(struct namespaces *ns);
/* What they say, without looking anything up: containers are named as they were typed. ERR_USAGE. */
int namespaces_parse(const struct run_options *o, struct namespaces *ret, struct err *err);
/*
 * Makes IDs of the names, and takes what follows from those containers. One that has the host's
 * namespace gives that.
 */
int namespaces_resolve(const struct tiffin *t, struct namespaces *ns, struct err *err);

/*
 * Opens a process of each container whose namespaces are joined, as struct launch has them; the
 * caller closes those that are not -1. ERR_BUSY: one does not run.
 */
int namespaces_open(const struct tiffin *t, const struct ns_spec ns[NS_KINDS], int ret[NS_KINDS],
		    struct err *err);
/* "host", "container:ID", or own: as inspect has it. The caller frees. */
char *namespace_mode(const struct ns_spec *ns, const char *own);

#endif
