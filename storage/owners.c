#include "storage/owners.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "storage/layer.h"

/*
 * Bytes of all lists: some 400,000 links. An image that has more is not worth a container's memory.
 */
#define LISTS_MAX (16u << 20)

static int open_list(const struct store *s, const char *container, int flags)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", container, OWNERS_NAME);

	return openat(s->containers, path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* False: what comes after it would follow half a line. */
static bool read_list(int fd, struct buf *ret)
{
	return fd < 0 || read_all(fd, LISTS_MAX, ret, NULL) == 0;
}

/* No two lists speak of one inode: their order does not matter. */
void owners_read(const struct store *s, const struct strv *layers, const char *container,
		 struct buf *ret)
{
	CLEAN(clean_fd) int own = container ? open_list(s, container, O_RDONLY) : -1;

	bool more = read_list(own, ret);

	for (size_t i = 0; more && i < layers->n; i++) {
		CLEAN(clean_fd) int fd = -1;

		more = layer_open_file(s, layers->v[i], OWNERS_NAME, &fd, NULL) < 0 ||
		       read_list(fd, ret);
	}
}

int owners_open(const struct store *s, const char *container)
{
	return open_list(s, container, O_WRONLY | O_APPEND | O_CREAT);
}
