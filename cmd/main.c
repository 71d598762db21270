/*
 * The command line's entrance: global options, the table of commands, and the one place where errors
 * are printed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/command.h"

/* Groups give the same commands other names: "tiffin container ls". */
struct group {
	const char *name; /* NULL: the top level */
	const char *summary;
	struct {
		const char *names; /* NULL: the command's own */
		const struct command *command;
	} commands[64];
};

static const struct group groups[] = {
	{ NULL, NULL,
	  { { NULL, &command_run },
	    { NULL, &command_create },
	    { NULL, &command_start },
	    { NULL, &command_exec },
	    { NULL, &command_attach },
	    { NULL, &command_ps },
	    { NULL, &command_logs },
	    { NULL, &command_events },
	    { NULL, &command_port },
	    { NULL, &command_top },
	    { NULL, &command_wait },
	    { NULL, &command_init },
	    { NULL, &command_kill },
	    { NULL, &command_pause },
	    { NULL, &command_unpause },
	    { NULL, &command_stop },
	    { NULL, &command_restart },
	    { NULL, &command_rename },
	    { NULL, &command_rm },
	    { NULL, &command_pull },
	    { NULL, &command_push },
	    { NULL, &command_images },
	    { NULL, &command_rmi },
	    { NULL, &command_tag },
	    { NULL, &command_untag },
	    { NULL, &command_history },
	    { NULL, &command_save },
	    { NULL, &command_load },
	    { NULL, &command_import },
	    { NULL, &command_export },
	    { NULL, &command_search },
	    { NULL, &command_login },
	    { NULL, &command_logout },
	    { NULL, &command_inspect },
	    { NULL, &command_generate },
	    { NULL, &command_info },
	    { NULL, &command_version } } },
	{ "container", "commands for containers",
	  { { NULL, &command_run },
	    { NULL, &command_create },
	    { NULL, &command_start },
	    { NULL, &command_exec },
	    { NULL, &command_attach },
	    { "ls|list|ps", &command_ps },
	    { NULL, &command_container_inspect },
	    { NULL, &command_logs },
	    { NULL, &command_export },
	    { NULL, &command_port },
	    { NULL, &command_top },
	    { NULL, &command_wait },
	    { NULL, &command_kill },
	    { NULL, &command_pause },
	    { NULL, &command_unpause },
	    { NULL, &command_stop },
	    { NULL, &command_restart },
	    { NULL, &command_rename },
	    { NULL, &command_rm },
	    { NULL, &command_cleanup },
	    { NULL, &command_container_exists },
	    { NULL, &command_container_prune } } },
	{ "image", "commands for images",
	  { { NULL, &command_pull },
	    { NULL, &command_push },
	    { "ls|list", &command_images }, { "rm", &command_rmi },
	    { NULL, &command_tag },
	    { NULL, &command_untag },
	    { NULL, &command_history },
	    { NULL, &command_save },
	    { NULL, &command_load },
	    { NULL, &command_import },
	    { NULL, &command_image_exists },
	    { NULL, &command_image_prune },
	    { NULL, &command_image_tree },
	    { NULL, &command_image_inspect } } },
};

struct global_options {
	char *root, *driver;
	bool version;
};

static const struct opt global_opts[] = {
	{ 0, "root", "DIR", "the store (TIFFIN_ROOT, else below ~/.local/share)", set_string,
	  FIELD(global_options, root) },
	{ 0, "storage-driver", "NAME", "how layers are stacked: overlay", set_string,
	  FIELD(global_options, driver) },
	{ 'v', "version", NULL, "print the version", set_flag, FIELD(global_options, version) },
	{ 0 },
};

static bool has_name(const char *names, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = names; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (strncmp(p, word, len) == 0 && (p[len] == '|' || !p[len]))
			return true;
	return false;
}

static void print_commands(const struct group *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(g->commands) && g->commands[i].command; i++) {
		const struct command *c = g->commands[i].command;
		const char *names = g->commands[i].names ? g->commands[i].names : c->names;

		printf("  %-12.*s  %s\n", (int)strcspn(names, "|"), names, c->summary);
	}
}

static void print_help(const struct group *g)
{
	printf("Usage: tiffin %s%s[OPTIONS] COMMAND\n\nCommands:\n", g->name ? g->name : "",
	       g->name ? " " : "");
	print_commands(g);
	if (!g->name) {
		for (size_t i = 1; i < ARRAY_SIZE(groups); i++)
			printf("  %-12s  %s\n", groups[i].name, groups[i].summary);
		printf("\nOptions:\n");
		opts_print(global_opts);
	}
	printf("\n'tiffin COMMAND --help' says more.\n");
}

static const struct command *find_command(const struct group *g, const char *word,
					  struct err *err)
{
	const char *names[ARRAY_SIZE(g->commands) + 1] = { NULL }, *near;

	for (size_t i = 0; i < ARRAY_SIZE(g->commands) && g->commands[i].command; i++) {
		const struct command *c = g->commands[i].command;

		names[i] = g->commands[i].names ? g->commands[i].names : c->names;
		if (has_name(names[i], word))
			return c;
	}
	near = str_nearest(word, names);
	if (near)
		err_set(err, ERR_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
	else
		err_set(err, ERR_USAGE, "unknown command '%s'; see 'tiffin --help'", word);
	return NULL;
}

static int run_command(struct tiffin *t, const struct command *c, char *const *argv,
		       struct err *err)
{
	CLEAN(clean_free) void *options = xcalloc(1, c->size);
	CLEAN(strv_done) struct strv operands = { 0 };
	bool help;
	int result;

	if (c->init)
		c->init(options);
	result = opts_parse(c->opts, options, argv, c->stop_at_operand, &operands, &help, err);
	if (result == 0 && help) {
		printf("Usage: tiffin %.*s %s\n\n%s\n\nOptions:\n", (int)strcspn(c->names, "|"),
		       c->names, c->operands, c->summary);
		opts_print(c->opts);
	} else if (result == 0) {
		if (operands.n < c->min_operands || operands.n > c->max_operands)
			result = err_set(err, ERR_USAGE, "usage: tiffin %.*s %s",
					 (int)strcspn(c->names, "|"), c->names, c->operands);
		else
			result = c->run(t, options, &operands, err);
	}
	if (c->done)
		c->done(options);
	return result;
}

/* The group that the words begin with, if any, and the command in it. */
static int dispatch(struct tiffin *t, const struct strv *words, struct err *err)
{
	const struct group *g = &groups[0];
	const struct command *c;
	size_t at = 0;

	for (size_t i = 1; words->n && i < ARRAY_SIZE(groups); i++)
		if (streq(words->v[0], groups[i].name))
			g = &groups[i];
	at = g->name ? 1 : 0;
	if (at == words->n || streq(words->v[at], "--help") || streq(words->v[at], "-h") ||
	    streq(words->v[at], "help")) {
		print_help(g);
		return 0;
	}
	c = find_command(g, words->v[at], err);
	return c ? run_command(t, c, words->v + at + 1, err) : -1;
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
	if (result == 0) {
		if (global.version)
			result = puts("tiffin version " TIFFIN_VERSION) < 0 ? -1 : 0;
		else if (help)
			print_help(&groups[0]);
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
