#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/when.h"
#include "runtime/log.h"
#include "storage/container.h"

struct logs_options {
	bool follow, timestamps;
	char *tail, *since, *until;
};

static const struct opt logs_opts[] = {
	{ 'f', "follow", NULL, "go on until the container ends", set_flag,
	  FIELD(logs_options, follow) },
	{ 'n', "tail", "N", "the last N lines only", set_string, FIELD(logs_options, tail) },
	{ 't', "timestamps", NULL, "put the time in front", set_flag,
	  FIELD(logs_options, timestamps) },
	{ 0, "since", "TIME", "not before: RFC 3339, Unix seconds, or ago: 10s, 5m, 2h", set_string,
	  FIELD(logs_options, since) },
	{ 0, "until", "TIME", "not after", set_string, FIELD(logs_options, until) },
	{ 0 },
};

static void logs_done(void *options)
{
	struct logs_options *o = options;

	free(o->tail);
	free(o->since);
	free(o->until);
}

/* Where we are in a log, and what of it is wanted. */
struct reader {
	FILE *file;
	int64_t since, until; /* nanoseconds; until 0: no end */
	bool timestamps;
	bool at_start[2]; /* of a line, by stream */
	char *line;
	size_t size;
};

static void reader_done(struct reader *r)
{
	if (r->file)
		fclose(r->file);
	free(r->line);
}

static void print_time(FILE *out, int64_t time)
{
	time_t seconds = (time_t)(time / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%09dZ ", text, (int)(time % 1000000000));
}

static void print_record(struct reader *r, const struct log_record *record)
{
	FILE *out = record->is_stderr ? stderr : stdout;

	if (record->time < r->since || (r->until && record->time > r->until))
		return;
	/* stderr is not buffered: what came before it is to stand before it. */
	if (record->is_stderr)
		fflush(stdout);
	if (r->timestamps && r->at_start[record->is_stderr])
		print_time(out, record->time);
	fwrite(record->text, 1, record->len, out);
	if (!record->partial)
		fputc('\n', out);
	r->at_start[record->is_stderr] = !record->partial;
}

/* Prints what is there. A record that is still being written is left for the next time. */
static void print_rest(struct reader *r)
{
	long at = ftell(r->file);
	ssize_t n;

	while ((n = getline(&r->line, &r->size, r->file)) > 0 && r->line[n - 1] == '\n') {
		struct log_record record;

		if (log_parse(r->line, (size_t)n - 1, &record))
			print_record(r, &record);
		at = ftell(r->file);
	}
	clearerr(r->file);
	fseek(r->file, at, SEEK_SET);
	fflush(stdout);
}

/* Goes to where the last n lines begin: once over the file, to note where lines begin. */
static void seek_tail(struct reader *r, long n)
{
	long *starts, at = 0;
	bool fresh = true;
	size_t lines = 0;
	struct stat st;
	ssize_t len;

	/* No more lines are remembered than there can be: a record takes 40 bytes and more. */
	if (fstat(fileno(r->file), &st) == 0 && n > st.st_size / 40)
		n = st.st_size / 40 + 1;
	starts = xcalloc((size_t)n + 1, sizeof(*starts));
	while ((len = getline(&r->line, &r->size, r->file)) > 0 && r->line[len - 1] == '\n') {
		struct log_record record;

		if (log_parse(r->line, (size_t)len - 1, &record)) {
			if (fresh)
				starts[lines++ % (size_t)(n + 1)] = at;
			fresh = !record.partial;
		}
		at = ftell(r->file);
	}
	if (n == 0 || lines == 0)
		fseek(r->file, n == 0 ? at : 0, SEEK_SET);
	else if (lines <= (size_t)n)
		rewind(r->file);
	else
		fseek(r->file, starts[(lines - (size_t)n) % (size_t)(n + 1)], SEEK_SET);
	clearerr(r->file);
	free(starts);
}

/* Prints what comes until the container's monitor is done with it. */
static int follow(struct tiffin *t, const struct container *c, struct reader *r, struct err *err)
{
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	CLEAN(clean_fd) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	CLEAN(clean_fd) int pidfd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(r->file));
	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return err_sys(err, "cannot watch the log");
	pidfd = proc_open(&c->state.init);
	while (pidfd >= 0) {
		struct pollfd p[] = { { .fd = watch, .events = POLLIN },
				      { .fd = pidfd, .events = POLLIN } };
		char events[4096];

		print_rest(r);
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_sys(err, "cannot watch the log");
		while (read(watch, events, sizeof(events)) > 0)
			;
		if (p[1].revents)
			break;
	}
	/* The first process has ended; the monitor writes down the last of it and lets go. */
	container_dir_lock(&t->store, c->id, true, &dir, NULL);
	container_dir_done(&dir); /* not to be held while somebody reads what we print */
	print_rest(r);
	return 0;
}

static int logs(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct logs_options *o = options;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(reader_done) struct reader r = { .timestamps = o->timestamps, .at_start = { true, true } };
	CLEAN(clean_fd) int fd = -1;
	int tail = -1;

	if ((o->since && parse_when(o->since, &r.since, err) < 0) ||
	    (o->until && parse_when(o->until, &r.until, err) < 0))
		return -1;
	if (o->tail && !streq(o->tail, "all") && set_number(&tail, o->tail, err) < 0)
		return err_wrap(err, "--tail");
	if (tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0 ||
	    container_open_log(&t->store, c.id, &fd, err) < 0)
		return -1;
	r.file = fdopen(fd, "re");
	if (!r.file)
		return err_sys(err, "cannot read the log");
	fd_take(&fd);
	if (tail >= 0)
		seek_tail(&r, tail);
	print_rest(&r);
	return o->follow ? follow(t, &c, &r, err) : 0;
}

const struct command command_logs = {
	.names = "logs",
	.operands = "[OPTIONS] CONTAINER",
	.summary = "print what a container wrote",
	.opts = logs_opts,
	.size = sizeof(struct logs_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = logs,
	.done = logs_done,
};
