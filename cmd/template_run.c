/*
 * Templates, the last step: the nodes walked, with the data.
 */
#include "base/cleanup.h"
#include "cmd/template_run.h"

/* What a node says about those behind it. */
enum flow { FLOW_FAILED = -1, FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

static void set_variable(struct run *r, const struct pipeline *p, size_t which,
			 const struct value *v)
{
	struct value *slot = &r->vars[p->slots[which]];
	struct value copy = value_copy(v);

	value_set(slot, copy.json, copy.field);
}

static enum flow run_list(struct run *r, const struct value *dot, const struct node *list,
			  struct err *err);

/* Blanks that a template's functions make are kept; what else a terminal would act on is shown. */
static void add_for_terminal(struct buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\t\n");
		CLEAN(clean_free) char *part = xstrndup(text, n);
		CLEAN(clean_free) char *safe = str_printable(part);

		buf_adds(out, safe);
		buf_add(out, text + n, strspn(text + n, "\t\n"));
		text += n + strspn(text + n, "\t\n");
	}
}

static enum flow run_action(struct run *r, const struct value *dot, const struct node *node,
			    struct err *err)
{
	const struct pipeline *p = node->pipeline;
	CLEAN(value_done) struct value v = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (eval_pipeline(r, dot, p, &v, err) < 0)
		return FLOW_FAILED;
	if (p->n_slots) {
		set_variable(r, p, 0, &v);
		return FLOW_NEXT;
	}
	if (json_is_null(v.json))
		buf_adds(&text, "<no value>");
	else
		print_value(&text, &v);
	if (r->data->escape)
		add_for_terminal(r->out, buf_str(&text));
	else
		buf_add(r->out, buf_str(&text), text.len);
	return run_charge(r, &p->at, text.len, err) < 0 ? FLOW_FAILED : FLOW_NEXT;
}

static enum flow run_branch(struct run *r, const struct value *dot, const struct node *node,
			    struct err *err)
{
	CLEAN(value_done) struct value v = { 0 };

	if (eval_pipeline(r, dot, node->pipeline, &v, err) < 0)
		return FLOW_FAILED;
	if (node->pipeline->n_slots)
		set_variable(r, node->pipeline, 0, &v);
	if (value_is_true(&v))
		return run_list(r, node->kind == NODE_WITH ? &v : dot, node->body, err);
	return run_list(r, dot, node->otherwise, err);
}

/* One turn of a range. The key is borrowed. */
static enum flow run_turn(struct run *r, const struct node *node, json_t *key, json_t *item,
			  struct err *err)
{
	const struct pipeline *p = node->pipeline;
	const struct value k = { key, NULL }, v = { item, NULL };

	if (run_charge(r, &p->at, 0, err) < 0)
		return FLOW_FAILED;
	if (p->n_slots == 2)
		set_variable(r, p, 0, &k);
	if (p->n_slots)
		set_variable(r, p, p->n_slots - 1, &v);
	return run_list(r, &v, node->body, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Its keys, sorted as Go sorts them. Borrowed, but for the array. */
static const char **sorted_keys(json_t *object)
{
	const char **keys = xcalloc(json_object_size(object) + 1, sizeof(*keys)), *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach(object, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_names);
	return keys;
}

static enum flow range_over(struct run *r, const struct node *node, const struct value *v,
			    struct err *err)
{
	CLEAN(clean_free) const char **keys = NULL;
	size_t n = json_is_integer(v->json) ? (size_t)json_integer_value(v->json) :
		   json_is_array(v->json)   ? json_array_size(v->json) :
					      json_object_size(v->json);
	enum flow flow = FLOW_NEXT;

	if (json_is_object(v->json))
		keys = sorted_keys(v->json);
	for (size_t i = 0; i < n && flow != FLOW_BREAK && flow != FLOW_FAILED; i++) {
		json_t *key = keys ? json_string(keys[i]) : json_integer((json_int_t)i);

		flow = run_turn(r, node, key,
				keys			 ? json_object_get(v->json, keys[i]) :
				json_is_array(v->json) ? json_array_get(v->json, i) :
							 key,
				err);
		json_decref(key);
	}
	return flow == FLOW_FAILED ? flow : FLOW_NEXT;
}

static enum flow run_range(struct run *r, const struct value *dot, const struct node *node,
			   struct err *err)
{
	CLEAN(value_done) struct value v = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	bool number;

	if (eval_pipeline(r, dot, node->pipeline, &v, err) < 0)
		return FLOW_FAILED;
	number = json_is_integer(v.json);
	if (!number && !json_is_array(v.json) && !json_is_null(v.json) && !value_is_map(&v)) {
		print_value(&text, &v);
		run_fail(r, &node->pipeline->at, err, "range can't iterate over %.100s",
			 buf_str(&text));
		return FLOW_FAILED;
	}
	if (number ? json_integer_value(v.json) <= 0 : !value_is_true(&v))
		return run_list(r, dot, node->otherwise, err);
	return range_over(r, node, &v, err);
}

static enum flow run_list(struct run *r, const struct value *dot, const struct node *list,
			  struct err *err)
{
	enum flow flow = FLOW_NEXT;

	for (const struct node *n = list; n && flow == FLOW_NEXT; n = n->next) {
		if (r->out->len > TEMPLATE_OUTPUT_MAX) {
			err_set(err, ERR_USAGE, "template: %s: the output is too long", r->t->name);
			return FLOW_FAILED;
		}
		switch (n->kind) {
		case NODE_TEXT:
			buf_adds(r->out, n->text);
			break;
		case NODE_ACTION:
			flow = run_action(r, dot, n, err);
			break;
		case NODE_IF:
		case NODE_WITH:
			flow = run_branch(r, dot, n, err);
			break;
		case NODE_RANGE:
			flow = run_range(r, dot, n, err);
			break;
		case NODE_BREAK:
			flow = FLOW_BREAK;
			break;
		case NODE_CONTINUE:
			flow = FLOW_CONTINUE;
			break;
		}
	}
	return flow;
}

int template_run(const struct template *t, const struct template_data *data, struct buf *out,
		 struct err *err)
{
	CLEAN(args_done)
	struct args vars = { xcalloc(t->n_slots, sizeof(struct value)), t->n_slots };
	struct run r = {
		.t = t, .data = data, .out = out, .vars = vars.v, .steps = TEMPLATE_STEPS_MAX
	};
	const struct value dot = { data->dot, NULL };

	for (size_t i = 0; i < vars.n; i++)
		vars.v[i].json = i ? json_null() : json_incref(data->dot);
	return run_list(&r, &dot, t->nodes, err) == FLOW_FAILED ? -1 : 0;
}
