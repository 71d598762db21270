/*
 * Theory of operation
 *
 * Drawing, everything that is written goes through the one thread that draws: lines that stay are
 * queued for it. At most ten times a second it makes one write of
 *
 *	back to the beginning of the block, wiped row by row,
 *	the lines that stay, the block anew.
 *
 * How many rows the block takes is known of the window that it was drawn in. In a window that has
 * become narrower, terminals wrap lines anew: the rows are counted again before the cursor moves
 * up. (xterm does not, and a line above may go there; tmux tells of it late, and what it wrapped
 * until then may stay.)
 *
 * After SIGCONT what is on the screen is the shell's: the block begins anew below it. In the
 * background there is no block.
 */
#include "image/progress.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/progress_text.h"

#define TICK_MS	   100
#define SPEED_S	   3.0 /* over which speed is averaged */
#define ROWS_MAX   200 /* of a block */
#define LINE_BYTES 1024

enum item_state {
	ITEM_WAITING,
	ITEM_RUNNING,
	ITEM_FINISHING,
	ITEM_ENDED,
};

struct meter {
	int64_t last, since, when; /* bytes; nanoseconds */
	double speed;
};

struct progress_item {
	struct progress *progress;
	const char *verb;
	char name[PROGRESS_NAME + 1];
	int64_t size;
	_Atomic int64_t done;
	_Atomic enum item_state state;
	const char *_Atomic word;
	struct meter meter; /* the drawing thread's */
};

struct progress {
	bool quiet, draws;
	int listener;
	int wake, continued; /* an eventfd, a signalfd */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	struct progress_item **items;
	size_t n;
	struct buf queued; /* lines that stay */
	bool ending;
	/* The drawing thread's. */
	int widths[ROWS_MAX]; /* of the block's lines as they are on the screen, in columns */
	int rows;
	struct meter total;
};

static bool is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && !streq(term, "dumb");
}

static void window(int *ret_rows, int *ret_columns)
{
	struct winsize w = { 0 };

	ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
	*ret_rows = w.ws_row ? w.ws_row : 24;
	*ret_columns = w.ws_col ? w.ws_col : 80;
}

/* Nobody reads our result any more: a shell has the terminal by now. */
static bool is_left_alone(const struct progress *p)
{
	struct pollfd f = { .fd = p->listener };

	return poll(&f, 1, 0) > 0;
}

static bool in_background(void)
{
	const pid_t group = tcgetpgrp(STDERR_FILENO);

	return group > 0 && group != getpgrp();
}

/* In the first seconds the plain average, then one that forgets. */
static void measure(struct meter *m, int64_t done, int64_t now)
{
	const double step = (double)(now - m->when) / 1e9, age = (double)(now - m->since) / 1e9;
	const double span = age < SPEED_S ? age : SPEED_S;

	if (!m->since || done < m->last) {
		*m = (struct meter){ .last = done, .since = now, .when = now };
	} else if (step > 0 && span > 0) {
		const double part = step < span ? step / span : 1;

		m->speed += part * ((double)(done - m->last) / step - m->speed);
		m->last = done;
		m->when = now;
	}
}

/* What was there already was not transferred, and makes no speed. */
static void measure_all(struct progress *p)
{
	const int64_t now = now_monotonic();
	int64_t done = 0;

	for (size_t k = 0; k < p->n; k++) {
		struct progress_item *i = p->items[k];

		if (i->state == ITEM_RUNNING)
			measure(&i->meter, i->done, now);
		done += i->done;
	}
	measure(&p->total, done, now);
}

static void add_row(struct progress *p, struct buf *out, const struct progress_row *row,
		    int columns)
{
	char text[PROGRESS_LINE];

	progress_text(row, columns, text);
	p->widths[p->rows++] = (int)strlen(text);
	buf_addf(out, "%s\n", text);
}

static void add_item(struct progress *p, struct buf *out, struct progress_item *i, int columns)
{
	const struct progress_row row = {
		.name = i->name,
		.word = i->state == ITEM_WAITING   ? "queued" :
			i->state == ITEM_FINISHING ? i->word :
						     NULL,
		.done = i->done,
		.total = i->size,
		.speed = i->meter.speed,
	};

	add_row(p, out, &row, columns);
}

/* What runs before what waits, where there is no room for all. */
static void add_items(struct progress *p, struct buf *out, int room, int columns)
{
	int running = 0, waiting;

	for (size_t k = 0; k < p->n; k++)
		running += p->items[k]->state == ITEM_RUNNING || p->items[k]->state == ITEM_FINISHING;
	waiting = room - running;
	for (size_t k = 0; k < p->n && p->rows < room; k++) {
		struct progress_item *i = p->items[k];

		if (i->state == ITEM_ENDED || (i->state == ITEM_WAITING && waiting-- <= 0))
			continue;
		add_item(p, out, i, columns);
	}
}

static void add_total(struct progress *p, struct buf *out, int columns)
{
	struct progress_row row = { .speed = p->total.speed };
	char name[32];
	size_t ended = 0;

	for (size_t k = 0; k < p->n; k++) {
		const struct progress_item *i = p->items[k];

		row.done += i->state == ITEM_ENDED ? i->size : i->done;
		row.total += i->size;
		ended += i->state == ITEM_ENDED;
	}
	snprintf(name, sizeof(name), "Total %zu/%zu", ended, p->n);
	row.name = name;
	add_row(p, out, &row, columns);
}

/*
 * Wipes the block, by the rows that it takes in this window, and what was typed below it. Row by
 * row: some terminals keep what is wiped of a whole screen at once, in what one can scroll back to.
 */
