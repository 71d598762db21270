/*
 * The command line's entrance: global options, the table of commands, and the one place where
 * errors are printed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/groups.h"
#include "cmd/not_yet.h"

static void print_commands(const struct group *g)
{
	const struct command *c;
	const char *names;

	if (*g->name)
		printf("Commands:\n");
	for (size_t i = 0; (names = group_names(g, i, &c)); i++) {
		if (!c)
			printf("%s%s:\n", i ? "\n" : "", names);
		else
			printf("  %-12.*s  %s\n", (int)strcspn(names, "|"), names, c->summary);
	}
}

static void print_help(const struct group *g)
{
	printf("Usage: tiffin %s%s[OPTIONS] COMMAND\n\n", g->name, *g->name ? " " : "");
	print_commands(g);
	if (!*g->name) {
		for (const struct group *other = g + 1; other->name; other++)
			printf("  %-12s  %s\n", other->name, other->summary);
		printf("\nOptions:\n");
		opts_print(global_opts);
	}
	printf("\n'tiffin COMMAND --help' says more.\n");
}

static const struct command *find_command(const struct group *g, const char *word,
					  struct err *err)
{
	const char *names[ARRAY_SIZE(g->commands) + 1] = { NULL }, *near, *name;
	const struct command *c;
	size_t n = 0;

	for (size_t i = 0; (name = group_names(g, i, &c)); i++) {
		if (c && group_name_is(name, word))
			return c;
		if (c)
			names[n++] = name;
	}
	near = str_nearest(word, names);
	if (not_yet_command(g->name, word))
		err_set(err, ERR_UNSUPPORTED, "'%s%s%s' is not in this version of tiffin", g->name,
			*g->name ? " " : "", word);
	else if (near)
		err_set(err, ERR_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
	else
		err_set(err, ERR_USAGE, "unknown command '%s'; see 'tiffin --help'", word);
	return NULL;
}

/* path: "container ls", as it was typed. */
static int run_command(struct tiffin *t, const struct command *c, const char *path,
		       char *const *argv, struct err *err)
{
	CLEAN(clean_free) void *options = xcalloc(1, c->size);
	CLEAN(strv_done) struct strv operands = { 0 };
	bool help;
	int result;

	if (c->init)
		c->init(options);
	result = opts_parse(c->opts, options, argv, c->stop_at_operand, &operands, &help, err);
	if (result == 0 && help) {
		printf("Usage: tiffin %s %s\n\n%s\n\nOptions:\n", path, c->operands, c->summary);
		opts_print(c->opts);
	} else if (result == 0) {
		if (operands.n < c->min_operands || operands.n > c->max_operands)
			result = err_set(err, ERR_USAGE, "usage: tiffin %s %s", path,
					 c->operands);
		else
			result = c->run(t, options, &operands, err);
	}
	if (c->done)
		c->done(options);
	return result;
}

/* "help run" is "run --help", "container help" is "container --help". */
static void turn_help(struct strv *words)
{
	CLEAN(strv_done) struct strv turned = { 0 };
	bool first = words->n && streq(words->v[0], "help"),
	     last = words->n == 2 && streq(words->v[1], "help");

	for (const struct group *g = command_groups + 1; last && !streq(words->v[0], g->name); g++)
		last = g[1].name != NULL;
	if (!first && !last)
		return;
	for (size_t i = first; i < words->n - !first; i++)
		strv_add(&turned, words->v[i]);
	strv_add(&turned, "--help");
	strv_done(words);
	*words = turned;
	turned = (struct strv){ 0 };
}

/* The group that the words begin with, if any, and the command in it. */
static int dispatch(struct tiffin *t, const struct strv *words, struct err *err)
{
	const struct group *g = command_groups;
	CLEAN(clean_free) char *path = NULL;
	const struct command *c;
	size_t at = 0;

	for (const struct group *other = g + 1; words->n && other->name; other++)
		if (streq(words->v[0], other->name))
			g = other;
	at = *g->name ? 1 : 0;
	if (at == words->n || streq(words->v[at], "--help") || streq(words->v[at], "-h")) {
		print_help(g);
		return 0;
	}
	c = find_command(g, words->v[at], err);
	path = xasprintf("%s%s%s", g->name, at ? " " : "", words->v[at]);
	return c ? run_command(t, c, path, words->v + at + 1, err) : -1;
}

/* Born without one of 0-2, we would open something there and take it for what it is not. */
static void ensure_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct tiffin t = {
		.store = STORE_INIT,
		.argv = argv,
		.title = argv[0],
		/* The arguments stand one behind the other: proc_pid_cmdline(5). */
		.title_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]),
	};
	struct global_options global = { 0 };
	CLEAN(strv_done) struct strv words = { 0 };
	struct err err = { 0 };
	bool help;
	int result;

	ensure_stdio();
	umask(022);
	result = opts_parse(global_opts, &global, argv + 1, true, &words, &help, &err);
	t.root = global.root;
	t.driver = global.driver;
	turn_help(&words);
	if (result == 0 && global.quiet && !freopen("/dev/null", "w", stdout))
		result = err_sys(&err, "cannot open /dev/null");
	if (result == 0) {
		if (global.version)
			result = puts("tiffin version " TIFFIN_VERSION) < 0 ? -1 : 0;
		else if (help)
			print_help(command_groups);
		else
			result = dispatch(&t, &words, &err);
	}
	if (result < 0) {
		report(&err);
		result = EXIT_TIFFIN;
	}
	/* "Disk full" on stdout is an error like any other. */
	if (fflush(stdout) != 0 && result == 0) {
		err_sys(&err, "cannot write to standard output");
		report(&err);
		result = EXIT_TIFFIN;
	}
	store_done(&t.store);
	free(global.root);
	free(global.driver);
	return result;
}
