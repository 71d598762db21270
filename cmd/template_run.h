/*
 * What the two halves of a run share: template_run.c walks the nodes, template_eval.c evaluates
 * what stands in an action.
 */
#ifndef CMD_TEMPLATE_RUN_H
#define CMD_TEMPLATE_RUN_H

#include <stdlib.h>

#include "cmd/template_tree.h"

struct run {
	const struct template *t;
	const struct template_data *data;
	struct buf *out;
	struct value *vars; /* by slot */
	size_t steps;
};

static inline void value_set(struct value *to, json_t *owned, const char *field)
{
	value_done(to);
	*to = (struct value){ owned, field };
}

static inline struct value value_copy(const struct value *v)
{
	return (struct value){ json_incref(v->json), v->field };
}

/* Values that are owned, and the array of them. */
struct args {
	struct value *v;
	size_t n;
};

static inline void args_done(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		value_done(&a->v[i]);
	free(a->v);
}

/* "template: ps:1:2: executing "ps" at <.X>: …", ERR_USAGE. */
int run_fail(const struct run *r, const struct span *at, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Takes the cost of a step that makes so many bytes off what is left. */
int run_charge(struct run *r, const struct span *at, size_t bytes, struct err *err);

/* The pipeline's value, owned by the caller. Its variables are the caller's to set. */
int eval_pipeline(struct run *r, const struct value *dot, const struct pipeline *p,
		  struct value *ret, struct err *err);

#endif
