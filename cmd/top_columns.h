/*
 * The columns that top can print: podman's descriptors, ps(1)'s names and AIX's codes for them.
 */
#ifndef CMD_TOP_COLUMNS_H
#define CMD_TOP_COLUMNS_H

#include "runtime/process.h"

/* A container's processes. */
struct top_context {
	pid_t init;
	int root; /* the container's, for names of users; -1: they are numbers */
	struct process *list;
	size_t n;
};

struct top_column {
	const char *names, *heading;
	/* The caller frees. */
	char *(*cell)(const struct top_context *x, const struct process *p);
};

/* "user", "%U", "pcpu"; NULL: there is none. */
const struct top_column *top_column_find(const char *name);

#endif
