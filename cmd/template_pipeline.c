/*
 * Templates, the second step: what stands in an action. A pipeline is commands, a command terms,
 * and a term may be a pipeline in parentheses.
 */
#include "base/cleanup.h"
#include "cmd/template_parser.h"

int parser_advance(struct parser *p, struct err *err)
{
	return lex_token(&p->lex, &p->token, err);
}

bool parser_at_word(const struct parser *p, const char *word)
{
	size_t len = p->token.at.end - p->token.at.pos;

	return p->token.kind == TOKEN_WORD && strlen(word) == len &&
	       strncmp(p->lex.text + p->token.at.pos, word, len) == 0;
}

static bool is_keyword(const struct parser *p)
{
	static const char *const words[] = { "block", "break",	"continue", "define", "else",
					     "end",   "if",	"range",    "template", "with" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (parser_at_word(p, words[i]))
			return true;
	return false;
}

int parser_unexpected(struct parser *p, const char *where, struct err *err)
{
	int len = (int)(p->token.at.end - p->token.at.pos);
	bool angle = p->token.kind == TOKEN_DOT || is_keyword(p);

	if (p->token.kind == TOKEN_RIGHT)
		return lex_error(&p->lex, err, "unexpected right paren");
	if (p->token.kind == TOKEN_END)
		return lex_error(&p->lex, err, "unexpected \"}}\" in %s", where);
	return lex_error(&p->lex, err, "unexpected %s%.*s%s in %s", angle ? "<" : "\"",
			 len < 40 ? len : 40, p->lex.text + p->token.at.pos, angle ? ">" : "\"",
			 where);
}

int parser_nest(struct parser *p, struct err *err)
{
	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return lex_error(&p->lex, err, "nested more than %d deep", TEMPLATE_DEPTH_MAX);
	return 0;
}

static int find_variable(struct parser *p, const struct token *token, size_t *ret, struct err *err)
{
	const char *name = p->lex.text + token->at.pos;
	size_t len = token->at.end - token->at.pos;

	for (size_t i = p->n_vars; i-- > 0;) {
		if (strlen(p->vars[i]) == len && strncmp(p->vars[i], name, len) == 0) {
			*ret = i;
			return 0;
		}
	}
	return lex_error(&p->lex, err, "undefined variable \"%.*s\"", (int)(len < 40 ? len : 40),
			 name);
}

static int parse_word(struct parser *p, struct term *term, struct err *err)
{
	const char *word = p->lex.text + p->token.at.pos;
	size_t len = p->token.at.end - p->token.at.pos;

	if (is_keyword(p))
		return parser_unexpected(p, "operand", err);
	if (parser_at_word(p, "nil")) {
		term->kind = TERM_NIL;
		return 0;
	}
	if (parser_at_word(p, "true") || parser_at_word(p, "false")) {
		term->kind = TERM_LITERAL;
		term->literal = json_boolean(*word == 't');
		return 0;
	}
	term->kind = TERM_FUNCTION;
	term->function = template_function_find(word, len);
	if (!term->function)
		return lex_error(&p->lex, err, "function \"%.*s\" not defined",
				 (int)(len < 40 ? len : 40), word);
	return 0;
}

static void add_field(struct parser *p, struct term *term)
{
	struct name **last = &term->fields;
	struct name *field = template_allocate(p->t, sizeof(*field));
	const struct span *at = &p->token.at;

	while (*last)
		last = &(*last)->next;
	field->text = template_keep(p->t, p->lex.text + at->pos + 1, at->end - at->pos - 1);
	*last = field;
}

/* A term without the fields that may follow it; the token stays the term's last. */
static int parse_term(struct parser *p, struct term *term, struct err *err)
{
	json_t *literal = NULL;

	switch (p->token.kind) {
	case TOKEN_FIELD:
		add_field(p, term);
		return 0; /* of the dot */
	case TOKEN_DOT:
		return 0;
	case TOKEN_WORD:
		return parse_word(p, term, err);
	case TOKEN_VARIABLE:
		term->kind = TERM_VARIABLE;
		return find_variable(p, &p->token, &term->slot, err);
	case TOKEN_STRING:
	case TOKEN_RAW:
	case TOKEN_CHAR:
	case TOKEN_NUMBER:
		if (lex_literal(&p->lex, &p->token, &literal, err) < 0)
			return -1;
		term->kind = TERM_LITERAL;
		term->literal = literal;
		json_array_append_new(p->t->literals, literal);
		return 0;
	case TOKEN_LEFT:
		term->kind = TERM_PIPELINE;
		if (parser_nest(p, err) < 0 || parser_advance(p, err) < 0 ||
		    parse_pipeline(p, "parenthesized pipeline", TOKEN_RIGHT, &term->pipeline,
				   err) < 0)
			return -1;
		p->depth--;
		return 0;
	default:
		return parser_unexpected(p, "operand", err);
	}
}

static bool has_fields(const struct parser *p, const struct term *term)
{
	return term->kind == TERM_VARIABLE || term->kind == TERM_PIPELINE || term->fields ||
	       (term->kind == TERM_DOT && p->lex.text[term->at.pos] != '.');
}

/* NULL where it is none. */
static struct term *parse_operand(struct parser *p, struct err *err)
{
	struct term *term = template_allocate(p->t, sizeof(*term));

	term->at = p->token.at;
	if (parse_term(p, term, err) < 0)
		return NULL;
	term->at.end = p->token.at.end;
	if (parser_advance(p, err) < 0)
		return NULL;
	while (p->token.kind == TOKEN_FIELD && !p->token.after_space) {
		if (!has_fields(p, term)) {
			lex_error(&p->lex, err, "unexpected . after term \"%.*s\"",
				  (int)(term->at.end - term->at.pos), p->lex.text + term->at.pos);
			return NULL;
		}
		add_field(p, term);
		term->at.end = p->token.at.end;
		if (parser_advance(p, err) < 0)
			return NULL;
	}
	return term;
}

static bool ends_command(const struct parser *p)
{
	return p->token.kind == TOKEN_END || p->token.kind == TOKEN_RIGHT ||
	       p->token.kind == TOKEN_PIPE;
}

/* NULL where it is none. */
static struct command_node *parse_command(struct parser *p, struct err *err)
{
	struct command_node *c = template_allocate(p->t, sizeof(*c));
	struct term **next = &c->terms;

	c->at = p->token.at;
	do {
		struct term *term = NULL;

		if (p->token.kind == TOKEN_OTHER || p->token.kind == TOKEN_DECLARE ||
		    p->token.kind == TOKEN_PIPE)
			parser_unexpected(p, "command", err);
		else if (c->terms && !p->token.after_space)
			parser_unexpected(p, "operand", err);
		else
			term = parse_operand(p, err);
		if (!term)
			return NULL;
		c->at.end = term->at.end;
		*next = term;
		next = &term->next;
	} while (!ends_command(p));
	return c;
}

/* What a pipeline declares, before its commands: in scope only behind them. */
struct declaration {
	struct token tokens[2];
	size_t n;
	bool assign;
};

/* "$x :=", "$x =", "$k, $v :=", if they are there; the lexer goes back where they are not. */
static int parse_declaration(struct parser *p, const char *context, struct declaration *ret,
			     struct err *err)
{
	const struct lexer before = p->lex;
	const struct token first = p->token;
	struct declaration d = { 0 };
	bool range = streq(context, "range");

	while (p->token.kind == TOKEN_VARIABLE) {
		if (d.n == (range ? 2 : 1))
			return lex_error(&p->lex, err, "too many declarations in %s", context);
		d.tokens[d.n++] = p->token;
		if (parser_advance(p, err) < 0)
			return -1;
		if (p->token.kind == TOKEN_COMMA && !range)
			return lex_error(&p->lex, err, "too many declarations in %s", context);
		if (p->token.kind != TOKEN_COMMA)
			break;
		if (parser_advance(p, err) < 0)
			return -1;
	}
	if (p->token.kind == TOKEN_DECLARE || p->token.kind == TOKEN_ASSIGN) {
		d.assign = p->token.kind == TOKEN_ASSIGN;
		*ret = d;
		return d.n ? parser_advance(p, err) : parser_unexpected(p, "command", err);
	}
	p->lex = before;
	p->token = first;
	return 0;
}

static int declare(struct parser *p, const struct declaration *d, struct pipeline *pipeline,
		   struct err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct span *at = &d->tokens[i].at;
		size_t *slot = &pipeline->slots[pipeline->n_slots++];

		if (d->assign) {
			if (find_variable(p, &d->tokens[i], slot, err) < 0)
				return -1;
			continue;
		}
		if (p->n_vars == TEMPLATE_VARS_MAX)
			return lex_error(&p->lex, err, "more than %d variables", TEMPLATE_VARS_MAX);
		*slot = p->n_vars;
		p->vars[p->n_vars++] =
			template_keep(p->t, p->lex.text + at->pos, at->end - at->pos);
		if (p->n_vars > p->t->n_slots)
			p->t->n_slots = p->n_vars;
	}
	return 0;
}

