/*
 * --add-host, --dns, --dns-search and --dns-option: what they may say, and how a record keeps it.
 */
#ifndef CMD_ETC_OPTIONS_H
#define CMD_ETC_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/opt.h"

/* As an address, in --add-host: that by which a container reaches this machine. */
#define HOST_GATEWAY "host-gateway"

/* Zero-initialise. Empty lists: as on the host. */
struct etc_options {
	struct strv hosts;   /* "NAME:ADDRESS", or "NAME:host-gateway" */
	struct strv servers; /* addresses */
	struct strv search;  /* domains; "." alone: none */
	struct strv options; /* "ndots:2" */
	bool no_hosts;
};

/* The rows of a struct etc_options. */
extern const struct opt etc_opts[];

void etc_options_done(struct etc_options *o);
/* Checks what a command line said: ERR_USAGE. */
int etc_options_check(const struct etc_options *o, struct err *err);

json_t *etc_options_to_json(const struct etc_options *o);
void etc_options_from_json(const json_t *j, struct etc_options *ret);

#endif
