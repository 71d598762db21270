/*
 * Templates, the second step: tokens made a tree of nodes. The grammar, and the words of the
 * errors, are those of Go's text/template/parse.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/template_parser.h"

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

/* Why a list of nodes ended. */
enum list_end { LIST_EOF, LIST_END, LIST_ELSE };

void *template_allocate(struct template *t, size_t size)
{
	struct arena_block *block = xcalloc(1, sizeof(*block) + size);

	block->next = t->arena;
	t->arena = block;
	return block->data;
}

const char *template_keep(struct template *t, const char *s, size_t len)
{
	char *copy = template_allocate(t, len + 1);

	memcpy(copy, s, len);
	return copy;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	for (struct arena_block *b = t->arena, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	json_decref(t->literals);
	free(t->name);
	free(t->text);
	free(t);
}

static int parse_list(struct parser *p, struct node **ret, enum list_end *ret_end, struct err *err);

static int expect_end(struct parser *p, const char *context, struct err *err)
{
	if (parser_advance(p, err) < 0)
		return -1;
	return p->token.kind == TOKEN_END ? 0 : parser_unexpected(p, context, err);
}

static int parse_control(struct parser *p, struct node *node, const char *word, struct err *err);

/* "{{else}}", or "{{else if …}}" and "{{else with …}}", whose end is the outer one's too. */
static int parse_else(struct parser *p, struct node *node, const char *word, struct err *err)
{
	enum list_end end;

	if (parser_advance(p, err) < 0)
		return -1;
	if (node->kind != NODE_RANGE && parser_at_word(p, word)) {
		node->otherwise = template_allocate(p->t, sizeof(*node));
		node->otherwise->kind = node->kind;
		return parser_nest(p, err) < 0 || parse_control(p, node->otherwise, word, err) < 0 ?
			       -1 :
			       0;
	}
	if (p->token.kind != TOKEN_END)
		return parser_unexpected(p, "else", err);
	if (parse_list(p, &node->otherwise, &end, err) < 0)
		return -1;
	return end == LIST_END	? 0 :
	       end == LIST_ELSE ? lex_error(&p->lex, err, "expected end; found {{else}}") :
				  lex_error(&p->lex, err, "unexpected EOF");
}

/* if, with, range: the token is that word; afterwards its end is behind us. */
static int parse_control(struct parser *p, struct node *node, const char *word, struct err *err)
{
	size_t n_vars = p->n_vars;
	enum list_end end;
	int result = 0;

	if (parser_advance(p, err) < 0 ||
	    parse_pipeline(p, word, TOKEN_END, &node->pipeline, err) < 0)
		return -1;
	p->loops += node->kind == NODE_RANGE;
	result = parse_list(p, &node->body, &end, err);
	p->loops -= node->kind == NODE_RANGE;
	if (result == 0 && end == LIST_ELSE)
		result = parse_else(p, node, word, err);
	else if (result == 0 && end == LIST_EOF)
		result = lex_error(&p->lex, err, "unexpected EOF");
	p->n_vars = n_vars;
	p->depth--;
	return result;
}

static int parse_jump(struct parser *p, struct node *node, const char *word, struct err *err)
{
	if (!p->loops)
		return lex_error(&p->lex, err, "{{%s}} outside {{range}}", word);
	node->kind = *word == 'b' ? NODE_BREAK : NODE_CONTINUE;
	return expect_end(p, word, err);
}

static int parse_action(struct parser *p, struct node *node, struct err *err)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} controls[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		if (!parser_at_word(p, controls[i].word))
			continue;
		node->kind = controls[i].kind;
		return parser_nest(p, err) < 0 ? -1 : parse_control(p, node, controls[i].word, err);
	}
	if (parser_at_word(p, "break") || parser_at_word(p, "continue"))
		return parse_jump(p, node, parser_at_word(p, "break") ? "break" : "continue", err);
	/* They would let a template call itself. */
	if (parser_at_word(p, "template") || parser_at_word(p, "define") ||
	    parser_at_word(p, "block"))
		return lex_error(&p->lex, err,
				 "{{define}}, {{template}} and {{block}} are not supported");
	node->kind = NODE_ACTION;
	return parse_pipeline(p, "command", TOKEN_END, &node->pipeline, err);
}

static void add_text(struct parser *p, const struct buf *text, struct node ***next)
{
	struct node *node = template_allocate(p->t, sizeof(*node));

	node->kind = NODE_TEXT;
	node->text = template_keep(p->t, buf_str(text), text->len);
	**next = node;
	*next = &node->next;
}

static int parse_list(struct parser *p, struct node **ret, enum list_end *ret_end, struct err *err)
{
	struct node **next = ret;

	for (;;) {
		CLEAN(buf_done) struct buf text = { 0 };
		bool action = false;

		if (lex_text(&p->lex, &text, &action, err) < 0)
			return -1;
		if (text.len)
			add_text(p, &text, &next);
		if (!action) {
			*ret_end = LIST_EOF;
			return 0;
		}
		if (parser_advance(p, err) < 0)
			return -1;
		if (parser_at_word(p, "end")) {
			*ret_end = LIST_END;
			return expect_end(p, "end", err);
		}
		if (parser_at_word(p, "else")) {
			*ret_end = LIST_ELSE;
			return 0;
		}
		*next = template_allocate(p->t, sizeof(**next));
		if (parse_action(p, *next, err) < 0)
			return -1;
		next = &(*next)->next;
	}
}

int template_parse(const char *name, const char *text, struct template **ret, struct err *err)
{
	CLEAN(clean_template) struct template *t = xcalloc(1, sizeof(*t));
	struct parser p = { .t = t, .vars = { "$" }, .n_vars = 1 };
	enum list_end end;

	if (strlen(text) > TEMPLATE_TEXT_MAX)
		return err_set(err, ERR_USAGE, "template: %s: longer than %d bytes", name,
			       TEMPLATE_TEXT_MAX);
	t->name = xstrdup(name);
	t->text = xstrdup(text);
	t->literals = json_array();
	t->n_slots = 1;
	p.lex = (struct lexer){ .name = t->name, .text = t->text };
	if (parse_list(&p, &t->nodes, &end, err) < 0)
		return -1;
	if (end != LIST_EOF)
		return lex_error(&p.lex, err, "unexpected {{%s}}",
				 end == LIST_END ? "end" : "else");
	*ret = ptr_take(&t);
	return 0;
}
