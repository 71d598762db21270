/*
 * Prototypes of net/glib/glib.c, in C's own types: as GLib 2.74 declares them, for x86-64 and the
 * other 64-bit ABIs (gsize is size_t, gboolean int, a GRand * void *).
 */
#ifndef NET_GLIB_GLIB_H
#define NET_GLIB_GLIB_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void *g_malloc(size_t size);
void *g_malloc0(size_t size);
void *g_realloc(void *block, size_t size);
void g_free(void *block);

char *g_strdup(const char *s);
size_t g_strlcpy(char *to, const char *from, size_t size);
int g_str_has_prefix(const char *s, const char *prefix);
char *g_strstr_len(const char *s, ssize_t len, const char *needle);
unsigned int g_strv_length(char **list);
void g_strfreev(char **list);
int g_vsnprintf(char *to, unsigned long size, const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));
int g_snprintf(char *to, unsigned long size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *g_strerror(int error);
const char *g_getenv(const char *name);

void *g_rand_new(void);
void g_rand_free(void *random);
int32_t g_rand_int_range(void *random, int32_t begin, int32_t end);

void g_log(const char *domain, int level, const char *format, ...);
void g_return_if_fail_warning(const char *domain, const char *function, const char *condition);
void g_warn_message(const char *domain, const char *file, int line, const char *function,
		    const char *condition);
void g_assertion_message_expr(const char *domain, const char *file, int line, const char *function,
			      const char *condition);
unsigned int g_parse_debug_string(const char *text, const void *keys, unsigned int n_keys);

/* These end the process, whatever they are given. */
void g_error_free(void);
void g_shell_parse_argv(void);
void g_spawn_async_with_fds(void);
void g_string_append_printf(void);
void g_string_free(void);
void g_string_new(void);

#endif
