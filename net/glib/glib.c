/*
 * The part of GLib that libslirp calls, with GLib's ABI: a libglib-2.0.so.0 for tiffin-net alone.
 *
 * Theory of operation
 *
 * libslirp comes as a shared library only, and wants GLib for some thirty small functions. GLib,
 * the library of regular expressions that it wants and libm are 3 MB of code in the one process
 * that reads hostile packets, cost it 500 KB of memory that nobody shares and a quarter of its
 * start. The loader takes a library by its name: tiffin-net names this one, which lies beside it,
 * before libslirp asks for it. If it lies elsewhere the system's own is found and does as well. The
 * linker proves that nothing is missing (Makefile).
 *
 * What libslirp calls on behalf of options that tiffin-net does not use (commands run for
 * connections, connections listed) ends the process. So does what ends it in GLib: an error that
 * is logged as such, and the end of memory. Other things that are logged are not: what a
 * container's packets are like is nobody's business.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "net/glib/glib.h"

#define LOG_FATAL (1 << 1)
#define LOG_ERROR (1 << 2)

/* --- memory --- */

/* GLib's own has no block without a size. */
static void *checked(void *block, size_t size)
{
	if (!block && size)
		abort();
	return block;
}

void *g_malloc(size_t size)
{
	return size ? checked(malloc(size), size) : NULL;
}

void *g_malloc0(size_t size)
{
	return size ? checked(calloc(1, size), size) : NULL;
}

void *g_realloc(void *block, size_t size)
{
	if (size)
		return checked(realloc(block, size), size);
	free(block);
	return NULL;
}

void g_free(void *block)
{
	free(block);
}

/* --- strings --- */

char *g_strdup(const char *s)
{
	return s ? checked(strdup(s), 1) : NULL;
}

size_t g_strlcpy(char *to, const char *from, size_t size)
{
	size_t len = strlen(from), n = len < size ? len : size - 1;

	if (size) {
		memcpy(to, from, n);
		to[n] = '\0';
	}
	return len;
}

int g_str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Finds the needle in the first len bytes, or in all where that is negative. */
char *g_strstr_len(const char *s, ssize_t len, const char *needle)
{
	return len < 0 ? strstr(s, needle) :
			 memmem(s, strnlen(s, (size_t)len), needle, strlen(needle));
}

unsigned int g_strv_length(char **list)
{
	unsigned int n = 0;

	while (list[n])
		n++;
	return n;
}

void g_strfreev(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

int g_vsnprintf(char *to, unsigned long size, const char *format, va_list ap)
{
	return vsnprintf(to, size, format, ap);
}

int g_snprintf(char *to, unsigned long size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(to, size, format, ap);
	va_end(ap);
	return n;
}

const char *g_strerror(int error)
{
	return strerror(error);
}

const char *g_getenv(const char *name)
{
	return getenv(name);
}

/* --- random numbers: from the kernel, each of them, as ports are chosen by them --- */

void *g_rand_new(void)
{
	return checked(malloc(1), 1);
}

void g_rand_free(void *random)
{
	free(random);
}

/* One of [begin, end). */
int32_t g_rand_int_range(void *random, int32_t begin, int32_t end)
{
	uint64_t number;

	(void)random;
	if (begin >= end || getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		abort();
	return (int32_t)(begin + (int64_t)(number % (uint64_t)((int64_t)end - begin)));
}

/* --- what is said of errors --- */

void g_log(const char *domain, int level, const char *format, ...)
{
	(void)domain;
	(void)format;
	if (level & (LOG_FATAL | LOG_ERROR))
		abort();
}

void g_return_if_fail_warning(const char *domain, const char *function, const char *condition)
{
	(void)domain;
	(void)function;
	(void)condition;
}

void g_warn_message(const char *domain, const char *file, int line, const char *function,
		    const char *condition)
{
	(void)domain;
	(void)file;
	(void)line;
	(void)function;
	(void)condition;
}

void g_assertion_message_expr(const char *domain, const char *file, int line, const char *function,
			      const char *condition)
{
	(void)domain;
	(void)file;
	(void)line;
	(void)function;
	(void)condition;
	abort();
}

/* Of SLIRP_DEBUG: nothing is printed, whatever it says. */
unsigned int g_parse_debug_string(const char *text, const void *keys, unsigned int n_keys)
{
	(void)text;
	(void)keys;
	(void)n_keys;
	return 0;
}

/* --- what tiffin-net has no use for --- */

#define NOT_USED(name)       \
	void name(void)      \
	{                    \
		abort();     \
	}

NOT_USED(g_error_free)
NOT_USED(g_shell_parse_argv)
NOT_USED(g_spawn_async_with_fds)
NOT_USED(g_string_append_printf)
NOT_USED(g_string_free)
NOT_USED(g_string_new)
