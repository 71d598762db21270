#include "runtime/detach.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* The key's code, or -1. */
static int code_of(const char *key)
{
	static const char others[] = "[\\]^_"; /* 27 to 31 */
	const char *found;

	if (strlen(key) == 1)
		return (unsigned char)*key;
	if (streq(key, "DEL"))
		return 127;
	if (!starts_with(key, "ctrl-") || strlen(key) != strlen("ctrl-x"))
		return -1;
	key += strlen("ctrl-");
	if (*key == '@')
		return 0;
	if (*key >= 'a' && *key <= 'z')
		return *key - 'a' + 1;
	found = strchr(others, *key);
	return found ? 27 + (int)(found - others) : -1;
}

int detach_parse(const char *text, struct detach *ret, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *rest = *copy ? copy : NULL, *key;
	struct detach d = { 0 };

	while ((key = strsep(&rest, ","))) {
		int code = code_of(key);

		if (code < 0)
			return err_set(err, ERR_USAGE, "--detach-keys %s: unknown character: '%s'",
				       text, key);
		if (d.n == DETACH_KEYS_MAX)
			return err_set(err, ERR_USAGE, "--detach-keys: no more than %d keys",
				       DETACH_KEYS_MAX);
		d.keys[d.n++] = (unsigned char)code;
	}
	*ret = d;
	return 0;
}

/*
 * One more was typed, and it is not the next key. What was held goes on from its front, until what
 * is left of it and the new one is a beginning again. Returns how much went on.
 */
static size_t let_go(struct detach *d, unsigned char typed, char *out)
{
	unsigned char all[DETACH_KEYS_MAX + 1];
	size_t n = d->held + 1, gone = 0;

	memcpy(all, d->keys, d->held);
	all[d->held] = typed;
	do
		*out++ = (char)all[gone++];
	while (gone < n && memcmp(all + gone, d->keys, n - gone) != 0);
	d->held = n - gone;
	return gone;
}

bool detach_filter(struct detach *d, const char *in, size_t n, char *out, size_t *ret_n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char typed = (unsigned char)in[i];

		if (!d->n)
			out[len++] = in[i];
		else if (typed != d->keys[d->held])
			len += let_go(d, typed, out + len);
		else if (++d->held == d->n)
			break;
	}
	*ret_n = len;
	return d->n && d->held == d->n;
}