static bool is_executable(const struct term *t)
{
	return t->kind == TERM_FUNCTION || t->kind == TERM_VARIABLE || t->kind == TERM_PIPELINE ||
	       t->fields;
}

int parse_pipeline(struct parser *p, const char *context, enum token_kind end,
		   struct pipeline **ret, struct err *err)
{
	struct pipeline *pipeline = template_allocate(p->t, sizeof(*pipeline));
	struct command_node **next = &pipeline->commands;
	struct declaration declaration = { 0 };
	int stage = 1;

	pipeline->at = p->token.at;
	if (parse_declaration(p, context, &declaration, err) < 0)
		return -1;
	while (p->token.kind != end) {
		struct command_node *command;

		if (p->token.kind == TOKEN_END)
			return lex_error(&p->lex, err, "unclosed left paren");
		command = parse_command(p, err);
		if (!command)
			return -1;
		if (stage > 1 && !is_executable(command->terms))
			return lex_error(&p->lex, err,
					 "non executable command in pipeline stage %d", stage);
		pipeline->at.end = command->at.end;
		*next = command;
		next = &command->next;
		stage++;
		if (p->token.kind == TOKEN_PIPE && parser_advance(p, err) < 0)
			return -1;
	}
	if (!pipeline->commands)
		return lex_error(&p->lex, err, "missing value for %s", context);
	*ret = pipeline;
	return declare(p, &declaration, pipeline, err);
}
