/*
 * The options of run that say how long a container lives, and what brings it back: --restart,
 * --timeout, --health-*.
 */
#ifndef CMD_LIFE_OPTIONS_H
#define CMD_LIFE_OPTIONS_H

#include "cmd/opt.h"
#include "image/config.h"
#include "runtime/spec.h"

/* life_options_init, then the rows below. It owns the strings. */
struct life_options {
	char *restart;
	int timeout;
	bool no_healthcheck;
	char *health_cmd, *health_interval, *health_on_failure;
	long long health_timeout, health_start_period; /* nanoseconds; -1: not said */
	int health_retries;			       /* -1: not said */
};

extern const struct opt life_opts[];

void life_options_init(struct life_options *o);
void life_options_done(struct life_options *o);
/* Into the specification; what is not said is the image's, else docker's default. */
int life_options_apply(const struct life_options *o, const struct image_health *image,
		       struct container_spec *spec, struct err *err);

#endif
