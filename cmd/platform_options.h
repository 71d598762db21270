/*
 * --platform, or --arch, --os and --variant, of which this machine gives what is not said.
 */
#ifndef CMD_PLATFORM_OPTIONS_H
#define CMD_PLATFORM_OPTIONS_H

#include "cmd/opt.h"

struct platform_options {
	char *platform, *arch, *os, *variant;
};
void platform_options_done(struct platform_options *o);

extern const struct opt platform_opts[];

/* *ret: "OS/ARCH[/VARIANT]", or NULL where nothing was said; the caller frees. USAGE. */
int platform_options_text(const struct platform_options *o, char **ret, struct err *err);

#endif
