/*
 * Ownership that the compiler enforces: CLEAN(clean_fd) int fd = open(…) closes fd on every way
 * out. fd_take() and ptr_take() move ownership out of such a variable, visibly.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEAN(fn) __attribute__((cleanup(fn)))

static inline void clean_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void clean_free(void *p)
{
	free(*(void **)p);
}

static inline void clean_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void clean_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define ptr_take(p)                                                                               \
	({                                                                                        \
		__typeof__(*(p)) taken_ = *(p);                                                   \
		*(p) = NULL;                                                                      \
		taken_;                                                                           \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
