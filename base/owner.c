#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/str.h"

/* Of the message: field numbers, and the wire type of both (varint). */
enum { UID = 1 << 3, GID = 2 << 3 };

static size_t add_number(unsigned char *p, unsigned char field, uint32_t n)
{
	size_t len = 0;

	if (!n)
		return 0;
	p[len++] = field;
	for (; n >= 0x80; n >>= 7)
		p[len++] = (unsigned char)(n | 0x80);
	p[len++] = (unsigned char)n;
	return len;
}

size_t owner_encode(struct owner o, unsigned char ret[OWNER_MAX])
{
	size_t len = add_number(ret, UID, o.uid);

	return len + add_number(ret + len, GID, o.gid);
}

/* Its length, or 0 where there is none. */
static size_t read_number(const unsigned char *p, size_t len, uint32_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len && i < 5; i++) {
		n |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] & 0x80)
			continue;
		if (n >= UINT32_MAX)
			return 0;
		*ret = (uint32_t)n;
		return i + 1;
	}
	return 0;
}

bool owner_decode(const unsigned char *value, size_t len, struct owner *ret)
{
	struct owner o = { 0 };

	while (len) {
		uint32_t *to = *value == UID ? &o.uid : *value == GID ? &o.gid : NULL;
		size_t n = to ? read_number(value + 1, len - 1, to) : 0;

		if (!n)
			return false;
		value += n + 1;
		len -= n + 1;
	}
	*ret = o;
	return true;
}

int owner_read(int fd, struct owner *ret)
{
	unsigned char value[OWNER_MAX];
	ssize_t n = fgetxattr(fd, OWNER_XATTR, value, sizeof(value));

	if (n < 0)
		return -1;
	errno = ENODATA;
	return owner_decode(value, (size_t)n, ret) ? 0 : -1;
}

int owner_write(int fd, struct owner o)
{
	unsigned char value[OWNER_MAX];

	if (o.uid || o.gid)
		return fsetxattr(fd, OWNER_XATTR, value, owner_encode(o, value), 0);
	return fremovexattr(fd, OWNER_XATTR) < 0 && errno != ENODATA ? -1 : 0;
}

int owner_identify(int dirfd, const char *name, struct owner_entry *ret)
{
	struct statx st;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
		return -1;
	*ret = (struct owner_entry){
		.ino = st.stx_ino,
		.born = st.stx_mask & STATX_BTIME ?
				st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : 0,
	};
	return 0;
}

size_t owner_print(const struct owner_entry *e, char ret[OWNER_LINE_MAX])
{
	return (size_t)snprintf(ret, OWNER_LINE_MAX,
				"%" PRIu64 " %" PRId64 " %" PRIu32 " %" PRIu32 "\n", e->ino,
				e->born, e->owner.uid, e->owner.gid);
}

static bool parse_line(const char *text, struct owner_entry *ret)
{
	char *end;

	/* strtoull would begin with the next line. */
	if (*text < '0' || *text > '9')
		return false;
	ret->ino = strtoull(text, &end, 10);
	if (*end != ' ')
		return false;
	ret->born = strtoll(end + 1, &end, 10);
	if (*end != ' ')
		return false;
	ret->owner.uid = (uint32_t)strtoul(end + 1, &end, 10);
	if (*end != ' ')
		return false;
	ret->owner.gid = (uint32_t)strtoul(end + 1, &end, 10);
	return *end == '\n';
}

static int by_file(const void *a, const void *b)
{
	const struct owner_entry *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return (x->born > y->born) - (x->born < y->born);
}

/* So that the later one comes later. */
static int by_file_and_line(const void *a, const void *b)
{
	const struct owner_entry *x = a, *y = b;
	int file = by_file(a, b);

	return file ? file : (x->line > y->line) - (x->line < y->line);
}

void owner_list_parse(const char *text, struct owner_list *ret)
{
	struct owner_list l = { 0 };
	size_t room = 0, kept = 0;
	struct owner_entry e;

	for (const char *p = text; *p && parse_line(p, &e); p = strchr(p, '\n') + 1) {
		if (l.n == room) {
			room = room ? 2 * room : 64;
			l.v = xrealloc(l.v, room * sizeof(*l.v));
		}
		e.line = l.n;
		l.v[l.n++] = e;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_file_and_line);
	for (size_t i = 0; i < l.n; i++)
		if (i + 1 == l.n || by_file(&l.v[i], &l.v[i + 1]) != 0)
			l.v[kept++] = l.v[i];
	l.n = kept;
	*ret = l;
}

void owner_list_done(struct owner_list *l)
{
	free(l->v);
	*l = (struct owner_list){ 0 };
}

bool owner_list_find(const struct owner_list *l, const struct owner_entry *key, struct owner *ret)
{
	const struct owner_entry *e =
		l->n ? bsearch(key, l->v, l->n, sizeof(*l->v), by_file) : NULL;

	if (e)
		*ret = e->owner;
	return e;
}
