#include "image/tar_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"

#define BLOCK	   512
#define BUFFER	   (256u << 10)
#define OCTAL_ID   07777777	    /* what a header's field of 7 octal digits holds */
#define OCTAL_SIZE 077777777777ll   /* and one of 11 */

/* POSIX.1-1988, "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155],
		padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is a block");

void tar_out_init(struct tar_out *t, int fd)
{
	*t = (struct tar_out){ .fd = fd };
}

void tar_out_done(struct tar_out *t)
{
	buf_done(&t->buffer);
}

static int put(struct tar_out *t, const void *data, size_t len, struct err *err)
{
	buf_add(&t->buffer, data, len);
	if (t->buffer.len < BUFFER)
		return 0;
	if (write_all(t->fd, t->buffer.data, t->buffer.len, err) < 0)
		return -1;
	t->buffer.len = 0;
	return 0;
}

static int put_zeros(struct tar_out *t, int64_t n, struct err *err)
{
	static const char zeros[BLOCK * 8];

	for (; n > 0; n -= (int64_t)sizeof(zeros))
		if (put(t, zeros, n < (int64_t)sizeof(zeros) ? (size_t)n : sizeof(zeros), err) < 0)
			return -1;
	return 0;
}

/* "LEN KEY=VALUE\n", of which LEN is the length, its own digits included. */
static void add_record(struct buf *records, const char *prefix, const char *key, const void *value,
		       size_t len)
{
	const size_t rest = strlen(prefix) + strlen(key) + len + 3;
	size_t total = rest + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof(digits), "%zu", total) + rest > total)
		total++;
	buf_addf(records, "%s %s%s=", digits, prefix, key);
	buf_add(records, value, len);
	buf_adds(records, "\n");
}

static void add_text(struct buf *records, const char *key, const char *value)
{
	add_record(records, "", key, value, strlen(value));
}

static void add_number(struct buf *records, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	add_text(records, key, text);
}

void tar_add_xattr(struct tar_entry *e, const char *name, const void *value, size_t len)
{
	add_record(&e->xattrs, "SCHILY.xattr.", name, value, len);
}

/* Seconds and what follows; before 1970 the fraction counts towards it. */
static void add_time(struct buf *records, const struct timespec *time)
{
	const bool early = time->tv_sec < 0 && time->tv_nsec;
	const int64_t whole = early ? time->tv_sec + 1 : time->tv_sec;
	const long fraction = early ? 1000000000 - time->tv_nsec : time->tv_nsec;
	char text[48];

	snprintf(text, sizeof(text), "%s%lld.%09ld", early && !whole ? "-" : "", (long long)whole,
		 fraction);
	add_text(records, "mtime", text);
}

/* The old header's names are ASCII, and short. */
static bool fits(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		if ((unsigned char)text[n] >= 0x80)
			return false;
	return n <= 100;
}

static void add_records(struct buf *ret, const struct tar_entry *e)
{
	if (!fits(e->path))
		add_text(ret, "path", e->path);
	if (e->link && !fits(e->link))
		add_text(ret, "linkpath", e->link);
	if (e->uid > OCTAL_ID)
		add_number(ret, "uid", e->uid);
	if (e->gid > OCTAL_ID)
		add_number(ret, "gid", e->gid);
	if (e->size > OCTAL_SIZE)
		add_number(ret, "size", e->size);
	if (e->mtime.tv_nsec || e->mtime.tv_sec < 0 || e->mtime.tv_sec > OCTAL_SIZE)
		add_time(ret, &e->mtime);
	if (e->xattrs.len)
		buf_add(ret, e->xattrs.data, e->xattrs.len);
}

static void octal(char *field, size_t size, int64_t value, int64_t most)
{
	snprintf(field, size, "%0*llo", (int)size - 1,
		 (unsigned long long)(value < 0 || value > most ? 0 : value));
}

/* A name of 100 bytes has no NUL. */
static void set_name(char field[100], const char *text)
{
	const size_t len = strlen(text);

	memcpy(field, text, len < 100 ? len : 100);
}

static int put_header(struct tar_out *t, const struct tar_entry *e, char type, struct err *err)
{
	struct header h = { .type = type, .magic = "ustar", .version = { '0', '0' } };
	unsigned int sum = 0;

	set_name(h.name, e->path);
	if (e->link)
		set_name(h.link, e->link);
	octal(h.mode, sizeof(h.mode), e->mode, OCTAL_ID);
	octal(h.uid, sizeof(h.uid), e->uid, OCTAL_ID);
	octal(h.gid, sizeof(h.gid), e->gid, OCTAL_ID);
	octal(h.size, sizeof(h.size), e->size, OCTAL_SIZE);
	octal(h.mtime, sizeof(h.mtime), e->mtime.tv_sec, OCTAL_SIZE);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	snprintf(h.checksum, 7, "%06o", sum);
	return put(t, &h, sizeof(h), err);
}

static int64_t to_block(int64_t n)
{
	return (BLOCK - n % BLOCK) % BLOCK;
}

static int put_records(struct tar_out *t, const struct buf *records, struct err *err)
{
	const struct tar_entry e = { .path = "PaxHeaders/0",
				     .mode = 0644,
				     .size = (int64_t)records->len };

	if (put_header(t, &e, 'x', err) < 0 || put(t, records->data, records->len, err) < 0)
		return -1;
	return put_zeros(t, to_block(e.size), err);
}

int tar_begin(struct tar_out *t, const struct tar_entry *e, struct err *err)
{
	CLEAN(buf_done) struct buf records = { 0 };

	add_records(&records, e);
	t->left = t->size = e->size;
	if (records.len && put_records(t, &records, err) < 0)
		return -1;
	return put_header(t, e, (char)e->type, err);
}

int tar_write(struct tar_out *t, const void *data, size_t len, struct err *err)
{
	/* A file that grows while it is read is as long as it was. */
	const size_t n = (int64_t)len < t->left ? len : (size_t)t->left;

	t->left -= (int64_t)n;
	return put(t, data, n, err);
}

int tar_pad(struct tar_out *t, struct err *err)
{
	if (put_zeros(t, t->left, err) < 0)
		return -1;
	t->left = 0;
	return put_zeros(t, to_block(t->size), err);
}

int tar_finish(struct tar_out *t, struct err *err)
{
	if (put_zeros(t, 2 * BLOCK, err) < 0)
		return -1;
	return write_all(t->fd, t->buffer.data, t->buffer.len, err);
}
