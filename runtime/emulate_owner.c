#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "runtime/emulate_parts.h"

/* --- What has no attributes --- */

static int identify(const char *name, struct odd_owner *ret)
{
	struct statx st;

	if (statx(AT_FDCWD, name, 0, STATX_INO | STATX_BTIME, &st) < 0)
		return -1;
	*ret = (struct odd_owner){
		.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino,
		.born = st.stx_mask & STATX_BTIME ?
				st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : 0,
	};
	return 0;
}

static size_t place_of(const struct odd_owner *o)
{
	return (o->ino * 0x9e3779b97f4a7c15u + o->dev) >> 20 & (ODD_PLACES - 1);
}

static bool is_same(const struct odd_owner *a, const struct odd_owner *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->born == b->born;
}

static bool find_odd(const struct odd_owners *odd, const char *name, struct owner *ret)
{
	struct odd_owner o;
	const struct odd_owner *ways;

	if (!odd->any || identify(name, &o) < 0)
		return false;
	ways = odd->places[place_of(&o)].ways;
	for (size_t i = 0; i < ODD_WAYS; i++) {
		if (is_same(&ways[i], &o)) {
			*ret = ways[i].owner;
			return true;
		}
	}
	return false;
}

static int record_odd(struct odd_owners *odd, const char *name, struct owner owner)
{
	struct odd_owner o, *ways;
	size_t at = 0;

	if (identify(name, &o) < 0)
		return errno;
	o.owner = owner;
	ways = odd->places[place_of(&o)].ways;
	while (at < ODD_WAYS && !is_same(&ways[at], &o))
		at++;
	if (at == ODD_WAYS)
		at = odd->places[place_of(&o)].next++ % ODD_WAYS;
	ways[at] = o;
	odd->any = true;
	return 0;
}

/* --- Either --- */

bool emulate_find_owner(const struct emulation *e, const char *name, struct owner *ret)
{
	unsigned char value[OWNER_MAX];
	ssize_t n = getxattr(name, OWNER_XATTR, value, sizeof(value));

	if (n >= 0)
		return owner_decode(value, (size_t)n, ret);
	return find_odd(&e->shared->odd, name, ret);
}

int emulate_record_owner(struct emulation *e, const char *name, struct owner o)
{
	unsigned char value[OWNER_MAX];
	int result = o.uid || o.gid ? setxattr(name, OWNER_XATTR, value, owner_encode(o, value), 0) :
				      removexattr(name, OWNER_XATTR);

	if (result == 0 || errno == ENODATA)
		return 0;
	return errno == ENOTSUP || errno == EPERM ? record_odd(&e->shared->odd, name, o) : errno;
}
