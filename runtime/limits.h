/*
 * What a container's processes are limited to, each by itself (setrlimit(2)), their umask, and how
 * readily the kernel ends them where memory runs out (proc(5), oom_score_adj).
 */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LIMITS_MAX	16 /* the kernel has as many */
#define LIMIT_UNLIMITED (-1)
#define UMASK_DEFAULT	022
#define OOM_SCORE_MAX	1000 /* and -1000 */

struct limit {
	int resource; /* RLIMIT_… */
	int64_t soft, hard;
};

struct limits {
	struct limit v[LIMITS_MAX];
	size_t n;
	bool host;	   /* what v leaves open is the caller's; else tiffin's own limits hold */
	mode_t umask;
	int oom_score_adj; /* where has_oom_score_adj; else the caller's */
	bool has_oom_score_adj;
};

/* "nofile" to RLIMIT_NOFILE; -1: there is no such limit. */
int limit_resource(const char *name);
/* And back. */
const char *limit_name(int resource);
/* Sets one, or sets it anew. */
void limits_set(struct limits *l, struct limit one);

json_t *limits_to_json(const struct limits *l);
void limits_from_json(const json_t *j, struct limits *ret);

/* Child, in the container: all but how many descriptors it was said to have, which comes last. */
int limits_apply(const struct limits *l, struct err *err);
int limits_apply_files(const struct limits *l, struct err *err);
/* Child, while /proc is the host's, and before it is made undumpable: that file is root's then. */
int oom_score_apply(const struct limits *l, struct err *err);

#endif
