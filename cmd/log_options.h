/*
 * --log-driver and --log-opt: what they may say, and how a record keeps it.
 */
#ifndef CMD_LOG_OPTIONS_H
#define CMD_LOG_OPTIONS_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/opt.h"
#include "runtime/log_file.h"

/* Zero-initialise. NULL: k8s-file. */
struct log_options {
	char *driver;
	struct strv opts; /* "max-size=10m" */
};

/* The rows of a struct log_options. */
extern const struct opt log_opts[];

void log_options_done(struct log_options *o);
/*
 * Checks what a command line said, and makes paths in it absolute: ERR_USAGE, ERR_UNSUPPORTED for
 * what docker or podman know and this version does not.
 */
int log_options_check(struct log_options *o, struct err *err);
/* Of options that were checked; what is not said is the default. The path in it is lent. */
void log_options_config(const struct log_options *o, struct log_config *ret);

json_t *log_options_to_json(const struct log_options *o);
void log_options_from_json(const json_t *j, struct log_options *ret);

/* HostConfig.LogConfig of docker's inspect. */
json_t *log_options_inspect(const json_t *j);
/* Where the youngest file is; "" where there is none. The caller frees. */
char *log_options_path(const json_t *j, const char *store, const char *id);

#endif