static void add_wipe(struct progress *p, struct buf *out, int columns)
{
	int up = 0;

	for (int k = 0; k < p->rows; k++)
		up += p->widths[k] > columns ? (p->widths[k] + columns - 1) / columns : 1;
	p->rows = 0;
	if (!up)
		return;
	buf_addf(out, "\r\033[%dA", up);
	for (int k = 0; k < up; k++)
		buf_adds(out, "\033[K\n");
	buf_addf(out, "\033[K\033[%dA", up);
}

static bool is_unfinished(const struct progress *p)
{
	for (size_t k = 0; k < p->n; k++)
		if (p->items[k]->state != ITEM_ENDED)
			return true;
	return false;
}

static void draw(struct progress *p, bool last)
{
	CLEAN(buf_done) struct buf out = { 0 };
	int rows, columns;

	window(&rows, &columns);
	add_wipe(p, &out, columns);
	pthread_mutex_lock(&p->mutex);
	if (p->queued.len)
		buf_add(&out, p->queued.data, p->queued.len);
	p->queued.len = 0;
	if (!last && is_unfinished(p) && !in_background()) {
		/* One row for the total, one for the cursor below. */
		const int room = rows - 2 < ROWS_MAX - 1 ? rows - 2 : ROWS_MAX - 1;

		measure_all(p);
		add_items(p, &out, room, columns);
		add_total(p, &out, columns);
	}
	pthread_mutex_unlock(&p->mutex);
	if (out.len && !is_left_alone(p))
		write_all(STDERR_FILENO, out.data, out.len, NULL);
}

/* What the shell wrote meanwhile is not ours to move about in. */
static void heed_continuation(struct progress *p)
{
	struct signalfd_siginfo info;

	if (read(p->continued, &info, sizeof(info)) == sizeof(info))
		p->rows = 0;
}

static bool is_ending(struct progress *p)
{
	bool ending;

	pthread_mutex_lock(&p->mutex);
	ending = p->ending;
	pthread_mutex_unlock(&p->mutex);
	return ending;
}

static void *draw_thread(void *arg)
{
	struct progress *p = arg;
	struct pollfd end = { .fd = p->wake, .events = POLLIN };

	while (!is_ending(p)) {
		heed_continuation(p);
		draw(p, false);
		poll(&end, 1, TICK_MS);
	}
	heed_continuation(p);
	draw(p, true);
	return NULL;
}

static int start_drawing(struct progress *p, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	p->wake = eventfd(0, EFD_CLOEXEC);
	p->continued = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->wake < 0 || p->continued < 0)
		return err_sys(err, "cannot prepare for signals");
	if (pthread_create(&p->thread, NULL, draw_thread, p) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	return 0;
}

int progress_new(bool quiet, int listener, struct progress **ret, struct err *err)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	*p = (struct progress){ .quiet = quiet, .listener = listener, .wake = -1, .continued = -1 };
	pthread_mutex_init(&p->mutex, NULL);
	if (!quiet && is_terminal()) {
		if (start_drawing(p, err) < 0) {
			progress_free(p);
			return -1;
		}
		p->draws = true;
	}
	*ret = p;
	return 0;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->draws) {
		pthread_mutex_lock(&p->mutex);
		p->ending = true;
		pthread_mutex_unlock(&p->mutex);
		eventfd_write(p->wake, 1);
		pthread_join(p->thread, NULL);
	}
	clean_fd(&p->wake);
	clean_fd(&p->continued);
	for (size_t k = 0; k < p->n; k++)
		free(p->items[k]);
	free(p->items);
	buf_done(&p->queued);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* One line, one write, or one place in the queue, so that threads don't mix. */
static void put_line(struct progress *p, const char *line)
{
	CLEAN(clean_free) char *safe = str_printable(line);
	CLEAN(clean_free) char *whole = xasprintf("%s\n", safe);

	if (!p->draws) {
		write_all(STDERR_FILENO, whole, strlen(whole), NULL);
		return;
	}
	pthread_mutex_lock(&p->mutex);
	buf_adds(&p->queued, whole);
	pthread_mutex_unlock(&p->mutex);
}

void progress_line(struct progress *p, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list ap;

	if (!p || p->quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put_line(p, line);
}

struct progress_item *progress_add(struct progress *p, const char *verb, const char *digest,
				   int64_t size)
{
	struct progress_item *i;

	if (!p)
		return NULL;
	i = xcalloc(1, sizeof(*i));
	i->progress = p;
	i->verb = verb;
	i->size = size;
	snprintf(i->name, sizeof(i->name), "%.*s", PROGRESS_NAME, digest_hex(digest));
	pthread_mutex_lock(&p->mutex);
	p->items = xrealloc(p->items, (p->n + 1) * sizeof(void *));
	p->items[p->n++] = i;
	pthread_mutex_unlock(&p->mutex);
	return i;
}

void progress_start(struct progress_item *i)
{
	if (!i)
		return;
	i->done = 0;
	i->state = ITEM_RUNNING;
}

void progress_count(struct progress_item *i, int64_t bytes)
{
	if (i)
		atomic_fetch_add_explicit(&i->done, bytes, memory_order_relaxed);
}

void progress_finishing(struct progress_item *i, const char *word)
{
	if (!i)
		return;
	i->word = word;
	i->state = ITEM_FINISHING;
}

void progress_end(struct progress_item *i, const char *how)
{
	if (!i)
		return;
	i->state = ITEM_ENDED;
	if (how)
		progress_line(i->progress, "%s %s %s", i->verb, i->name, how);
}
