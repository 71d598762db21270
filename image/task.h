/*
 * What tiffin-image can do: a row a task (image/task.c). Each opens what it needs of the host's,
 * enters the cage that is built around that (image/confine.h), and only then reads what strangers
 * wrote.
 */
#ifndef IMAGE_TASK_H
#define IMAGE_TASK_H

#include <stdbool.h>

#include "base/err.h"
#include "image/arguments.h"
#include "image/result.h"

struct task {
	const char *name;
	int (*run)(struct arguments *args, struct pull_result *ret, struct err *err);
	bool has_image; /* that the result tells of; else its name, if any */
	bool has_sources;
	int least, most; /* operands */
	bool fills;	 /* the tree that was handed to us is written to */
};

/* The one that is named; ERR_USAGE where there is none, or it has not what it needs. */
int task_find(const struct arguments *args, const struct task **ret, struct err *err);

#endif
