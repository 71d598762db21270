#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/emulate_parts.h"

#define LIST_MAX (4 << 20) /* bytes that a container may have written */

/* --- What has no attributes --- */

/* name is a link of /proc, which is followed: the file's own, if it is one, is not. */
static int identify(const char *name, struct odd_owner *ret)
{
	int fd = open(name, O_PATH | O_CLOEXEC);
	struct stat st;
	int result;

	if (fd < 0)
		return -1;
	result = fstat(fd, &st) < 0 ? -1 : owner_identify(fd, "", &ret->file);
	ret->dev = st.st_dev;
	close(fd);
	return result;
}

static size_t place_of(const struct odd_owner *o)
{
	return (o->file.ino * 0x9e3779b97f4a7c15u + o->dev) >> 20 & (ODD_PLACES - 1);
}

static bool is_same(const struct odd_owner *a, const struct odd_owner *b)
{
	return a->file.ino == b->file.ino && a->dev == b->dev && a->file.born == b->file.born;
}

/* What was recorded of this run, else of runs before or of the image. */
static bool find_odd(const struct emulation *e, const char *name, struct owner *ret)
{
	const struct odd_owners *odd = &e->shared->odd;
	const struct odd_owner *ways;
	struct odd_owner o;

	if ((!odd->any && !e->how.owners->n) || identify(name, &o) < 0)
		return false;
	ways = odd->places[place_of(&o)].ways;
	for (size_t i = 0; i < ODD_WAYS; i++) {
		if (is_same(&ways[i], &o)) {
			*ret = ways[i].file.owner;
			return true;
		}
	}
	return o.dev == e->view.root_stat.st_dev && owner_list_find(e->how.owners, &o.file, ret);
}

/*
 * What the kernel has just copied into the container's layer for us to change has another inode
 * there, which overlayfs will tell from the next mount on.
 */
static void look_into_layer(const struct emulation *e, const char *name, struct owner_entry *ret)
{
	struct owner_entry there;
	char path[PATH_MAX];
	ssize_t n = readlink(name, path, sizeof(path) - 1);
	CLEAN(clean_fd) int fd = -1;

	if (n < 2 || path[0] != '/')
		return;
	path[n] = '\0';
	fd = open_resolved(e->view.upper, path + 1, O_PATH | O_NOFOLLOW, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0 || owner_identify(fd, "", &there) < 0)
		return;
	ret->ino = there.ino;
	ret->born = there.born;
}

/* In the container's own file system it is to be known when the container is no more running. */
static void list_odd(const struct emulation *e, const char *name, const struct odd_owner *o)
{
	struct owner_entry file = o->file;
	char line[OWNER_LINE_MAX];
	size_t len;

	if (o->dev != e->view.root_stat.st_dev || e->how.owners_fd < 0 ||
	    lseek(e->how.owners_fd, 0, SEEK_END) > LIST_MAX)
		return;
	look_into_layer(e, name, &file);
	len = owner_print(&file, line);
	if (write(e->how.owners_fd, line, len) < 0)
		return; /* a full disk: then it is forgotten with us */
}

static int record_odd(struct emulation *e, const char *name, struct owner owner)
{
	struct odd_owners *odd = &e->shared->odd;
	struct odd_owner o, *ways;
	size_t at = 0;

	if (identify(name, &o) < 0)
		return errno;
	o.file.owner = owner;
	ways = odd->places[place_of(&o)].ways;
	while (at < ODD_WAYS && !is_same(&ways[at], &o))
		at++;
	if (at == ODD_WAYS)
		at = odd->places[place_of(&o)].next++ % ODD_WAYS;
	ways[at] = o;
	odd->any = true;
	list_odd(e, name, &o);
	return 0;
}

/* --- Either --- */

bool emulate_find_owner(const struct emulation *e, const char *name, struct owner *ret)
{
	unsigned char value[OWNER_MAX];
	ssize_t n = getxattr(name, OWNER_XATTR, value, sizeof(value));

	if (n >= 0)
		return owner_decode(value, (size_t)n, ret);
	return find_odd(e, name, ret);
}

int emulate_record_owner(struct emulation *e, const char *name, struct owner o)
{
	unsigned char value[OWNER_MAX];
	int result = o.uid || o.gid ?
			     setxattr(name, OWNER_XATTR, value, owner_encode(o, value), 0) :
			     removexattr(name, OWNER_XATTR);

	if (result == 0 || errno == ENODATA)
		return 0;
	return errno == ENOTSUP || errno == EPERM ? record_odd(e, name, o) : errno;
}
