/*
 * Templates, the last step: pipelines evaluated. The words of the errors are those of Go's
 * text/template.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/template_run.h"

int run_fail(const struct run *r, const struct span *at, struct err *err, const char *fmt, ...)
{
	const char *text = r->t->text, *name = r->t->name;
	size_t line = 1, begin = 0, len = at->end - at->pos;
	char what[320];
	va_list ap;

	for (size_t i = 0; i < at->pos; i++) {
		if (text[i] == '\n') {
			line++;
			begin = i + 1;
		}
	}
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_USAGE, "template: %s:%zu:%zu: executing \"%s\" at <%.*s%s>: %s",
		       name, line, at->pos - begin, name, len > 20 ? 20 : (int)len, text + at->pos,
		       len > 20 ? "..." : "", what);
}

int run_charge(struct run *r, const struct span *at, size_t bytes, struct err *err)
{
	size_t cost = 1 + bytes / 64;

	if (cost > r->steps)
		return run_fail(r, at, err, "the template takes too many steps");
	r->steps -= cost;
	return 0;
}

/* --- fields --- */

static json_t *get_any_case(const json_t *object, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
		if (strcasecmp(key, name) == 0)
			return value;
	return NULL;
}

/* Replaces a value by its field. */
static int step_into(const struct run *r, const struct term *term, struct value *v,
		     const char *name, struct err *err)
{
	json_t *member = json_object_get(v->json, name);

	if (json_is_null(v->json))
		return run_fail(r, &term->at, err, "nil pointer evaluating interface {}.%s", name);
	/* As in Go, a field that anybody may see begins with a capital. */
	if (!member && isupper((unsigned char)*name) && !value_is_map(v))
		member = get_any_case(v->json, name);
	if (!member && !value_is_map(v))
		return run_fail(r, &term->at, err, "can't evaluate field %.100s in type %s", name,
			    value_type(v, r->t->name));
	value_set(v, member ? json_incref(member) : json_null(), name);
	return 0;
}

static int call(struct run *r, const struct value *dot, const struct term *term,
		const struct value *last, struct value *ret, struct err *err);

static int eval_term(struct run *r, const struct value *dot, const struct term *term,
		     struct value *ret, struct err *err)
{
	CLEAN(value_done) struct value v = { 0 };

	if (run_charge(r, &term->at, 0, err) < 0)
		return -1;
	switch (term->kind) {
	case TERM_DOT:
		v = value_copy(dot);
		break;
	case TERM_NIL:
		v.json = json_null();
		break;
	case TERM_LITERAL:
		v.json = json_incref(term->literal);
		break;
	case TERM_VARIABLE:
		v = value_copy(&r->vars[term->slot]);
		break;
	case TERM_PIPELINE:
		if (eval_pipeline(r, dot, term->pipeline, &v, err) < 0)
			return -1;
		break;
	case TERM_FUNCTION: {
		/* As an argument it has none of its own. */
		struct term alone = *term;

		alone.next = NULL;
		if (call(r, dot, &alone, NULL, &v, err) < 0)
			return -1;
		break;
	}
	}
	for (const struct name *f = term->fields; f; f = f->next)
		if (step_into(r, term, &v, f->text, err) < 0)
			return -1;
	*ret = v;
	v = (struct value){ 0 };
	return 0;
}

/* --- functions --- */

/* The terms behind the first, and what the pipeline hands on. */
static int eval_args(struct run *r, const struct value *dot, const struct term *first,
		     const struct value *last, struct args *ret, struct err *err)
{
	size_t bytes = 0;

	for (const struct term *t = first->next; t; t = t->next)
		if (eval_term(r, dot, t, &ret->v[ret->n], err) < 0)
			return -1;
		else
			ret->n++;
	if (last)
		ret->v[ret->n++] = value_copy(last);
	for (size_t i = 0; i < ret->n; i++)
		bytes += json_string_length(ret->v[i].json) + json_array_size(ret->v[i].json);
	return run_charge(r, &first->at, bytes, err);
}

/* "and" stops at what is false, "or" at what is true; the others are not looked at. */
static int call_lazy(struct run *r, const struct value *dot, const struct term *term,
		     const struct value *last, struct value *ret, struct err *err)
{
	bool stop_at = term->function->name[0] == 'o';
	CLEAN(value_done) struct value v = { 0 };

	for (const struct term *t = term->next; t; t = t->next) {
		value_set(&v, NULL, NULL);
		if (eval_term(r, dot, t, &v, err) < 0)
			return -1;
		if (value_is_true(&v) == stop_at)
			last = NULL;
		if (value_is_true(&v) == stop_at)
			break;
	}
	*ret = last ? value_copy(last) : value_copy(&v);
	return 0;
}

