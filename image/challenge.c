/*
 * Theory of operation
 *
 * Commas divide challenges, and the parameters of one challenge. What follows a comma is told apart
 * by what comes next: a token and "=" begin a parameter of the challenge before it, a token without
 * begins another challenge, "Basic" or "Bearer realm=…", whose token68 form ("Negotiate abc==") is
 * a token, blanks, and text that is no parameter.
 */
#include "image/challenge.h"

#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

#define CHALLENGES_MAX 32

void challenge_done(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct challenge){ 0 };
}

/* RFC 9110, section 5.6.2. */
static size_t token_length(const char *s)
{
	return strspn(s, "!#$%&'*+-.^_`|~0123456789"
			 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static int malformed(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "its WWW-Authenticate is malformed");
}

/* A quoted string, without its quotes and backslashes; s is moved past it. The caller frees. */
static char *take_quoted(const char **s)
{
	CLEAN(clean_free) char *out = xmalloc(strlen(*s) + 1);
	const char *p = *s + 1;
	size_t len = 0;

	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		if ((unsigned char)*p < ' ' && *p != '\t')
			return NULL;
		out[len++] = *p;
	}
	if (*p != '"')
		return NULL;
	out[len] = '\0';
	*s = p + 1;
	return ptr_take(&out);
}

/* token "=" (token / quoted-string), with s at its name. Its end must be a comma's place. */
static int take_param(const char **s, char **ret_name, char **ret_value, struct err *err)
{
	const size_t len = token_length(*s);
	const char *p = skip_blanks(*s + len) + 1;
	CLEAN(clean_free) char *value = NULL;

	p = skip_blanks(p);
	if (*p == '"') {
		value = take_quoted(&p);
	} else if (token_length(p)) {
		value = xstrndup(p, token_length(p));
		p += token_length(p);
	}
	if (!value || (*skip_blanks(p) && *skip_blanks(p) != ','))
		return malformed(err);
	*ret_name = xstrndup(*s, len);
	*ret_value = ptr_take(&value);
	*s = p;
	return 0;
}

static bool is_param(const char *s)
{
	const size_t len = token_length(s);
	const char *p = skip_blanks(s + len);

	/* "abc==" is a token68, and so is "abc=" with nothing behind it. */
	return len && *p == '=' && p[1] != '=' && *skip_blanks(p + 1) && *skip_blanks(p + 1) != ',';
}

static char **field_of(struct challenge *c, const char *name)
{
	return strcasecmp(name, "realm") == 0	? &c->realm :
	       strcasecmp(name, "service") == 0 ? &c->service :
	       strcasecmp(name, "scope") == 0	? &c->scope :
	       strcasecmp(name, "error") == 0	? &c->error :
						  NULL;
}

/* The parameters of one challenge, or its token68; into is NULL where they are of no interest. */
static int take_params(const char **s, struct challenge *into, struct err *err)
{
	const char *p = skip_blanks(*s);

	if (!is_param(p))
		p += strcspn(p, ", \t"); /* a token68, or nothing */
	while (is_param(p)) {
		CLEAN(clean_free) char *name = NULL;
		CLEAN(clean_free) char *value = NULL;
		char **field;

		if (take_param(&p, &name, &value, err) < 0)
			return -1;
		field = into ? field_of(into, name) : NULL;
		if (field && *field)
			return err_set(err, ERR_CORRUPT, "its WWW-Authenticate has '%s' twice",
				       field == &into->realm ? "realm" : "a parameter");
		if (field)
			*field = ptr_take(&value);
		*s = p;
		p = skip_blanks(p) + strspn(skip_blanks(p), ", \t");
		if (!is_param(p))
			return 0;
	}
	*s = p;
	p = skip_blanks(p);
	return *p && *p != ',' ? malformed(err) : 0;
}

int challenge_parse(const char *header, struct challenge *ret, struct err *err)
{
	CLEAN(challenge_done) struct challenge c = { 0 };
	const char *s = header + strspn(header, ", \t");

	for (int n = 0; *s; n++) {
		const size_t len = token_length(s);
		const bool bearer = len == 6 && strncasecmp(s, "Bearer", len) == 0;
		const bool first = bearer && !c.bearer;

		if (len == 0 || n == CHALLENGES_MAX || (s[len] && !strchr(" \t,", s[len])))
			return malformed(err);
		c.bearer |= bearer;
		c.basic |= len == 5 && strncasecmp(s, "Basic", len) == 0;
		s += len;
		if (take_params(&s, first ? &c : NULL, err) < 0)
			return -1;
		s += strspn(s, ", \t");
	}
	*ret = c;
	c = (struct challenge){ 0 };
	return 0;
}
