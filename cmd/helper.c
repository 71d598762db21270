#include "cmd/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/event.h"
#include "image/reference.h"
#include "image/result.h"
#include "runtime/userns.h"
#include "storage/container.h"
#include "storage/mapped.h"

#define RESULT_FD  3
#define SOURCES_FD 4
#define DATA_FD	   5
#define TREE_FD	   6
#define OWNERS_FD  7
#define RESULT_MAX (16u << 20) /* lists of tags are long */

/*
 * Runs tiffin-image to its end: what it says of it. sources may be NULL; data is -1, or what its
 * archive is in, tree -1, or what it reads, and owners -1, or the list of them. Of argv only what
 * is the task's own is given.
 */
static int run_image_on(struct tiffin *t, const char *task, const struct strv *arguments,
			const struct source_list *sources, int data, int tree, int owners,
			struct buf *ret, struct err *err)
{
	CLEAN(clean_free) char *program = NULL;
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	CLEAN(clean_fd) int secret = -1;
	struct fd_map fds[] = { FD_MAP_END, FD_MAP_END, FD_MAP_END,
				FD_MAP_END, FD_MAP_END, FD_MAP_END };
	size_t n = 0;
	sighandler_t before;
	int ends[2], code;
	pid_t pid;

	if (helper_path("tiffin-image", &program, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	fds[n++] = (struct fd_map){ theirs, RESULT_FD };
	strv_add(&argv, program);
	strv_add(&argv, task);
	strv_addf(&argv, "--result-fd=%d", RESULT_FD);
	if (sources) {
		if (source_list_to_fd(sources, &secret, err) < 0)
			return -1;
		fds[n++] = (struct fd_map){ secret, SOURCES_FD };
		strv_addf(&argv, "--sources-fd=%d", SOURCES_FD);
	}
	if (data >= 0) {
		fds[n++] = (struct fd_map){ data, DATA_FD };
		strv_addf(&argv, "--data-fd=%d", DATA_FD);
	}
	if (tree >= 0) {
		fds[n++] = (struct fd_map){ tree, TREE_FD };
		strv_addf(&argv, "--tree-fd=%d", TREE_FD);
	}
	if (owners >= 0) {
		fds[n] = (struct fd_map){ owners, OWNERS_FD };
		strv_addf(&argv, "--owners-fd=%d", OWNERS_FD);
	}
	for (size_t i = 0; i < arguments->n; i++)
		strv_add(&argv, arguments->v[i]);
	if (userns_spawn(&t->ids, (const char *const *)argv.v, fds, &pid, err) < 0)
		return -1;
	close(fd_take(&theirs));
	/* Ctrl-C reaches tiffin-image as well, which cleans up and reports. */
	before = signal(SIGINT, SIG_IGN);
	code = read_all(ours, RESULT_MAX, ret, err);
	if (code < 0) {
		err_wrap(err, "tiffin-image");
		kill(pid, SIGKILL);
	}
	proc_reap(pid);
	signal(SIGINT, before);
	return code;
}

static int run_image(struct tiffin *t, const char *task, const struct strv *arguments,
		     const struct source_list *sources, int data, struct buf *ret,
		     struct err *err)
{
	return run_image_on(t, task, arguments, sources, data, -1, -1, ret, err);
}

/* How it is to reach the store, in which IDs. */
static void add_store(const struct tiffin *t, struct strv *argv)
{
	strv_addf(argv, "--store=%s", t->store.root);
	if (t->ids.single)
		strv_add(argv, "--single-id");
}

static void add_retry(const struct retry *retry, struct strv *argv)
{
	strv_addf(argv, "--retry=%d", retry->most);
	strv_addf(argv, "--retry-delay=%d", retry->seconds);
}

/* What leads to a registry: whom to ask in its place, and how. ret_sources is for run_image. */
static int add_registry(const struct tiffin *t, const char *reference,
			const struct access_options *access, const struct retry *retry, bool quiet,
			struct source_list *ret_sources, struct strv *argv, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };

	if (reference_parse(reference, &ref, err) < 0 ||
	    access_find_sources(access, &ref, ret_sources, err) < 0)
		return -1;
	add_store(t, argv);
	add_retry(retry, argv);
	if (quiet)
		strv_add(argv, "--quiet");
	return 0;
}

int helper_pull(struct tiffin *t, const char *reference, const struct pull_options *options,
		char **ret_id, struct err *err)
{
	CLEAN(source_list_done) struct source_list sources = { 0 };
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(pull_result_done) struct pull_result result = { 0 };

	if (add_registry(t, reference, &options->access, &options->retry, options->quiet, &sources,
			 &argv, err) < 0)
		return -1;
	if (options->newer)
		strv_add(&argv, "--newer");
	if (options->platform)
		strv_addf(&argv, "--platform=%s", options->platform);
	strv_add(&argv, "--");
	strv_add(&argv, reference);
	if (run_image(t, "pull", &argv, &sources, -1, &text, err) < 0 ||
	    pull_result_parse(buf_str(&text), text.len, &result, err) < 0)
		return -1;
	*ret_id = xstrdup(result.id);
	event_image(&t->store, "pull", result.id, reference);
	return 0;
}

static void add_lines(char *text, struct strv *ret)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		strv_add(ret, line);
}

