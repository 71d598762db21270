/*
 * The insides of cmd/template.h: tokens, what is parsed of them, values, functions. For the
 * template_*.c alone.
 *
 * A template is a list of nodes. A node's action is a pipeline of commands, a command is terms: a
 * function or field and its arguments. Everything parsed lives in the template's arena, literals in
 * its array of them, so that nothing is freed one by one. Variables are numbered by the parser: at
 * run time they are slots of an array, and slot 0 is "$".
 */
#ifndef CMD_TEMPLATE_TREE_H
#define CMD_TEMPLATE_TREE_H

#include "cmd/template.h"

/* Nobody needs a tenth of these. */
#define TEMPLATE_TEXT_MAX  (64 << 10)
#define TEMPLATE_DEPTH_MAX 64	       /* blocks and parentheses */
#define TEMPLATE_VARS_MAX  64	       /* in scope at one time */
#define TEMPLATE_STRING_MAX (1 << 20)  /* bytes that a function makes */
#define TEMPLATE_OUTPUT_MAX (16 << 20) /* bytes */
#define TEMPLATE_STEPS_MAX  1000000    /* terms evaluated; 64 bytes made are another one */

/* Bytes of the template's text: [pos, end). */
struct span {
	size_t pos, end;
};

/* --- tokens (template_lex.c) --- */

enum token_kind {
	TOKEN_END, /* "}}" */
	TOKEN_PIPE,
	TOKEN_DECLARE,
	TOKEN_ASSIGN,
	TOKEN_COMMA,
	TOKEN_LEFT,
	TOKEN_RIGHT,
	TOKEN_DOT,
	TOKEN_FIELD,	/* ".Name" */
	TOKEN_VARIABLE, /* "$name", "$" */
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_RAW,
	TOKEN_CHAR,
	TOKEN_NUMBER,
	TOKEN_OTHER, /* a character that has no place anywhere */
};

struct token {
	enum token_kind kind;
	struct span at;
	bool after_space;
};

struct lexer {
	const char *name, *text;
	size_t at;
	bool trim; /* the last action ended with "-}}": blanks that follow are dropped */
};

/* "template: NAME:LINE: …", ERR_USAGE. */
int lex_error(const struct lexer *l, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The text up to the next action, with what the markers of both sides trim taken off; past its
 * "{{". *ret_action: there is one; else the end was reached.
 */
int lex_text(struct lexer *l, struct buf *ret, bool *ret_action, struct err *err);
/* The next token of an action. */
int lex_token(struct lexer *l, struct token *ret, struct err *err);
/* A literal's value, out of its token. The caller decrefs. */
int lex_literal(const struct lexer *l, const struct token *token, json_t **ret, struct err *err);

/* --- what is parsed (template_parse.c, template_pipeline.c) --- */

struct name {
	const char *text;
	struct name *next;
};

enum term_kind {
	TERM_DOT,
	TERM_NIL,
	TERM_LITERAL,
	TERM_VARIABLE,
	TERM_PIPELINE, /* in parentheses */
	TERM_FUNCTION,
};

struct term {
	enum term_kind kind;
	struct span at;
	json_t *literal; /* borrowed from the template */
	size_t slot;
	const struct template_function *function;
	struct pipeline *pipeline;
	struct name *fields; /* of the value so far: ".A.B" is a dot with two */
	struct term *next;
};

struct command_node {
	struct term *terms; /* the first is what the others are arguments of */
	struct span at;
	struct command_node *next;
};

struct pipeline {
	struct command_node *commands;
	struct span at;
	/* Set to the result; of "range": to the key and the item, or the item. */
	size_t slots[2], n_slots;
};

enum node_kind {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_WITH,
	NODE_RANGE,
	NODE_BREAK,
	NODE_CONTINUE,
};

struct node {
	enum node_kind kind;
	const char *text;
	struct pipeline *pipeline;
	struct node *body, *otherwise;
	struct node *next;
};

struct template {
	char *name, *text;
	struct node *nodes;
	json_t *literals;
	size_t n_slots; /* as many as are ever in scope */
	struct arena_block *arena;
};

/* --- values and functions (template_value.c, _funcs.c, _text.c, _print.c) --- */

/* An owned reference, and the member's name that it was found by, or NULL (borrowed). */
struct value {
	json_t *json;
	const char *field;
};

static inline void value_done(struct value *v)
{
	json_decref(v->json);
}

/* Maps are ranged over, indexed, and false where empty; structs have fields. */
bool value_is_map(const struct value *v);
bool value_is_true(const struct value *v);
/*
 * "string", "int", "map[string]string"; a struct's is its field's name, a whole value's is whole.
 */
const char *value_type(const struct value *v, const char *whole);

struct template_function {
	const char *name;
	size_t min, max; /* arguments */
	/*
	 * *ret is owned by the caller; errors are without context, ERR_USAGE. NULL: "and" and "or",
	 * which template_eval.c does itself, for they stop at the first argument that decides.
	 */
	int (*call)(const struct value *args, size_t n, json_t **ret, struct err *err);
	bool dresses; /* a heading passes through */
};

/* A row without a name ends it. */
extern const struct template_function template_text_functions[];
const struct template_function *template_function_find(const char *name, size_t len);

/* A JSON string, of text that need not be UTF-8; ERR_USAGE where it is too long. */
int value_from_text(const char *text, size_t len, json_t **ret, struct err *err);
int value_from_buf(const struct buf *b, json_t **ret, struct err *err);
/* An argument's text, or NULL and an error. */
const char *arg_string(const struct value *v, struct err *err);
/* An argument that counts blanks, characters or items: 0 to max. */
int arg_count(const struct value *v, size_t max, size_t *ret, struct err *err);
/* As fmt's %v, into *out. */
void print_value(struct buf *out, const struct value *v);
/* As fmt's Sprint: blanks between neighbours of which neither is a string; Sprintln: always. */
void print_values(struct buf *out, const struct value *args, size_t n, bool line);
/* As fmt's Sprintf. */
void print_format(struct buf *out, const char *format, const struct value *args, size_t n);

#endif
