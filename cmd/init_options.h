/*
 * --init, and what podman has beside it.
 */
#ifndef CMD_INIT_OPTIONS_H
#define CMD_INIT_OPTIONS_H

#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise. */
struct init_options {
	bool init;
	char *path, *systemd;
};

/* The rows of a struct init_options. */
extern const struct opt init_opts[];

void init_options_done(struct init_options *o);
/* ERR_USAGE, ERR_UNSUPPORTED: what can't be had. The specification has its namespaces already. */
int init_options_apply(const struct init_options *o, struct container_spec *spec, struct err *err);

#endif
