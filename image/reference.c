#include "image/reference.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/digest.h"

#define DEFAULT_REGISTRY  "docker.io"
#define DEFAULT_NAMESPACE "library/"
#define DEFAULT_TAG	  "latest"
#define REPOSITORY_MAX	  255
#define TAG_MAX		  128

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (is_upper(*s))
			return true;
	return false;
}

/* One or more of [a-z0-9]: the end of it, or NULL. */
static const char *skip_alnum(const char *s)
{
	const char *p = s;

	while (is_lower(*p) || is_digit(*p))
		p++;
	return p > s ? p : NULL;
}

/* What may stand between two runs of [a-z0-9]: '.', '_', '__' or any number of '-'. */
static const char *skip_separator(const char *s)
{
	if (*s == '.')
		return s + 1;
	if (*s == '_')
		return s + (s[1] == '_' ? 2 : 1);
	return s + strspn(s, "-");
}

/* path-component ['/' path-component]*, each of which is alnum [separator alnum]*. */
static bool repository_valid(const char *s)
{
	for (;;) {
		const char *next;

		s = skip_alnum(s);
		if (!s)
			return false;
		if (!*s)
			return true;
		next = *s == '/' ? s + 1 : skip_separator(s);
		if (next == s)
			return false;
		s = next;
	}
}

/* A name of DNS: letters, digits and inner hyphens, divided by dots. */
static bool host_valid(const char *s, size_t len)
{
	char before = '.';

	for (size_t i = 0; i < len; before = s[i++]) {
		bool alnum = is_lower(s[i]) || is_upper(s[i]) || is_digit(s[i]);

		if (s[i] == '.' ? before == '.' || before == '-' :
		    s[i] == '-' ? before == '.' :
				  !alnum)
			return false;
	}
	return before != '.' && before != '-';
}

/* The length of an IPv6 address in brackets, or 0. */
static size_t bracketed(const char *s)
{
	size_t len = strspn(s + 1, "0123456789abcdefABCDEF:");

	return len >= 2 && s[1 + len] == ']' ? len + 2 : 0;
}

/* host [':' port] */
static bool registry_valid(const char *s)
{
	size_t len = *s == '[' ? bracketed(s) : strcspn(s, ":"), digits;

	if (len == 0 || (*s != '[' && !host_valid(s, len)))
		return false;
	s += len;
	if (!*s)
		return true;
	digits = strspn(s + 1, "0123456789");
	return *s == ':' && digits >= 1 && digits <= 5 && !s[1 + digits];
}

static bool tag_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > TAG_MAX || *s == '.' || *s == '-')
		return false;
	for (; *s; s++)
		if (!is_lower(*s) && !is_upper(*s) && !is_digit(*s) && !strchr("._-", *s))
			return false;
	return true;
}

void reference_done(struct reference *r)
{
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

/* Cuts "@digest" and ":tag" off the end of text; the colon of a port stands before a slash. */
static void split(char *text, struct reference *r)
{
	char *at = strchr(text, '@'), *slash, *colon;

	if (at) {
		*at = '\0';
		r->digest = xstrdup(at + 1);
	}
	slash = strrchr(text, '/');
	colon = strrchr(text, ':');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		r->tag = xstrdup(colon + 1);
	}
}

/* Its first component is a registry only where it can't be anything else. */
static bool is_registry(const char *first)
{
	return strpbrk(first, ".:") || streq(first, "localhost") || has_upper(first);
}

bool reference_is_short(const char *text)
{
	const char *slash = strchr(text, '/');
	CLEAN(clean_free) char *first = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;

	return !first || !is_registry(first);
}

/* Divides the name into the registry and the rest. */
static void set_name(const char *name, struct reference *r)
{
	const char *slash = strchr(name, '/');
	CLEAN(clean_free) char *first = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
	bool hub;

	if (first && is_registry(first)) {
		r->registry = ptr_take(&first);
		name = slash + 1;
	}
	hub = !r->registry || streq(r->registry, "index.docker.io") ||
	      streq(r->registry, DEFAULT_REGISTRY);
	if (hub) {
		free(r->registry);
		r->registry = xstrdup(DEFAULT_REGISTRY);
	}
	if (hub && !strchr(name, '/'))
		r->repository = xasprintf(DEFAULT_NAMESPACE "%s", name);
	else
		r->repository = xstrdup(name);
}

/* What is wrong with it, or NULL. */
static const char *find_fault(const struct reference *r, const char *name)
{
	if (!*name)
		return "there is no name";
	if (!registry_valid(r->registry))
		return "that is not a registry's host and port";
	if (has_upper(r->repository))
		return "the repository's name must be lower-case";
	if (strlen(r->repository) > REPOSITORY_MAX)
		return "the repository's name is longer than 255 bytes";
	if (!repository_valid(r->repository))
		return "a repository's name is of letters, digits and single '.', '_', '-' or '/' "
		       "between them";
	if (strlen(name) == 64 && is_hex(name, 64))
		return "a name can't be 64 hex digits, as image IDs are";
	if (r->tag && !tag_valid(r->tag))
		return "a tag is of 1 to 128 letters, digits, '.', '_' and '-'";
	if (r->digest && !digest_valid(r->digest))
		return "a digest is 'sha256:' and 64 lower-case hex digits";
	return NULL;
}

int reference_parse(const char *text, struct reference *ret, struct err *err)
{
	CLEAN(reference_done) struct reference r = { 0 };
	CLEAN(clean_free) char *name = xstrdup(text);
	const char *fault;

	split(name, &r);
	set_name(name, &r);
	fault = find_fault(&r, name);
	if (fault) {
		CLEAN(clean_free) char *safe = str_printable(text);

		return err_set(err, ERR_USAGE, "'%.200s': invalid reference format: %s", safe,
			       fault);
	}
	if (!r.tag && !r.digest)
		r.tag = xstrdup(DEFAULT_TAG);
	*ret = r;
	r = (struct reference){ 0 };
	return 0;
}

char *reference_name(const struct reference *r)
{
	return xasprintf("%s/%s", r->registry, r->repository);
}

/* A digest says more than a tag: where both were given, the tag is only a remark. */
char *reference_canonical(const struct reference *r)
{
	CLEAN(clean_free) char *name = reference_name(r);

	return r->digest ? xasprintf("%s@%s", name, r->digest) : xasprintf("%s:%s", name, r->tag);
}
