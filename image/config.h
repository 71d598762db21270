/*
 * The image configuration: what the image says about how it is to be run (OCI image specification,
 * config.md; Docker's image specification v1.2 has the same shape).
 *
 * Untrusted text: every member was checked for its type, nothing else. Linked into tiffin as well
 * as tiffin-image; needs nothing but base.
 */
#ifndef IMAGE_CONFIG_H
#define IMAGE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* HEALTHCHECK; nanoseconds, 0 where not said. */
struct image_health {
	struct strv test; /* "CMD", program, arguments; "CMD-SHELL", line; "NONE"; or nothing */
	int64_t interval, timeout, start_period, retries;
};

struct image_config {
	char *architecture, *os, *variant;
	char *user, *workdir, *stop_signal; /* NULL where not said */
	struct strv entrypoint, cmd, env;
	struct strv volumes;		    /* absolute paths */
	struct strv exposed_ports;	    /* "80/tcp" */
	struct strv labels;		    /* "key=value" */
	struct image_health health;
	struct strv diff_ids;		    /* "sha256:…", the lowest first, each checked */
	int64_t created;		    /* seconds since the epoch; 0 unknown */
};

void image_config_done(struct image_config *c);
/* RFC 3339 to seconds since the epoch; 0 where it is anything else, or NULL. */
int64_t image_config_time(const char *s);
/* ERR_CORRUPT: not a configuration. */
int image_config_parse(const char *data, size_t len, struct image_config *ret, struct err *err);

#endif