static size_t count_args(const struct term *term, const struct value *last)
{
	size_t n = last ? 1 : 0;

	for (const struct term *t = term->next; t; t = t->next)
		n++;
	return n;
}

static int call(struct run *r, const struct value *dot, const struct term *term,
		const struct value *last, struct value *ret, struct err *err)
{
	const struct template_function *f = term->function;
	size_t n = count_args(term, last);
	CLEAN(args_done) struct args args = { 0 };
	json_t *result = NULL;
	struct err why = { 0 };

	if (n < f->min || n > f->max)
		return run_fail(r, &term->at, err,
				"wrong number of args for %s: want %s%zu got %zu", f->name,
				f->max > 10 ? "at least " : "", n < f->min ? f->min : f->max, n);
	if (!f->call)
		return call_lazy(r, dot, term, last, ret, err);
	args.v = xcalloc(n ? n : 1, sizeof(*args.v));
	if (eval_args(r, dot, term, last, &args, err) < 0)
		return -1;
	if (r->data->headings && f->dresses) {
		for (size_t i = 0; i < args.n; i++)
			if (json_is_string(args.v[i].json) && args.v[i].field)
				result = args.v[i].json;
		*ret = (struct value){ json_incref(result ? result : args.v[0].json), NULL };
		return 0;
	}
	if (f->call(args.v, args.n, &result, &why) < 0)
		return run_fail(r, &term->at, err, "error calling %s: %s", f->name, why.text);
	ret->json = result;
	/* What an element is called is not known; a copy is what its original is. */
	ret->field = NULL;
	return run_charge(r, &term->at, json_string_length(result) + json_array_size(result), err);
}

/* ".Label "x"": a method of the data as a whole. */
static int call_method(struct run *r, const struct value *dot, const struct command_node *c,
		       const struct value *last, struct value *ret, struct err *err)
{
	const struct term *term = c->terms;
	const struct name *name = term->fields;
	CLEAN(args_done)
	struct args args = { .v = xcalloc(count_args(term, last), sizeof(*args.v)) };
	bool whole = (term->kind == TERM_DOT && dot->json == r->data->dot) ||
		     (term->kind == TERM_VARIABLE && term->slot == 0);
	const json_t *values =
		whole && !name->next ? json_object_get(r->data->methods, name->text) : NULL;
	const char *arg;

	while (name->next)
		name = name->next;
	if (!values)
		return run_fail(r, &term->at, err, "%.100s is not a method but has arguments",
				name->text);
	if (eval_args(r, dot, term, last, &args, err) < 0)
		return -1;
	arg = args.n == 1 ? json_string_value(args.v[0].json) : NULL;
	if (!arg)
		return run_fail(r, &term->at, err, "%s takes a string", name->text);
	if (r->data->headings)
		ret->json = json_incref(args.v[0].json);
	else
		ret->json = json_incref(json_object_get(values, arg)) ?: json_string("");
	return 0;
}

static int eval_command(struct run *r, const struct value *dot, const struct command_node *c,
			const struct value *last, struct value *ret, struct err *err)
{
	const struct term *first = c->terms;

	if (first->kind == TERM_FUNCTION)
		return call(r, dot, first, last, ret, err);
	if (first->kind == TERM_NIL)
		return run_fail(r, &c->at, err, "nil is not a command");
	if (!first->next && !last)
		return eval_term(r, dot, first, ret, err);
	if (first->fields)
		return call_method(r, dot, c, last, ret, err);
	return run_fail(r, &first->at, err, "can't give argument to non-function %.*s",
		    (int)(first->at.end - first->at.pos < 40 ? first->at.end - first->at.pos : 40),
		    r->t->text + first->at.pos);
}

int eval_pipeline(struct run *r, const struct value *dot, const struct pipeline *p,
		  struct value *ret, struct err *err)
{
	CLEAN(value_done) struct value v = { 0 };
	const struct value *last = NULL;

	for (const struct command_node *c = p->commands; c; c = c->next) {
		struct value next = { 0 };

		if (eval_command(r, dot, c, last, &next, err) < 0) {
			value_done(&next);
			return -1;
		}
		value_set(&v, next.json, next.field);
		last = &v;
	}
	*ret = v;
	v = (struct value){ 0 };
	return 0;
}
