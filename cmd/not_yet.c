#include "cmd/not_yet.h"

#include "base/cleanup.h"

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_UNSUPPORTED, "not in this version of tiffin, which %s", what);
}

static int no_limits(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "sets no limits by cgroup");
}

static int no_networks(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "gives each container a network of its own, with the same addresses");
}

static int no_maps(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "maps IDs by number: --uidmap and --gidmap");
}

static int no_pods(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "has no pods");
}

static int nothing_such(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "has no such thing");
}

static int no_log(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "keeps no log of its own doings: 'tiffin events' tells of them");
}

static int no_run_root(void *field, const char *value, struct err *err)
{
	(void)field, (void)value;
	return refuse(err, "keeps nothing outside of its store: --root");
}

/* Rows without help are another spelling of nothing: for the parser alone. */
#define WITH_VALUE(letter, name, set) { letter, name, "VALUE", NULL, set, 0 }
#define WITHOUT(name, set) { 0, name, NULL, NULL, set, 0 }

const struct opt not_yet_opts[] = {
	WITH_VALUE('m', "memory", no_limits),
	WITH_VALUE(0, "memory-reservation", no_limits),
	WITH_VALUE(0, "memory-swap", no_limits),
	WITH_VALUE(0, "memory-swappiness", no_limits),
	WITH_VALUE(0, "cpus", no_limits),
	WITH_VALUE('c', "cpu-shares", no_limits),
	WITH_VALUE(0, "cpu-period", no_limits),
	WITH_VALUE(0, "cpu-quota", no_limits),
	WITH_VALUE(0, "cpu-rt-period", no_limits),
	WITH_VALUE(0, "cpu-rt-runtime", no_limits),
	WITH_VALUE(0, "cpuset-cpus", no_limits),
	WITH_VALUE(0, "cpuset-mems", no_limits),
	WITH_VALUE(0, "pids-limit", no_limits),
	WITH_VALUE(0, "blkio-weight", no_limits),
	WITH_VALUE(0, "blkio-weight-device", no_limits),
	WITH_VALUE(0, "device-read-bps", no_limits),
	WITH_VALUE(0, "device-read-iops", no_limits),
	WITH_VALUE(0, "device-write-bps", no_limits),
	WITH_VALUE(0, "device-write-iops", no_limits),
	WITH_VALUE(0, "cgroup-conf", no_limits),
	WITH_VALUE(0, "cgroup-parent", no_limits),
	WITH_VALUE(0, "cgroups", no_limits),
	WITHOUT("oom-kill-disable", no_limits),
	WITH_VALUE(0, "ip", no_networks),
	WITH_VALUE(0, "ip6", no_networks),
	WITH_VALUE(0, "link", no_networks),
	WITH_VALUE(0, "mac-address", no_networks),
	WITH_VALUE(0, "network-alias", no_networks),
	WITH_VALUE(0, "net-alias", no_networks),
	WITH_VALUE(0, "subuidname", no_maps),
	WITH_VALUE(0, "subgidname", no_maps),
	WITH_VALUE(0, "hostuser", no_maps),
	WITH_VALUE(0, "pod", no_pods),
	WITH_VALUE(0, "pod-id-file", no_pods),
	WITH_VALUE(0, "init-ctr", no_pods),
	WITH_VALUE(0, "chrootdirs", nothing_such),
	WITH_VALUE(0, "isolation", nothing_such),
	WITH_VALUE(0, "personality", nothing_such),
	WITH_VALUE(0, "requires", nothing_such),
	WITH_VALUE(0, "runtime", nothing_such),
	WITH_VALUE(0, "secret", nothing_such),
	WITH_VALUE(0, "seccomp-policy", nothing_such),
	WITHOUT("rmi", nothing_such),
	{ 0 },
};

const struct opt not_yet_global_opts[] = {
	WITH_VALUE(0, "log-level", no_log),
	WITHOUT("debug", no_log),
	WITH_VALUE(0, "runroot", no_run_root),
	{ 0 },
};

/* Networks between containers. */
static bool not_yet_network(const char *word)
{
	static const char *const commands[] = { "connect", "create", "disconnect", "prune",
						"remove", "rm", "update" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(word, commands[i]))
			return true;
	return false;
}

bool not_yet_command(const char *group, const char *word)
{
	static const char *const commands[] = {
		"auto-update", "build",	   "builder", "buildx",	 "checkpoint", "clone",
		"compose",     "connect",  "context", "healthcheck",
		"kube",	       "machine",  "manifest", "play",	  "plugin",
		"pod",	       "restore",  "runlabel", "scp",	 "secret",     "sign",	  "stats",
		"swarm",       "trust",   "update",
	};

	if (streq(group, "network"))
		return not_yet_network(word);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(word, commands[i]))
			return true;
	return false;
}
