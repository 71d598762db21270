/*
 * Theory of operation
 *
 * Everything is read from outside, off the host's /proc: no program of the container's is executed,
 * and none has to be there. Users have the names that its /etc/passwd gives them.
 *
 * With options of ps(1), it is the host's ps that runs, and of what it prints the container's
 * processes are kept, as docker has it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/latest.h"
#include "cmd/life.h"
#include "cmd/table.h"
#include "cmd/top_columns.h"

#define PS_OUTPUT_MAX (16u << 20)

struct top_options {
	bool latest;
};

static const struct opt top_opts[] = {
	LATEST_ROW(top_options, latest),
	{ 0 },
};

/* --- podman's way --- */

static void context_done(struct top_context *x)
{
	for (size_t i = 0; i < x->n; i++)
		process_done(&x->list[i]);
	free(x->list);
	clean_fd(&x->root);
}

static int read_all_of(const struct container *c, struct top_context *ret, struct err *err)
{
	CLEAN(context_done) struct top_context x = { .init = c->state.init.pid, .root = -1 };
	CLEAN(clean_free) struct member *members = NULL;
	size_t n = 0, depth = process_depth(x.init);
	char path[40];

	if (members_list(&c->state.init, &members, &n, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)x.init);
	x.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	x.list = xcalloc(n + 1, sizeof(*x.list));
	for (size_t i = 0; i < n; i++)
		if (process_read(&members[i], depth, &x.list[x.n]) == 0)
			x.n++;
	*ret = x;
	x = (struct top_context){ .root = -1 };
	return 0;
}

/* "user,pid comm" and "user pid comm" alike. */
static int parse_columns(const struct strv *words, const struct top_column **v, size_t *n,
			 size_t most, struct err *err)
{
	for (size_t i = 0; i < words->n; i++) {
		CLEAN(clean_free) char *list = xstrdup(words->v[i]);
		char *rest;

		for (char *w = strtok_r(list, ", ", &rest); w; w = strtok_r(NULL, ", ", &rest)) {
			const struct top_column *column = top_column_find(w);

			if (!column || *n == most)
				return err_set(err, ERR_USAGE, "'%s': unknown descriptor", w);
			v[(*n)++] = column;
		}
	}
	return 0;
}

static int print_columns(const struct container *c, const struct strv *words, struct err *err)
{
	char *usual[] = { (char *)"user,pid,ppid,pcpu,etime,tty,time,args" };
	const struct strv defaults = { .v = usual, .n = 1 };
	const struct top_column *wanted[64];
	const char *headings[65] = { NULL };
	CLEAN(context_done) struct top_context x = { .root = -1 };
	struct table table;
	size_t n = 0;

	if (parse_columns(words->n ? words : &defaults, wanted, &n, ARRAY_SIZE(wanted), err) < 0 ||
	    read_all_of(c, &x, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		headings[i] = wanted[i]->heading;
	table_init(&table, headings, true);
	for (size_t i = 0; i < x.n; i++)
		for (size_t k = 0; k < n; k++)
			table_cell(&table, wanted[k]->cell(&x, &x.list[i]));
	table_print(&table);
	return 0;
}

/* --- docker's way --- */

/* which: "-q1,2,3", or NULL: whatever the options say; then ps itself words its errors. */
static int run_ps(const struct strv *options, const char *which, struct buf *ret, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	CLEAN(clean_fd) int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int ends[2], code;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	strv_add(&argv, "ps");
	for (size_t i = 0; i < options->n; i++)
		strv_add(&argv, options->v[i]);
	if (which)
		strv_add(&argv, which);
	if (proc_spawn((const char *const *)argv.v,
		       (const struct fd_map[]){ { theirs, STDOUT_FILENO },
						{ which ? quiet : STDERR_FILENO, STDERR_FILENO },
						FD_MAP_END },
		       &child, err) < 0)
		return -1;
	close(fd_take(&theirs));
	code = read_all(ours, PS_OUTPUT_MAX, ret, err);
	close(fd_take(&ours));
	if (proc_reap(child) != 0 && code == 0)
		return err_set(err, ERR_USAGE, "ps does not take these options");
	return code;
}

/* Which word of the first line is "PID"? -1: none. */
static int find_pid_column(const char *line)
{
	CLEAN(clean_free) char *words = xstrndup(line, strcspn(line, "\n"));
	char *rest;
	int n = 0;

	for (char *w = strtok_r(words, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest), n++)
		if (streq(w, "PID"))
			return n;
	return -1;
}

static bool is_among(const struct member *list, size_t n, const char *line, int column)
{
	CLEAN(clean_free) char *words = xstrdup(line);
	char *rest, *w = strtok_r(words, " \t", &rest);

	for (int i = 0; w && i < column; i++)
		w = strtok_r(NULL, " \t", &rest);
	for (size_t i = 0; w && i < n; i++)
		if (list[i].pid == strtol(w, NULL, 10))
			return true;
	return false;
}

static int print_ps(const struct container *c, const struct strv *options, struct err *err)
{
	CLEAN(clean_free) struct member *list = NULL;
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(buf_done) struct buf which = { 0 };
	size_t n = 0;
	char *rest, *line;
	int column;

	if (members_list(&c->state.init, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		buf_addf(&which, "%s%d", i ? "," : "-q", (int)list[i].pid);
	/* Some options, such as f, do not go with -q. */
	if (run_ps(options, buf_str(&which), &text, NULL) < 0) {
		buf_done(&text);
		if (run_ps(options, NULL, &text, err) < 0)
			return -1;
	}
	column = find_pid_column(buf_str(&text));
	if (column < 0)
		return err_set(err, ERR_USAGE, "couldn't find PID field in ps output");
	line = strtok_r(text.data, "\n", &rest);
	for (bool heading = true; line; line = strtok_r(NULL, "\n", &rest), heading = false) {
		CLEAN(clean_free) char *safe = str_printable(line);

		if (heading || is_among(list, n, line, column))
			puts(safe);
	}
	return 0;
}

/* --- the command --- */

static int top(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct top_options *o = options;
	CLEAN(strv_done) struct strv all = { 0 };
	struct strv words;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_fd) int pidfd = -1;

	if (tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "top", 1, SIZE_MAX, operands, &all, err) < 0 ||
	    container_find(&t->store, all.v[0], &c, err) < 0 ||
	    life_open_init(&c, "top", &pidfd, err) < 0)
		return -1;
	words = (struct strv){ .v = all.v + 1, .n = all.n - 1 };
	/* "aux" is ps's as well: docker's users write it so. */
	if (words.n &&
	    (words.v[0][0] == '-' || streq(words.v[0], "aux") || streq(words.v[0], "ax")))
		return print_ps(&c, &words, err);
	return print_columns(&c, &words, err);
}

const struct command command_top = {
	.names = "top",
	.operands = "[OPTIONS] [CONTAINER] [DESCRIPTOR…|PS OPTIONS]",
	.summary = "print the processes of a container",
	.opts = top_opts,
	.size = sizeof(struct top_options),
	.stop_at_operand = true,
	.max_operands = SIZE_MAX,
	.run = top,
};
