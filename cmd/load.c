#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/event.h"
#include "cmd/helper.h"

struct load_command_options {
	char *input;
	bool quiet;
};

static const struct opt load_opts[] = {
	{ 'i', "input", "FILE", "read an archive or a directory, and not standard input",
	  set_string,
	  FIELD(load_command_options, input) },
	{ 'q', "quiet", NULL, "print nothing on the way: always so here", set_flag,
	  FIELD(load_command_options, quiet) },
	{ 0 },
};

static void load_done(void *options)
{
	free(((struct load_command_options *)options)->input);
}

static int open_input(const char *path, int *ret_fd, bool *ret_directory, struct err *err)
{
	CLEAN(clean_fd)
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) :
			fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open '%s'", path ?: "standard input");
	if (isatty(fd))
		return err_set(err, ERR_USAGE, "cannot read from terminal, use command-line "
					       "redirection or the --input flag");
	*ret_directory = S_ISDIR(st.st_mode);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int load_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct load_command_options *o = options;
	CLEAN(clean_free) char *names = NULL;
	CLEAN(clean_fd) int fd = -1;
	bool directory = false;
	char *rest;

	(void)operands;
	if (open_input(o->input, &fd, &directory, err) < 0 || tiffin_open(t, false, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	if (helper_load(t, fd, directory, NULL, NULL, &names, err) < 0)
		return -1;
	for (char *id = strtok_r(names, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest)) {
		CLEAN(clean_free) char *safe = NULL;
		char *name = id;

		strsep(&name, " ");
		safe = str_printable(name ?: "");
		event_image(&t->store, "loadfromarchive", id, name);
		printf("Loaded image%s: %s\n", starts_with(safe, "sha256:") ? " ID" : "", safe);
	}
	return 0;
}

const struct command command_load = {
	.names = "load",
	.operands = "[OPTIONS]",
	.summary = "read images from an archive",
	.opts = load_opts,
	.size = sizeof(struct load_command_options),
	.max_operands = 0,
	.run = load_command,
	.done = load_done,
};
