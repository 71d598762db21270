/*
 * The options of run (run_options.c; topics with a table of their own are in files of their own),
 * and how they and the image's configuration become a container_spec (run_spec.c).
 */
#ifndef CMD_RUN_OPTIONS_H
#define CMD_RUN_OPTIONS_H

#include "cmd/attach_options.h"
#include "cmd/device_options.h"
#include "cmd/env_option.h"
#include "cmd/etc_options.h"
#include "cmd/life_options.h"
#include "cmd/init_options.h"
#include "cmd/limit_options.h"
#include "cmd/log_options.h"
#include "cmd/namespace_options.h"
#include "cmd/opt.h"
#include "cmd/platform_options.h"
#include "cmd/security_options.h"
#include "cmd/service_options.h"
#include "cmd/user_options.h"
#include "cmd/volume_options.h"
#include "image/config.h"
#include "runtime/spec.h"

struct run_options {
	bool interactive, tty, detach, remove, replace, read_only, read_only_tmpfs, publish_all,
		quiet;
	char *name, *workdir, *user, *entrypoint, *hostname, *network, *pull, *cidfile;
	char *stop_signal, *timezone, *authfile, *tls_verify;
	struct platform_options platform;
	struct strv labels, label_files, annotations, publish, expose;
	struct volume_options volumes;
	struct env_options env;
	struct user_options user_more;
	struct limit_options limits;
	struct device_options devices;
	struct security_options security;
	struct etc_options etc;
	struct log_options log;
	struct namespace_options ns;
	bool rootfs;
	struct life_options life;
	struct attach_options attach;
	struct service_options service;
	struct init_options init;
	int stop_timeout;
	long long shm_size;
};

extern const struct opt run_opts[];

/* Of a struct run_options; for struct command. */
void run_options_init(void *options);
void run_options_done(void *options);

/*
 * Makes the specification: what the options leave open is the image's, what the image leaves open
 * is docker's default. command is what was typed behind the image; the namespaces are taken over,
 * but for the rest of *ns. The caller frees *ret, and *ret_profile: as security_options_apply has
 * it.
 */
int run_spec(const struct run_options *o, const struct image_config *image,
	     const struct strv *command, const char *container_id, struct namespaces *ns,
	     struct container_spec *ret, char **ret_profile, struct err *err);

#endif
