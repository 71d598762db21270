#include "runtime/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"

char *log_file_name(const struct log_config *config, int n)
{
	const char *name = config->path ? config->path : "log";

	return n ? xasprintf("%s.%d", name, n) : xstrdup(name);
}

/* A record that a monitor died over, or that the machine did, is not to swallow the next one. */
static void end_torn_record(struct log_file *f)
{
	char last = '\n';

	if (f->size > 0 && pread(f->fd, &last, 1, f->size - 1) == 1 && last != '\n' &&
	    write(f->fd, "\n", 1) == 1)
		f->size++;
}

static bool open_file(struct log_file *f)
{
	CLEAN(clean_free) char *name = log_file_name(f->config, 0);
	CLEAN(clean_fd) int fd = -1;
	struct stat st;

	if (f->fd >= 0)
		return true;
	/* Not blocking: a path of the user's may have become a FIFO. */
	fd = openat(f->dir, name, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		    0600);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	f->fd = fd_take(&fd);
	f->size = st.st_size;
	end_torn_record(f);
	return true;
}

static void close_file(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/*
 * The first number that is free, as a rotation that was broken off leaves one; else the last, whose
 * file goes. (To rename over it would have ext4 write its successor to the disk there and then.)
 */
static int make_room(const struct log_file *f)
{
	int n = f->config->max_files > 1 ? 1 : 0;

	for (;; n++) {
		CLEAN(clean_free) char *name = log_file_name(f->config, n);

		if (n == f->config->max_files - 1) {
			unlinkat(f->dir, name, 0);
			return n;
		}
		if (faccessat(f->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return n;
	}
}

/*
 * The oldest goes first: whoever reads never finds a younger one where an older one was passed
 * over.
 */
static void rotate(struct log_file *f)
{
	close_file(f);
	for (int n = make_room(f); n > 0; n--) {
		CLEAN(clean_free) char *from = log_file_name(f->config, n - 1);
		CLEAN(clean_free) char *to = log_file_name(f->config, n);

		renameat(f->dir, from, f->dir, to);
	}
}

/* Whole records, or nothing of them. */
static void append(struct log_file *f, struct buf *records)
{
	if (records->len && open_file(f)) {
		if (write_all(f->fd, records->data, records->len, NULL) == 0)
			f->size += (off_t)records->len;
		else if (ftruncate(f->fd, f->size) < 0)
			close_file(f);
	}
	records->len = 0;
}

/* Appends the record that stands behind what is to be written, in a file where it fits. */
static void add_record(struct log_file *f, const struct log_record *record, struct buf *out)
{
	CLEAN(buf_done) struct buf one = { 0 };
	long long max = f->config->max_size;

	log_format(f->config->driver, record, &one);
	if (max >= 0 && open_file(f) && f->size + (off_t)(out->len + one.len) > max &&
	    (f->size > 0 || out->len)) {
		append(f, out);
		rotate(f);
	}
	buf_add(out, one.data, one.len);
}

static void write_lines(struct log_file *f, bool is_stderr, const char *data, size_t len)
{
	CLEAN(buf_done) struct buf out = { 0 };
	struct log_record record = { .time = now_realtime(), .is_stderr = is_stderr };

	while (len) {
		const char *newline = memchr(data, '\n', len);

		record.text = data;
		record.len = newline ? (size_t)(newline - data) : len;
		record.partial = !newline;
		add_record(f, &record, &out);
		data += record.len + !record.partial;
		len -= record.len + !record.partial;
	}
	append(f, &out);
}

void log_file_write(struct log_file *f, bool is_stderr, const char *data, size_t len)
{
	struct buf *carry = &f->carry[is_stderr];

	if (f->config->driver == LOG_NONE)
		return;
	if (f->config->driver == LOG_JSON_FILE) {
		CLEAN(buf_done) struct buf whole = *carry;
		size_t unfinished;

		*carry = (struct buf){ 0 };
		buf_add(&whole, data, len);
		unfinished = log_unfinished_utf8(whole.data, whole.len);
		buf_add(carry, whole.data + whole.len - unfinished, unfinished);
		write_lines(f, is_stderr, whole.data, whole.len - unfinished);
		return;
	}
	write_lines(f, is_stderr, data, len);
}

void log_file_close(struct log_file *f)
{
	for (int i = 0; i < 2; i++) {
		if (f->carry[i].len)
			write_lines(f, i, f->carry[i].data, f->carry[i].len);
		buf_done(&f->carry[i]);
		f->carry[i] = (struct buf){ 0 };
	}
	close_file(f);
}
