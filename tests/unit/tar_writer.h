/*
 * T: a writer of raw tar bytes, honest or not (POSIX.1-2017, pax, "ustar Interchange Format").
 *
 *	struct buf t = { 0 };
 *	tar_pax(&t, "SCHILY.xattr.user.x", "y");	// for the next entry
 *	tar_add(&t, (struct tar_entry){ .name = "a", .type = '0', .mode = 0644, .data = "text" });
 *	tar_end(&t);
 */
#ifndef TESTS_UNIT_TAR_WRITER_H
#define TESTS_UNIT_TAR_WRITER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define TAR_BLOCK 512

struct tar_entry {
	const char *name, *link; /* at most 100 bytes; longer ones by tar_pax */
	char type; /* '0' file, '1' hardlink, '2' symlink, '3' char, '5' directory … */
	unsigned int mode;
	int64_t uid, gid, size; /* size 0: the data's own */
	int64_t mtime;
	unsigned int major, minor;
	const char *data;
};

/* Octal where it fits, base-256 where not, as GNU tar does. */
static inline void tar_number(char *field, size_t len, int64_t value)
{
	if (value >= 0 && value < (INT64_C(1) << (3 * (len - 1)))) {
		char text[24];

		snprintf(text, sizeof(text), "%0*llo", (int)len - 1, (unsigned long long)value);
		memcpy(field, text, len - 1);
		return;
	}
	for (size_t i = len; i-- > 0; value >>= 8)
		field[i] = (char)(value & 0xff);
	field[0] |= (char)0x80;
}

static inline void tar_pad(struct buf *t)
{
	static const char zeros[TAR_BLOCK];

	if (t->len % TAR_BLOCK)
		buf_add(t, zeros, TAR_BLOCK - t->len % TAR_BLOCK);
}

static inline void tar_add(struct buf *t, struct tar_entry e)
{
	char h[TAR_BLOCK] = { 0 }, sum_text[8];
	size_t len = e.data ? strlen(e.data) : 0;
	unsigned int sum = 0;

	strncpy(h, e.name, 100);
	tar_number(h + 100, 8, e.mode);
	tar_number(h + 108, 8, e.uid);
	tar_number(h + 116, 8, e.gid);
	tar_number(h + 124, 12, e.size ? e.size : (int64_t)len);
	tar_number(h + 136, 12, e.mtime);
	memset(h + 148, ' ', 8);
	h[156] = e.type;
	if (e.link)
		strncpy(h + 157, e.link, 100);
	memcpy(h + 257, "ustar", sizeof("ustar"));
	memset(h + 263, '0', 2); /* the version */
	tar_number(h + 329, 8, e.major);
	tar_number(h + 337, 8, e.minor);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(sum_text, sizeof(sum_text), "%06o", sum & 0777777);
	memcpy(h + 148, sum_text, 7);
	buf_add(t, h, sizeof(h));
	buf_add(t, e.data, len);
	tar_pad(t);
}

/* A record of a PAX extended header. */
static inline void tar_record(struct buf *records, const char *key, const char *value)
{
	size_t len = strlen(key) + strlen(value) + 3, total = len;

	/* The length counts its own digits. */
	for (size_t digits = 1; digits < 8; digits++) {
		char text[24];

		total = len + digits;
		if ((size_t)snprintf(text, sizeof(text), "%zu", total) == digits)
			break;
	}
	buf_addf(records, "%zu %s=%s\n", total, key, value);
}

/* A PAX extended header with these records, and with one. */
static inline void tar_pax_of(struct buf *t, const struct buf *records)
{
	tar_add(t, (struct tar_entry){ .name = "pax", .type = 'x', .mode = 0644, .data = records->data });
}

static inline void tar_pax(struct buf *t, const char *key, const char *value)
{
	struct buf record = { 0 };

	tar_record(&record, key, value);
	tar_pax_of(t, &record);
	buf_done(&record);
}

static inline void tar_end(struct buf *t)
{
	static const char zeros[2 * TAR_BLOCK];

	buf_add(t, zeros, sizeof(zeros));
}

#endif
