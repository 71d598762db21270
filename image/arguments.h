/*
 * What tiffin asks of tiffin-image, on its command line (image/main.c has the usage). A task takes
 * what is its own and passes over the rest.
 */
#ifndef IMAGE_ARGUMENTS_H
#define IMAGE_ARGUMENTS_H

#include <stdbool.h>
#include <unistd.h>

#include "base/err.h"
#include "base/id_range.h"
#include "base/str.h"
#include "image/pull.h"
#include "image/save.h"
#include "image/source.h"

struct arguments {
	const char *task, *store;
	struct strv operands;
	struct pull_options pull;
	struct save_options save; /* its fd: the data's, whichever the task */
	const char *format, *compression;
	struct source_list sources;
	/* -1: not given. */
	int result_fd, sources_fd, tree_fd, owners_fd;
	bool single_id, quiet;
	struct id_mapping mapping; /* empty: there is none */
};
#define ARGUMENTS_INIT \
	{ .result_fd = STDOUT_FILENO, .save.fd = -1, .sources_fd = -1, .tree_fd = -1, .owners_fd = -1, \
	  .pull.retry = RETRY_DEFAULT }

/*
 * The texts stay argv's. The sources are read at once and their descriptor is closed, so that
 * nothing else finds them there. ERR_USAGE.
 */
int arguments_parse(int argc, char **argv, struct arguments *ret, struct err *err);
void arguments_done(struct arguments *a);

#endif
