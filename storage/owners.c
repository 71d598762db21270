#include "storage/owners.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "storage/layer.h"

#define LIST_MAX (64u << 20) /* bytes of one: more than a million links */

static int open_list(const struct store *s, const char *container, int flags)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", container, OWNERS_NAME);

	return openat(s->containers, path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void owners_read(const struct store *s, const struct strv *layers, const char *container, struct buf *ret)
{
	int fd;

	for (size_t i = 0; i < layers->n; i++) {
		if (layer_open_file(s, layers->v[i], OWNERS_NAME, &fd, NULL) < 0)
			continue;
		read_all(fd, LIST_MAX, ret, NULL);
		close(fd);
	}
	fd = container ? open_list(s, container, O_RDONLY) : -1;
	if (fd < 0)
		return;
	read_all(fd, LIST_MAX, ret, NULL);
	close(fd);
}

int owners_open(const struct store *s, const char *container)
{
	return open_list(s, container, O_WRONLY | O_APPEND | O_CREAT);
}
