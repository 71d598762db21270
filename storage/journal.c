#include "storage/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"

#define NEWER	  "events"
#define OLDER	  "events.1"
#define SEPARATOR '\x1e'

/* --- writing --- */

static size_t json_length(const json_t *j)
{
	return json_dumpb(j, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* As many attributes as fit beside the record's other members. */
static void set_attributes(json_t *record, json_t *attributes)
{
	size_t used = json_length(record) + strlen("\x1e,\"attributes\":{}\n");
	json_t *kept = json_object(), *value;
	const char *key;

	json_object_foreach(attributes, key, value) {
		CLEAN(clean_json) json_t *name = json_string(key);

		used += json_length(name) + json_length(value) + strlen(":,");
		if (used > JOURNAL_RECORD_MAX)
			break;
		json_object_set(kept, key, value);
	}
	json_object_set_new(record, "attributes", kept);
}

static bool is_named(const struct store *s, const char *name, const struct stat *st)
{
	struct stat now;

	return fstatat(s->fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st->st_ino &&
	       now.st_dev == st->st_dev;
}

/* Of several that find it full one does this; the others go on. */
static void rotate(const struct store *s, const struct stat *st)
{
	CLEAN(clean_fd) int lock = -1;

	if (file_lock_at(s->locks, NEWER, LOCK_EXCLUSIVE, false, &lock, NULL) == 0 &&
	    is_named(s, NEWER, st))
		renameat(s->fd, NEWER, s->fd, OLDER);
}

static void append(const struct store *s, const char *text, size_t len)
{
	CLEAN(clean_fd)
	int fd = openat(s->fd, NEWER, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || write(fd, text, len) < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size >= JOURNAL_MAX)
		rotate(s, &st);
}

void journal_add(const struct store *s, const char *type, const char *action, const char *id,
		 const char *name, json_t *attributes)
{
	CLEAN(clean_json) json_t *owned = attributes;
	CLEAN(clean_json) json_t *record = json_object();
	CLEAN(clean_free) char *line = NULL;
	CLEAN(buf_done) struct buf text = { 0 };

	js_set_int(record, "time", now_realtime());
	js_set_str(record, "type", type);
	js_set_str(record, "action", action);
	js_set_str(record, "id", id);
	js_set_str(record, "name", name);
	set_attributes(record, owned);
	line = js_dump(record);
	buf_addf(&text, "%c%s\n", SEPARATOR, line);
	/* A name beyond all bounds. */
	if (text.len <= JOURNAL_RECORD_MAX)
		append(s, text.data, text.len);
}

/* --- reading --- */

static void file_done(struct journal_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	buf_done(&f->text);
	*f = (struct journal_file){ .fd = -1 };
}

void journal_done(struct journal *j)
{
	if (j->watch >= 0)
		close(j->watch);
	file_done(&j->older);
	file_done(&j->newer);
	*j = (struct journal)JOURNAL_INIT;
}

static int open_file(const struct store *s, const char *name)
{
	return openat(s->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int journal_open(const struct store *s, bool from_start, bool follow, struct journal *ret,
		 struct err *err)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	char path[FD_PATH_MAX];

	j.store = s;
	if (follow) {
		/* What is added after this wakes us. */
		j.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (j.watch < 0 || inotify_add_watch(j.watch, fd_path(s->fd, path),
						     IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
			return err_sys(err, "cannot watch the journal");
	}
	j.newer.fd = open_file(s, NEWER);
	if (from_start)
		j.older.fd = open_file(s, OLDER);
	else if (j.newer.fd >= 0)
		lseek(j.newer.fd, 0, SEEK_END);
	/* Rotated between the two. */
	if (same_file(j.newer.fd, j.older.fd)) {
		close(j.newer.fd);
		j.newer.fd = open_file(s, NEWER);
	}
	*ret = j;
	j = (struct journal)JOURNAL_INIT;
	return 0;
}

/* Reads on; false at the end of what there is. */
static bool read_more(struct journal_file *f)
{
	char data[65536];
	ssize_t n = f->fd < 0 ? 0 : read(f->fd, data, sizeof(data));
	size_t rest = f->text.len - f->at;

	if (n <= 0)
		return false;
	/* What is longer than any record is none. */
	if (rest > JOURNAL_RECORD_MAX)
		rest = 0;
	if (f->text.data)
		memmove(f->text.data, f->text.data + f->text.len - rest, rest);
	f->text.len = rest;
	f->at = 0;
	buf_add(&f->text, data, (size_t)n);
	return true;
}

static bool is_event(const json_t *j)
{
	return js_int(j, "time") > 0 && js_str(j, "type") && js_str(j, "action") &&
	       js_str(j, "id") && js_str(j, "name") && js_obj(j, "attributes");
}

/* A line; what stands before its last separator was never finished. NULL: it is no record. */
static json_t *parse(const char *line, size_t len)
{
	const char *from = memrchr(line, SEPARATOR, len);
	json_t *j;

	if (!from)
		return NULL;
	from++;
	if (js_parse(from, len - (size_t)(from - line), &j, NULL) < 0)
		return NULL;
	if (is_event(j))
		return j;
	json_decref(j);
	return NULL;
}

static json_t *next_of(struct journal_file *f)
{
	do {
		const char *end;

		while (f->at < f->text.len &&
		       (end = memchr(f->text.data + f->at, '\n', f->text.len - f->at))) {
			const char *line = f->text.data + f->at;
			json_t *j = parse(line, (size_t)(end - line));

			f->at = (size_t)(end - f->text.data) + 1;
			if (j)
				return j;
		}
	} while (read_more(f));
	return NULL;
}

json_t *journal_next(struct journal *j)
{
	json_t *event = next_of(&j->older);

	return event ?: next_of(&j->newer);
}

/* Once the newer file has another name, it is the older one; a late record may still come to it. */
static void follow_rotation(struct journal *j)
{
	struct stat st;

	if (j->newer.fd >= 0 && fstat(j->newer.fd, &st) == 0 && is_named(j->store, NEWER, &st))
		return;
	if (j->newer.fd >= 0) {
		file_done(&j->older);
		j->older = j->newer;
	}
	j->newer = (struct journal_file){ .fd = open_file(j->store, NEWER) };
}

int journal_wait(struct journal *j, int timeout_ms)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct pollfd p = { .fd = j->watch, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	if (n == 0)
		return -1;
	while (read(j->watch, events, sizeof(events)) > 0)
		;
	follow_rotation(j);
	return 0;
}
