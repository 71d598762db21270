/*
 * --device: devices of the host that the caller may open, bound into the container.
 *
 * Whose they are, and who may open them, stays the host's: without root there is neither mknod(2)
 * nor a control group for devices. What would need one is refused.
 */
#ifndef CMD_DEVICE_OPTIONS_H
#define CMD_DEVICE_OPTIONS_H

#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise. */
struct device_options {
	struct strv devices; /* "SRC[:DST][:rwm]" */
	struct strv rules, gpus; /* refused */
};

/* The rows of a struct device_options. */
extern const struct opt device_opts[];

void device_options_done(struct device_options *o);
/* Adds what is to be mounted. */
int device_options_apply(const struct device_options *o, struct container_spec *spec,
			 struct err *err);

#endif
