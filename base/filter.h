/*
 * Lists of the system calls that a confined process may make: any other one ends it, at once and whole.
 */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FILTER_ALLOW	   SECCOMP_RET_ALLOW
#define FILTER_REFUSE(err) (SECCOMP_RET_ERRNO | (err))
#define FILTER_CONDITIONS  2

/* Matches the system call nr, where each (argument[arg] & mask) == value; a mask of 0 matches always. */
struct filter_rule {
	long nr;
	uint32_t action;
	struct {
		uint32_t arg, mask, value; /* of its low 32 bits */
	} when[FILTER_CONDITIONS];
};

struct filter_list {
	const struct filter_rule *v;
	size_t n;
};

/* Memory, never executable; time; the end. What the sanitizers make, besides, where there are any. */
extern const struct filter_list filter_basics;

/* The calling process, for good, without new privileges either: the first rule that matches decides. */
int filter_install(const struct filter_list *lists, size_t n, struct err *err);

#endif
