/*
 * What a pull says on stderr while it works. Each line is one write, so that threads don't mix.
 */
#ifndef IMAGE_PROGRESS_H
#define IMAGE_PROGRESS_H

#include <stdbool.h>

struct progress {
	bool quiet;
};

void progress_line(const struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
