#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/helper.h"
#include "storage/volume_use.h"

static const struct opt import_opts[] = { { 0 } };

static int open_archive(const char *path, int *ret_fd, struct err *err)
{
	CLEAN(clean_fd)
	int fd = streq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
				    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? err_set(err, ERR_NOT_FOUND,
						 "open %s: no such file or directory", path) :
					 err_sys(err, "open %s", path);
	if (isatty(fd))
		return err_set(err, ERR_USAGE,
			       "cannot read from terminal, use command-line redirection");
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "'%s' is a directory: import wants an archive",
			       path);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int import(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(volume_done) struct volume v = { 0 };
	CLEAN(clean_fd) int archive = -1;
	CLEAN(clean_fd) int tree = -1;
	CLEAN(clean_fd) int lock = -1;

	(void)options;
	if (tiffin_open(t, false, err) < 0 || volume_find(&t->store, operands->v[0], &v, err) < 0 ||
	    open_archive(operands->v[1], &archive, err) < 0 ||
	    volume_lock(&t->store, v.name, &lock, err) < 0)
		return -1;
	tree = open(v.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0)
		return err_sys(err, "volume %s: '%s'", v.name, v.path);
	if (helper_fill(t, tree, archive, err) < 0)
		return -1;
	return volume_set_used(&t->store, v.name, err);
}

const struct command command_volume_import = {
	.names = "import",
	.operands = "VOLUME FILE|-",
	.summary = "unpack an archive into a volume, over what is there",
	.opts = import_opts,
	.min_operands = 2,
	.max_operands = 2,
	.run = import,
};
