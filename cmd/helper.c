#include "cmd/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "image/result.h"
#include "runtime/userns.h"
#include "storage/container.h"

#define RESULT_FD  3
#define RESULT_MAX 65536

static int read_result(int fd, struct buf *ret, struct err *err)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot hear from tiffin-image");
		if (n == 0)
			return 0;
		if (ret->len + (size_t)n > RESULT_MAX)
			return err_set(err, ERR_CORRUPT, "tiffin-image says too much");
		buf_add(ret, chunk, (size_t)n);
	}
}

static void pull_argv(const struct tiffin *t, const char *program, const char *reference,
		      const struct pull_options *o, struct strv *argv)
{
	strv_add(argv, program);
	strv_add(argv, "pull");
	strv_addf(argv, "--store=%s", t->store.root);
	strv_addf(argv, "--result-fd=%d", RESULT_FD);
	if (t->ids.single)
		strv_add(argv, "--single-id");
	if (o->quiet)
		strv_add(argv, "--quiet");
	if (o->platform)
		strv_addf(argv, "--platform=%s", o->platform);
	if (o->tls_verify)
		strv_addf(argv, "--tls-verify=%s", o->tls_verify);
	strv_add(argv, "--");
	strv_add(argv, reference);
}

int helper_pull(struct tiffin *t, const char *reference, const struct pull_options *options,
		char **ret_id, struct err *err)
{
	CLEAN(clean_free) char *program = NULL;
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(pull_result_done) struct pull_result result = { 0 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	sighandler_t before;
	int ends[2], code;
	pid_t pid;

	if (helper_path("tiffin-image", &program, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	pull_argv(t, program, reference, options, &argv);
	if (userns_spawn(&t->ids, (const char *const *)argv.v,
			 (const struct fd_map[]){ { theirs, RESULT_FD }, FD_MAP_END }, &pid, err) < 0)
		return -1;
	close(fd_take(&theirs));
	/* Ctrl-C reaches tiffin-image as well, which cleans up and reports. */
	before = signal(SIGINT, SIG_IGN);
	code = read_result(ours, &text, err);
	if (code < 0)
		kill(pid, SIGKILL);
	proc_reap(pid);
	signal(SIGINT, before);
	if (code < 0 || pull_result_parse(buf_str(&text), text.len, &result, err) < 0)
		return -1;
	*ret_id = xstrdup(result.id);
	return 0;
}

static int try_remove(const struct store *store, const char *name, void *arg)
{
	int result = tree_remove_at(store->tmp, name, NULL);

	if (result < 0)
		*(bool *)arg = true;
	return result;
}

static int sweep_as_root(void *arg)
{
	store_sweep(arg, NULL, NULL);
	return 0;
}

void helper_remove_trash(const struct store *store, const struct id_map *ids, const char *name)
{
	int ignored;

	if (tree_remove_at(store->tmp, name, NULL) < 0)
		userns_call(ids, sweep_as_root, (void *)store, &ignored, NULL);
}

void helper_sweep(const struct store *store, const struct id_map *ids)
{
	bool left = false;
	int ignored;

	container_sweep(store);
	store_sweep(store, try_remove, &left);
	if (left)
		userns_call(ids, sweep_as_root, (void *)store, &ignored, NULL);
}
