/*
 * --cap-add, --cap-drop, --security-opt and --privileged: what a container may do.
 */
#ifndef CMD_SECURITY_OPTIONS_H
#define CMD_SECURITY_OPTIONS_H

#include "cmd/command.h"
#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise. */
struct security_options {
	struct strv cap_add, cap_drop, opts;
	bool privileged;
};

/* The rows of a struct security_options. */
extern const struct opt security_opts[];

void security_options_done(struct security_options *o);
/*
 * ERR_UNSUPPORTED where an option asks for what tiffin has not, or this machine. *ret_profile is
 * the path of a seccomp profile that is to be compiled for the specification, or NULL; the caller
 * frees.
 */
int security_options_apply(const struct security_options *o, struct container_spec *spec,
			   char **ret_profile, struct err *err);
/* Compiles a profile, by tiffin-image, into the specification. */
int security_compile(struct tiffin *t, const char *profile, struct container_spec *spec,
		     struct err *err);

#endif
