/*
 * What the prune commands of containers and images have in common with "system prune". Each prints
 * what it removes, and adds to *io_freed the bytes that came free.
 */
#ifndef CMD_PRUNE_H
#define CMD_PRUNE_H

#include "cmd/container_filter.h"
#include "cmd/image_filter.h"

/*
 * Those that do not run. heading, where there is one, is printed before the first, and an empty
 * line behind the last. The exit status, or -1.
 */
int container_prune(struct tiffin *t, const struct container_filter *filter, const char *heading,
		    int64_t *io_freed, struct err *err);
/* Those without a name, or all, that no container has; under a heading of their own. */
int image_prune(struct tiffin *t, bool all, const struct image_filter *filter, int64_t *io_freed,
		struct err *err);

#endif
