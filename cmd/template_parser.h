/*
 * What the two halves of the parser share: template_parse.c has the nodes, template_pipeline.c what
 * stands in an action.
 */
#ifndef CMD_TEMPLATE_PARSER_H
#define CMD_TEMPLATE_PARSER_H

#include "cmd/template_tree.h"

struct parser {
	struct lexer lex;
	struct template *t;
	struct token token; /* the one to be looked at */
	/* The variables in scope: the slot's number is the place in here. */
	const char *vars[TEMPLATE_VARS_MAX];
	size_t n_vars;
	unsigned depth, loops;
};

/* Zeroed, and freed with the template. */
void *template_allocate(struct template *t, size_t size);
const char *template_keep(struct template *t, const char *s, size_t len);

/* To the next token. */
int parser_advance(struct parser *p, struct err *err);
bool parser_at_word(const struct parser *p, const char *word);
/* "unexpected "x" in WHERE" */
int parser_unexpected(struct parser *p, const char *where, struct err *err);
/* One level deeper; whoever calls it takes p->depth down again. */
int parser_nest(struct parser *p, struct err *err);

/* The token is the first of it, and afterwards end. context: "if", for errors and for "range". */
int parse_pipeline(struct parser *p, const char *context, enum token_kind end,
		   struct pipeline **ret, struct err *err);

#endif
