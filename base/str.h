/*
 * Strings: allocation that does not return NULL, growing buffers, NULL-terminated vectors.
 *
 * An allocation that fails ends the process with exit status 125 and one line on stderr: nothing
 * here is worth unwinding for, and the store survives a process that ends anywhere.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix);

/* Bytes that grow; always followed by a NUL that len does not count. Zero-initialise. */
struct buf {
	char *data;
	size_t len, cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_done(struct buf *b);
/* The text so far, never NULL; still owned by the buffer. */
const char *buf_str(const struct buf *b);

/* A vector of strings that it owns; v is NULL or NULL-terminated. Zero-initialise. */
struct strv {
	char **v;
	size_t n;
};

void strv_add(struct strv *s, const char *item);
void strv_add_take(struct strv *s, char *item);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strv_has(const struct strv *s, const char *item);
void strv_done(struct strv *s);
/* Sets KEY in a vector of KEY=VALUE entries, replacing one that is there. */
void strv_set_env(struct strv *s, const char *entry);
/* The value of KEY in such a vector, or NULL. */
const char *strv_get_env(const struct strv *s, const char *key);

/*
 * Text of strangers made safe for a terminal: control characters (C0, C1), bidirectional controls
 * and bytes that are not UTF-8 become \xNN or \u{NNNN} (CVE-2021-25743). The caller frees.
 */
char *str_printable(const char *s);

/* The closest of names (NULL-terminated) to a mistyped word, or NULL where none is close. */
const char *str_nearest(const char *word, const char *const *names);

/* n random bytes as 2n lower-case hex digits and a NUL. */
void random_hex(char *ret, size_t n);
bool is_hex(const char *s, size_t n); /* exactly n lower-case hex digits, then anything */

#endif
