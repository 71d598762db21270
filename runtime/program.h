/*
 * Small programs that are a part of tiffin's own file, each executed from a sealed copy in memory.
 */
#ifndef RUNTIME_PROGRAM_H
#define RUNTIME_PROGRAM_H

#include <stddef.h>

#include "base/err.h"

/* An executable file that nobody can change, close-on-exec; the caller's. */
int program_in_memory(const char *name, const unsigned char *bytes, size_t n, int *ret_fd,
		      struct err *err);

#endif