int helper_tags(struct tiffin *t, const struct source_list *sources, const struct retry *retry,
		struct strv *ret, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_free) char *lines = NULL;

	add_retry(retry, &argv);
	if (run_image(t, "tags", &argv, sources, -1, &text, err) < 0 ||
	    done_result_parse(buf_str(&text), text.len, &lines, err) < 0)
		return -1;
	add_lines(lines, ret);
	return 0;
}

int helper_search(struct tiffin *t, const struct source_list *source, const char *term, int limit,
		  json_t **ret, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_free) char *found = NULL;
	CLEAN(clean_json) json_t *j = NULL;

	strv_add(&argv, "--");
	strv_addf(&argv, "%d", limit);
	strv_add(&argv, term);
	if (run_image(t, "search", &argv, source, -1, &text, err) < 0 ||
	    done_result_parse(buf_str(&text), text.len, &found, err) < 0 ||
	    js_parse(found, strlen(found), &j, err) < 0)
		return -1;
	*ret = json_incref(js_arr(j, "results"));
	return *ret ? 0 : err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
}

int helper_login(struct tiffin *t, const struct source_list *source, struct err *err)
{
	const struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (run_image(t, "login", &argv, source, -1, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, NULL, err);
}

int helper_push(struct tiffin *t, const char *image, const char *reference,
		const struct push_options *options, char **ret_text, struct err *err)
{
	CLEAN(source_list_done) struct source_list sources = { 0 };
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (add_registry(t, reference, &options->access, &options->retry, options->quiet, &sources,
			 &argv, err) < 0)
		return -1;
	if (options->format)
		strv_addf(&argv, "--format=%s", options->format);
	if (options->compression)
		strv_addf(&argv, "--compression=%s", options->compression);
	strv_add(&argv, "--");
	strv_add(&argv, image);
	strv_add(&argv, reference);
	if (run_image(t, "push", &argv, &sources, -1, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, ret_text, err);
}

int helper_save(struct tiffin *t, const struct strv *images, const char *format, bool compress,
		int fd, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	add_store(t, &argv);
	strv_addf(&argv, "--format=%s", format);
	if (compress)
		strv_add(&argv, "--compress");
	strv_add(&argv, "--");
	for (size_t i = 0; i < images->n; i++)
		strv_add(&argv, images->v[i]);
	if (run_image(t, "save", &argv, NULL, fd, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, NULL, err);
}

int helper_load(struct tiffin *t, int fd, bool directory, const char *only, const char *name,
		char **ret_names, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	add_store(t, &argv);
	strv_add(&argv, "--");
	strv_add(&argv, directory ? "directory" : "archive");
	if (only)
		strv_add(&argv, only);
	if (only && name)
		strv_add(&argv, name);
	if (run_image(t, "load", &argv, NULL, fd, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, ret_names, err);
}

int helper_seccomp(struct tiffin *t, int fd, const struct strv *caps, char **ret, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	strv_add(&argv, "--");
	for (size_t i = 0; i < caps->n; i++)
		strv_add(&argv, caps->v[i]);
	if (run_image(t, "seccomp", &argv, NULL, fd, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, ret, err);
}

int helper_import(struct tiffin *t, int fd, const char *url, const char *config, const char *name,
		  char **ret_id, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(pull_result_done) struct pull_result result = { 0 };

	add_store(t, &argv);
	strv_add(&argv, "--");
	strv_add(&argv, config);
	strv_add(&argv, name ?: "");
	if (url)
		strv_add(&argv, url);
	if (run_image(t, "import", &argv, NULL, fd, &text, err) < 0 ||
	    pull_result_parse(buf_str(&text), text.len, &result, err) < 0)
		return -1;
	*ret_id = xstrdup(result.id);
	return 0;
}

static void add_ranges(struct strv *argv, const char *option, const struct id_ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		strv_addf(argv, "--%s=%u:%u:%u", option, r->v[i].inside, r->v[i].outside,
			  r->v[i].count);
}

static void add_mapping(struct strv *argv, const struct id_mapping *mapping)
{
	if (!mapping)
		return;
	add_ranges(argv, "uidmap", &mapping->uids);
	add_ranges(argv, "gidmap", &mapping->gids);
}

int helper_commit(struct tiffin *t, const struct commit_request *r, char **ret_id, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(pull_result_done) struct pull_result result = { 0 };
	/* It may be longer than an argument. */
	CLEAN(clean_fd) int config = memfd_create("config", MFD_CLOEXEC);

	if (config < 0)
		return err_sys(err, "cannot make a memory file");
	if (write_all(config, r->config, strlen(r->config), err) < 0 ||
	    lseek(config, 0, SEEK_SET) < 0)
		return -1;
	strv_addf(&argv, "--store=%s", t->store.root);
	strv_addf(&argv, "--format=%s", r->format);
	add_mapping(&argv, r->mapping);
	if (t->ids.single)
		strv_add(&argv, "--single-id");
	strv_add(&argv, "--");
	strv_add(&argv, r->name ?: "");
	strv_add(&argv, r->driver ?: "");
	strv_add(&argv, r->container);
	for (size_t i = 0; i < r->places->n; i++)
		strv_add(&argv, r->places->v[i]);
	if (run_image_on(t, "commit", &argv, NULL, config, r->tree, -1, &text, err) < 0 ||
	    pull_result_parse(buf_str(&text), text.len, &result, err) < 0)
		return -1;
	*ret_id = xstrdup(result.id);
	return 0;
}

int helper_check(struct tiffin *t, char **ret_lines, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	strv_addf(&argv, "--store=%s", t->store.root);
	if (run_image(t, "check", &argv, NULL, -1, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, ret_lines, err);
}

int helper_export(struct tiffin *t, int root, const char *entry, const char *name,
		  const struct buf *owners, const struct id_mapping *mapping, int out,
		  struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_fd) int list = owners ? memfd_create("owners", MFD_CLOEXEC) : -1;

	if (owners && (list < 0 || write_all(list, owners->data, owners->len, err) < 0 ||
		       lseek(list, 0, SEEK_SET) < 0))
		return err_set(err, ERR_SYSTEM, "cannot make a memory file");
	add_mapping(&argv, mapping);
	strv_add(&argv, "--");
	if (entry)
		strv_add(&argv, entry);
	if (entry)
		strv_add(&argv, name);
	if (run_image_on(t, "export", &argv, NULL, out, root, list, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, NULL, err);
}

int helper_fill(struct tiffin *t, int tree, int fd, struct err *err)
{
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (t->ids.single)
		strv_add(&argv, "--single-id");
	if (run_image_on(t, "fill", &argv, NULL, fd, tree, -1, &text, err) < 0)
		return -1;
	return done_result_parse(buf_str(&text), text.len, NULL, err);
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
	mapped_sweep(store);
	store_sweep(store, try_remove, &left);
	if (left)
		userns_call(ids, sweep_as_root, (void *)store, &ignored, NULL);
}
