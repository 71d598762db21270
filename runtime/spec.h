/*
 * What is to be run: the image's configuration and the command line made one value, with nothing
 * left to look up but what only the container's own files can tell (users by name).
 *
 * Ownership: a struct container_spec owns every pointer in it; container_spec_done frees them.
 */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/health.h"
#include "runtime/limits.h"
#include "runtime/mount_spec.h"
#include "runtime/namespaces.h"
#include "runtime/restart.h"

enum network_mode {
	NETWORK_PRIVATE, /* a namespace of its own, and tiffin-net */
	NETWORK_NONE,	 /* a namespace of its own, loopback only */
	NETWORK_HOST,	 /* the host's */
	NETWORK_JOINED,	 /* another container's */
	NETWORK_PASTA,	 /* a namespace of its own, and pasta(1) */
};

struct container_spec {
	struct strv args; /* args.v[0] is looked up in the container's PATH */
	size_t n_entrypoint; /* so many of args, the first ones, are the entrypoint */
	struct strv env;
	char *cwd, *user; /* user: "name|uid[:group|gid]", or NULL for root */
	struct strv groups; /* further ones, names or numbers */
	bool keep_groups;   /* the caller's supplementary groups stay */
	bool no_passwd;	    /* no entry in /etc/passwd or /etc/group is made for the user */
	char *passwd_entry, *group_entry; /* as podman has them; NULL: the usual ones */
	struct limits limits;
	struct strv sysctls; /* "net/ipv4/ip_forward=1": paths below /proc/sys, checked */
	bool no_hosts;	    /* /etc/hosts is the image's */
	char *hostname, *domainname; /* domainname: NULL where it is the kernel's default */
	char *etc_dir; /* on the host: holds the hosts, hostname and resolv.conf bound over /etc */
	bool init; /* the first process is tiffin-init, and the program its child */
	bool tty, open_stdin, read_only, auto_remove;
	bool seccomp;	    /* a filter is installed (not with seccomp=unconfined) */
	char *seccomp_filter; /* struct sock_filter[] in hex; NULL: the built-in profile */
	bool privileged;    /* nothing masked, /sys to be written to, the host's devices */
	bool new_privileges; /* setuid programs and file capabilities have their effect */
	struct strv masked, unmasked; /* paths; in unmasked also patterns, and "ALL" */
	uint64_t caps;	    /* bit n: capability n is in the bounding set */
	int64_t shm_size;   /* bytes */
	int stop_signal, stop_timeout; /* timeout in seconds */
	bool network_fast; /* of NETWORK_PRIVATE: some of its connections go past it (net/fast.h) */
	enum network_mode network; /* says what ns[NS_NETWORK] is, and more */
	struct strv network_options; /* for whoever makes it: cmd/network_option.h */
	struct ns_spec ns[NS_KINDS];
	int run_timeout; /* seconds a run may last; 0: as long as it likes */
	struct restart_policy restart;
	struct health_check health;
	struct mount_spec *mounts; /* in the order they are made */
	size_t n_mounts;
};

void container_spec_done(struct container_spec *spec);
/* Its filter is tiffin's own, which refuses what would go past a supervisor: another one may not. */
bool container_spec_is_filtered(const struct container_spec *spec);
/* Takes the strings over. */
void container_spec_add_mount(struct container_spec *spec, struct mount_spec mount);
/* For the container's record, and back from it. The caller decrefs, or frees *ret. */
json_t *container_spec_to_json(const struct container_spec *spec);
int container_spec_from_json(const json_t *j, struct container_spec *ret, struct err *err);

#endif
