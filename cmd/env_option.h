/*
 * Variables: "-e KEY=VALUE" and "--env-file FILE", for run and exec; and what run takes from the
 * image and from here.
 */
#ifndef CMD_ENV_OPTION_H
#define CMD_ENV_OPTION_H

#include "base/err.h"
#include "base/str.h"
#include "cmd/opt.h"

/* "KEY=VALUE"; "KEY" for what it is here, if it is; "KEY*" for all that begin so. */
void env_option_add(struct strv *env, const char *text);
/* docker's format: a variable a line, '#' begins a comment, nothing is quoted. */
int env_option_add_file(struct strv *env, const char *path, struct err *err);

/* Zero-initialise, with http_proxy set. */
struct env_options {
	struct strv files, set, merge, unset;
	bool host, http_proxy, unset_all;
};

/* The rows of a struct env_options. */
extern const struct opt env_opts[];

void env_options_done(struct env_options *o);
/*
 * Makes a container's environment of base ("PATH=…") and the image's, in podman's order: those two
 * without what is unset, then the proxies' variables, the host's, the files', those that were set.
 */
int env_options_apply(const struct env_options *o, const struct strv *base,
		      const struct strv *image, struct strv *ret, struct err *err);

#endif
