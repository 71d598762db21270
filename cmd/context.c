#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/command.h"

/* One line, whatever is in it: text of strangers may be. */
static void print_line(const char *prefix, const char *text)
{
	CLEAN(clean_free) char *safe = str_printable(text);

	fprintf(stderr, "%s%s\n", prefix, safe);
}

void report(const struct err *err)
{
	fflush(stdout);
	print_line("Error: ", err->text);
	if (err->hint[0])
		print_line("hint: ", err->hint);
}

void report_warning(const struct err *err)
{
	print_line("Warning: ", err->text);
	if (err->hint[0])
		print_line("hint: ", err->hint);
}

int report_item(const struct err *err, int code)
{
	int this = err->kind == ERR_NOT_FOUND ? EXIT_NOT_THERE :
		   err->kind == ERR_BUSY      ? EXIT_IN_USE :
						EXIT_TIFFIN;

	report(err);
	return this > code ? this : code;
}

void warn(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_line("", text);
}

void tiffin_set_title(struct tiffin *t, const char *fmt, ...)
{
	va_list ap;

	if (!t->title_size)
		return;
	memset(t->title, 0, t->title_size);
	va_start(ap, fmt);
	vsnprintf(t->title, t->title_size, fmt, ap);
	va_end(ap);
}

void tiffin_set_ids(struct tiffin *t, bool single)
{
	if (single == t->ids.single)
		return;
	id_map_of_caller(single, &t->ids);
	t->store.single_id = t->ids.single;
}

int tiffin_open(struct tiffin *t, bool single, struct err *err)
{
	CLEAN(clean_free) char *root = NULL;
	CLEAN(clean_fd) int said = -1;

	if (!t->root && store_default_root(&root, err) < 0)
		return -1;
	if (store_open(t->root ? t->root : root, &t->store, err) < 0)
		return -1;
	id_map_of_caller(single, &t->ids);
	t->store.single_id = t->ids.single;
	if (!t->ids.why_single[0])
		return 0;
	/* Its being there is the memory of having said it. */
	said = openat(t->store.fd, "said-single-id", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (said >= 0) {
		warn("no subordinate IDs (%s): the users of containers are emulated, and all of "
		     "them you", t->ids.why_single);
		warn("hint: as root, 'usermod --add-subuids 100000-165535 --add-subgids "
		     "100000-165535 NAME' and package uidmap give them more");
	}
	return 0;
}
