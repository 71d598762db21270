/*
 * The options of run for limits that each process has by itself, its umask, and the kernel's
 * settings of the container's own namespaces.
 */
#ifndef CMD_LIMIT_OPTIONS_H
#define CMD_LIMIT_OPTIONS_H

#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise. */
struct limit_options {
	struct strv ulimits; /* "NAME=SOFT[:HARD]", "host" */
	struct strv sysctls; /* "NAME=VALUE" */
	char *umask, *oom_score_adj;
};

/* The rows of a struct limit_options. */
extern const struct opt limit_opts[];

void limit_options_done(struct limit_options *o);
/* After the specification's network is known: some settings are the network's. */
int limit_options_apply(const struct limit_options *o, struct container_spec *spec,
			struct err *err);

#endif
