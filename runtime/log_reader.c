#include "runtime/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool stat_number(const struct log_reader *r, int n, struct stat *ret)
{
	CLEAN(clean_free) char *name = log_file_name(&r->config, n);

	return fstatat(r->dir, name, ret, 0) == 0;
}

/* The number that an open file has now, or the one behind the last where it was rotated away. */
static int number_of(const struct log_reader *r, FILE *file)
{
	struct stat st, ours;

	if (file && fstat(fileno(file), &ours) == 0)
		for (int n = 0; n < r->config.max_files; n++)
			if (stat_number(r, n, &st) && is_same(&st, &ours))
				return n;
	return r->config.max_files;
}

/* Has any file a number between the two? */
static bool any_between(const struct log_reader *r, int low, int high)
{
	struct stat st;

	for (int n = low + 1; n < high; n++)
		if (stat_number(r, n, &st))
			return true;
	return false;
}

/* The one that is next younger than a file; of none, the oldest. NULL: there is none. */
static int open_next(const struct log_reader *r, FILE *file, FILE **ret, struct err *err)
{
	for (;;) {
		int number = number_of(r, file), n = number;
		CLEAN(clean_fd) int fd = -1;

		while (fd < 0 && n-- > 0) {
			CLEAN(clean_free) char *name = log_file_name(&r->config, n);

			fd = openat(r->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
			if (fd < 0 && errno != ENOENT)
				return err_sys(err, "cannot open the log");
		}
		if (number_of(r, file) != number || any_between(r, n, number))
			continue; /* it was rotated meanwhile */
		*ret = fd < 0 ? NULL : fdopen(fd, "re");
		if (fd >= 0 && !*ret)
			return err_sys(err, "cannot read the log");
		fd_take(&fd);
		return 0;
	}
}

static void push(struct log_reader *r, FILE *file)
{
	r->files = xrealloc(r->files, (r->n + 1) * sizeof(FILE *));
	r->files[r->n++] = file;
}

int log_reader_open(const struct log_config *config, int dir, bool follow, struct log_reader *ret,
		    struct err *err)
{
	CLEAN(log_reader_done)
	struct log_reader r = { .config = *config, .dir = dir, .follow = follow };
	struct stat st;

	/*
	 * No more than a rotation for each: a log that fills faster than we open it has an end too.
	 */
	for (int i = 0; i < LOG_MAX_FILES_LIMIT; i++) {
		FILE *next;

		if (open_next(&r, r.n ? r.files[r.n - 1] : NULL, &next, err) < 0)
			return -1;
		if (!next)
			break;
		push(&r, next);
	}
	if (r.n && fstat(fileno(r.files[r.n - 1]), &st) == 0)
		r.end = (long)st.st_size;
	*ret = r;
	r = (struct log_reader){ 0 };
	return 0;
}

static void close_file(struct log_reader *r, size_t i)
{
	if (r->files[i])
		fclose(r->files[i]);
	r->files[i] = NULL;
}

void log_reader_done(struct log_reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		close_file(r, i);
	free(r->files);
	free(r->line);
}

/*
 * A whole line of the file that is read. One that is still being written is left for another time.
 */
static bool read_line(struct log_reader *r, size_t *ret_len)
{
	FILE *file = r->files[r->i];
	ssize_t n = -1;

	if (r->follow || r->i + 1 < r->n || r->at < r->end)
		n = getline(&r->line, &r->size, file);
	if (n > 0 && r->line[n - 1] == '\n') {
		r->at += n;
		*ret_len = (size_t)n - 1;
		return true;
	}
	clearerr(file);
	fseek(file, r->at, SEEK_SET);
	return false;
}

/* After the end of a file: is there more behind it? */
static bool advance(struct log_reader *r)
{
	FILE *file = r->i < r->n ? r->files[r->i] : NULL, *next;

	if (r->i + 1 >= r->n) {
		if (!r->follow || (file && number_of(r, file) == 0))
			return false;
		/* It may have been written to between our reading and its rotation. */
		if (file && !r->looked_again) {
			r->looked_again = true;
			return true;
		}
		if (open_next(r, file, &next, NULL) < 0 || !next)
			return false;
		push(r, next);
	}
	if (file) {
		close_file(r, r->i);
		r->i++;
	}
	r->at = 0;
	r->looked_again = false;
	rewind(r->files[r->i]);
	return true;
}

/* Closes nothing, and follows nothing: the first pass of two. */
static bool scan(struct log_reader *r, struct log_record *ret)
{
	while (r->i < r->n) {
		size_t len;

		while (read_line(r, &len))
			if (log_parse(r->config.driver, r->line, len, ret))
				return true;
		r->i++;
		r->at = 0;
	}
	return false;
}

bool log_reader_next(struct log_reader *r, struct log_record *ret)
{
	size_t len;

	do
		while (r->i < r->n && read_line(r, &len))
			if (log_parse(r->config.driver, r->line, len, ret))
				return true;
	while (advance(r));
	return false;
}

struct place {
	size_t i;
	long at;
};

void log_reader_seek_tail(struct log_reader *r, size_t n)
{
	CLEAN(clean_free) struct place *places = NULL;
	struct place start = { 0 }, here = { 0 };
	bool at_start[2] = { true, true }, follow = r->follow;
	size_t lines = 0, room = 0;
	struct log_record record;

	if (!r->n)
		return;
	r->follow = false;
	while (scan(r, &record)) {
		if (at_start[record.is_stderr] && n) {
			if (lines < n && lines == room) {
				room = room ? 2 * room : 64;
				places = xrealloc(places, room * sizeof(*places));
			}
			/*
			 * scan() left a file at its end only when the record came from the next
			 * one.
			 */
			places[lines++ % n] = here.i == r->i ? here : (struct place){ .i = r->i };
		}
		at_start[record.is_stderr] = !record.partial;
		here = (struct place){ .i = r->i, .at = r->at };
	}
	r->follow = follow;
	if (!n)
		start = here;
	else if (lines > n)
		start = places[lines % n];
	for (size_t i = 0; i < r->n; i++)
		rewind(r->files[i]);
	r->i = start.i;
	r->at = start.at;
	fseek(r->files[r->i], start.at, SEEK_SET);
}
