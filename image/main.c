/*
 * tiffin-image reads what strangers wrote (TLS, HTTP, JSON, tar, gzip, zstd), in tiffin's stead.
 *
 *	tiffin-image pull --store DIR --result-fd N [--single-id] [--platform OS/ARCH[/VARIANT]]
 *			  [--quiet] [--retry N] [--retry-delay SECONDS] --sources-fd N REFERENCE
 *	tiffin-image tags --result-fd N --sources-fd N
 *	tiffin-image search --result-fd N --sources-fd N LIMIT TERM
 *	tiffin-image login --result-fd N --sources-fd N
 *	tiffin-image save --store DIR --result-fd N [--single-id] --format F --data-fd N
 *			  [--compress] ID[,NAME…]…
 *	tiffin-image seccomp --result-fd N --data-fd N [CAPABILITY…]
 *	tiffin-image push --store DIR --result-fd N [--single-id] [--format oci|v2s2]
 *			  [--compression gzip|zstd] [--quiet] --sources-fd N ID[,NAME] REFERENCE
 *	tiffin-image export --result-fd N --data-fd N --tree-fd N [--owners-fd N]
 *			  [--uidmap R… --gidmap R…] [ENTRY NAME]
 *	tiffin-image fill --result-fd N [--single-id] --data-fd N --tree-fd N
 *	tiffin-image import --store DIR --result-fd N [--single-id] CONFIG NAME --data-fd N | URL
 *	tiffin-image commit --store DIR --result-fd N [--single-id] --format oci|v2s2 [--tree-fd N]
 *			  --data-fd N NAME DRIVER CONTAINER [PLACE…]
 *	tiffin-image check --store DIR --result-fd N
 *	tiffin-image load --store DIR --result-fd N [--single-id] --data-fd N archive|directory
 *			  [WANTED [NAME]]
 *
 * tiffin starts it in a user namespace, in which root is the caller and, without --single-id, the
 * subordinate IDs are mapped; in the host's network. It confines itself (image/confine.h), writes
 * what became of it to the result's descriptor (image/result.h), and ends with 0 or 125.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/arguments.h"
#include "image/seclude.h"
#include "image/task.h"

#define EXIT_TOOL 125

/* The name that a directory has which was handed to us, or "". */
static void name_of(int fd, char ret[PATH_MAX])
{
	char link[FD_PATH_MAX];
	ssize_t n = readlink(fd_path(fd, link), ret, PATH_MAX - 1);

	ret[n < 0 ? 0 : n] = '\0';
}

static int open_anew(const char *path, int fd, struct err *err)
{
	CLEAN(clean_fd) int anew = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return anew < 0 || dup3(anew, fd, O_CLOEXEC) < 0 ? err_sys(err, "cannot open '%s'", path) : 0;
}

/*
 * A tree of the host's is handed to us O_PATH; any other, open, is of mounts that have no names
 * here.
 */
static bool is_named_tree(int fd)
{
	return fd >= 0 && (fcntl(fd, F_GETFL) & O_PATH);
}

/*
 * Before anything of the store is opened. A directory that was handed to us is opened anew, by the
 * name that it has: through the descriptor all that is around it could still be written. fills: the
 * tree is written to.
 */
static int take_mounts(const struct arguments *args, bool fills, struct err *err)
{
	char path[PATH_MAX] = "", tree[PATH_MAX] = "";
	struct stat st;

	if (args->save.fd >= 0 && fstat(args->save.fd, &st) == 0 && S_ISDIR(st.st_mode))
		name_of(args->save.fd, path);
	if (is_named_tree(args->tree_fd))
		name_of(args->tree_fd, tree);
	if (args->store && dir_ensure(args->store, 0700, err) < 0)
		return err_wrap(err, "cannot make the store");
	if (image_seclude(args->store, fills ? tree : *path ? path : NULL, err) < 0)
		return -1;
	if (*path && open_anew(path, args->save.fd, err) < 0)
		return -1;
	return *tree ? open_anew(tree, args->tree_fd, err) : 0;
}

/* What became of it, as the result's line. The caller frees. */
static char *run(int argc, char **argv, struct arguments *args, int *ret_code)
{
	CLEAN(pull_result_done) struct pull_result result = { 0 };
	const struct task *task = NULL;
	struct cancel cancel;
	struct err err = { 0 };
	int code = -1;

	if (arguments_parse(argc, argv, args, &err) == 0 && task_find(args, &task, &err) == 0 &&
	    cancel_init(&cancel, args->result_fd, &err) == 0) {
		args->pull.cancel = &cancel;
		args->pull.sources = &args->sources;
		code = take_mounts(args, task->fills, &err) < 0 ? -1 :
								  task->run(args, &result, &err);
		/* The terminal is tiffin's again before it hears of the result. */
		progress_free(ptr_take(&args->pull.progress));
		cancel_done(&cancel);
		args->pull.cancel = NULL;
	}
	*ret_code = code;
	if (code < 0)
		return pull_result_format(NULL, &err);
	return task->has_image ? pull_result_format(&result, NULL) :
				 done_result_format(result.name);
}

int main(int argc, char **argv)
{
	CLEAN(arguments_done) struct arguments args = ARGUMENTS_INIT;
	CLEAN(clean_free) char *line = NULL;
	int code;

	/* Modes are those that layers say; a reader that went away is seen by write. */
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	line = run(argc, argv, &args, &code);
	if (write_all(args.result_fd, line, strlen(line), NULL) < 0)
		return EXIT_TOOL;
	return code < 0 ? EXIT_TOOL : 0;
}
