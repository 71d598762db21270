#include "image/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define BLOCK	       512
#define TYPE_FILE      '0'
#define TYPE_DIRECTORY '5'

/* POSIX.1-1988, "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is a block");

void output_init(struct output *o, int fd, bool directory)
{
	*o = (struct output){ .fd = fd, .directory = directory, .file = -1 };
}

void output_done(struct output *o)
{
	strv_done(&o->names);
	clean_fd(&o->file);
}

bool output_has(const struct output *o, const char *name)
{
	return strv_has(&o->names, name);
}

/* In octal as far as that goes, beyond that in base 256, as everybody reads it. */
static void set_size(char field[12], int64_t size)
{
	if (size < (int64_t)1 << 33) {
		snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	memset(field, 0, 12);
	field[0] = (char)0x80;
	for (int i = 11; i > 3; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

/* The same bytes each time: nobody's file, of no time. */
static int write_header(struct output *o, const char *name, char type, int64_t size,
			struct err *err)
{
	struct header h = { .uid = "0000000", .gid = "0000000", .mtime = "00000000000",
			    .type = type, .magic = "ustar" };
	unsigned int sum = 0;

	memcpy(h.mode, type == TYPE_DIRECTORY ? "0000755" : "0000644", sizeof(h.mode));
	memcpy(h.magic + 6, "00", 2);
	snprintf(h.name, sizeof(h.name), "%s", name);
	set_size(h.size, size);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	snprintf(h.checksum, 7, "%06o", sum);
	return write_all(o->fd, &h, sizeof(h), err);
}

/* In an archive as well: some tools give a directory that they have to invent to root. */
static int make_parents(struct output *o, const char *name, struct err *err)
{
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		CLEAN(clean_free) char *parent = xstrndup(name, (size_t)(slash + 1 - name));

		if (output_has(o, parent))
			continue;
		strv_add(&o->names, parent);
		if (!o->directory && write_header(o, parent, TYPE_DIRECTORY, 0, err) < 0)
			return -1;
		if (o->directory && mkdirat(o->fd, parent, 0755) < 0 && errno != EEXIST)
			return err_sys(err, "cannot make the directory '%s'", parent);
	}
	return 0;
}

int output_begin(struct output *o, const char *name, int64_t size, struct err *err)
{
	strv_add(&o->names, name);
	o->size = size;
	o->written = 0;
	if (make_parents(o, name, err) < 0)
		return -1;
	if (!o->directory)
		return write_header(o, name, TYPE_FILE, size, err);
	o->file = openat(o->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	return o->file < 0 ? err_sys(err, "cannot create '%s'", name) : 0;
}

int output_write(struct output *o, const void *data, size_t len, struct err *err)
{
	o->written += (int64_t)len;
	if (o->size >= 0 && o->written > o->size)
		return err_set(err, ERR_CORRUPT, "there is more of it than it was to be");
	return write_all(o->directory ? o->file : o->fd, data, len, err);
}

int output_end(struct output *o, struct err *err)
{
	static const char zeros[BLOCK];
	const size_t rest = (size_t)(o->written % BLOCK);

	if (o->size >= 0 && o->written != o->size)
		return err_set(err, ERR_CORRUPT, "there is less of it than it was to be");
	if (!o->directory)
		return rest ? write_all(o->fd, zeros, BLOCK - rest, err) : 0;
	if (close(fd_take(&o->file)) < 0)
		return err_sys(err, "cannot write");
	return 0;
}

int output_rename(struct output *o, const char *from, const char *to, struct err *err)
{
	if (!to)
		return unlinkat(o->fd, from, 0);
	if (renameat(o->fd, from, o->fd, to) < 0)
		return err_sys(err, "cannot create '%s'", to);
	strv_add(&o->names, to);
	return 0;
}

int output_file(struct output *o, const char *name, const void *data, size_t len, struct err *err)
{
	if (output_begin(o, name, (int64_t)len, err) < 0 || output_write(o, data, len, err) < 0)
		return -1;
	return output_end(o, err);
}

int output_finish(struct output *o, struct err *err)
{
	static const char end[2 * BLOCK];

	if (!o->directory)
		return write_all(o->fd, end, sizeof(end), err);
	return syncfs(o->fd) < 0 ? err_sys(err, "cannot sync") : 0;
}
