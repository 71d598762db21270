#include "image/task.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/catalog.h"
#include "image/check.h"
#include "image/commit.h"
#include "image/confine.h"
#include "image/export.h"
#include "image/fill.h"
#include "image/http.h"
#include "image/import.h"
#include "image/load.h"
#include "image/push.h"
#include "image/registry.h"
#include "image/seccomp_profile.h"

#define OWNERS_MAX (256u << 20)
#define TAGS_MAX   100000
#define CONFIG_MAX (16u << 20)

/* The store, if any, is opened outside of the cage, which is built around it. */
static int enter_cage(const char *store, int directory, struct err *err)
{
	const struct cage cage = { .store = store, .directory = directory };

	return image_confine(&cage, err) < 0 ? -1 : http_global_init(err);
}

static int open_store(const struct arguments *args, struct store *ret, struct err *err)
{
	if (!args->store)
		return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
	if (store_open(args->store, ret, err) < 0)
		return -1;
	ret->single_id = args->single_id;
	return 0;
}

static struct registry_options registry_options(const struct arguments *args)
{
	return (struct registry_options){ .cancel = args->pull.cancel, .retry = args->pull.retry };
}

static const struct id_mapping *mapping(const struct arguments *args)
{
	return args->mapping.uids.n ? &args->mapping : NULL;
}

static int run_pull(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(store_done) struct store store = STORE_INIT;

	if (reference_parse(args->operands.v[0], &ref, err) < 0 ||
	    open_store(args, &store, err) < 0 || enter_cage(store.root, -1, err) < 0 ||
	    progress_new(args->quiet, args->result_fd, &args->pull.progress, err) < 0)
		return -1;
	return pull(&store, &ref, &args->pull, ret, err);
}

static int run_login(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct registry_options options = registry_options(args);

	(void)ret;
	if (enter_cage("", -1, err) < 0)
		return -1;
	return registry_login(&args->sources.v[0], &options, err);
}

/* By lines. */
static int run_tags(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct registry_options options = registry_options(args);
	CLEAN(strv_done) struct strv tags = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (enter_cage("", -1, err) < 0 ||
	    catalog_tags(&args->sources, &options, TAGS_MAX, &tags, err) < 0)
		return -1;
	for (size_t i = 0; i < tags.n; i++)
		buf_addf(&text, "%s\n", tags.v[i]);
	ret->name = xstrdup(buf_str(&text));
	return 0;
}

static int run_search(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct registry_options options = registry_options(args);
	CLEAN(clean_json) json_t *j = json_object();
	json_t *results;

	if (enter_cage("", -1, err) < 0 ||
	    catalog_search(&args->sources, &options, args->operands.v[1],
			   (size_t)atoi(args->operands.v[0]), &results, err) < 0)
		return -1;
	json_object_set_new(j, "results", results);
	ret->name = js_dump(j);
	return 0;
}

static int run_save(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(store_done) struct store store = STORE_INIT;
	int directory;

	(void)ret;
	if (save_format_parse(args->format ?: "", &args->save.format, err) < 0)
		return -1;
	directory = save_format_is_directory(args->save.format) ? args->save.fd : -1;
	if (open_store(args, &store, err) < 0 || enter_cage(store.root, directory, err) < 0)
		return -1;
	args->save.cancel = args->pull.cancel;
	return save(&store, &args->operands, &args->save, err);
}

/* "DIGEST SIZE" is what is told, of the manifest. */
static int run_push(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(store_done) struct store store = STORE_INIT;
	struct push_result result = { .size = 0 };
	struct push_options options = {
		.compression = COMPRESSION_GZIP,
		.forced = args->compression,
		/* Mirrors come first, and are read from alone. */
		.source = &args->sources.v[args->sources.n - 1],
		.retry = args->pull.retry,
		.cancel = args->pull.cancel,
	};

	if (args->format && push_format_parse(args->format, &options.types, err) < 0)
		return -1;
	if (args->compression &&
	    compression_parse(args->compression, &options.compression, err) < 0)
		return -1;
	if (reference_parse(args->operands.v[1], &ref, err) < 0 ||
	    open_store(args, &store, err) < 0 || enter_cage(store.root, -1, err) < 0 ||
	    progress_new(args->quiet, args->result_fd, &args->pull.progress, err) < 0)
		return -1;
	options.progress = args->pull.progress;
	if (push(&store, args->operands.v[0], &ref, &options, &result, err) < 0)
		return -1;
	ret->name = xasprintf("%s %zu", result.digest, result.size);
	return 0;
}

/* What was loaded is told as one text, by lines. */
static int run_load(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(store_done) struct store store = STORE_INIT;
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	const struct load_options options = {
		.fd = args->save.fd,
		.directory = streq(args->operands.v[0], "directory"),
		.only = args->operands.n > 1 ? args->operands.v[1] : NULL,
		.name = args->operands.n > 2 ? args->operands.v[2] : NULL,
		.cancel = args->pull.cancel,
	};

	if (open_store(args, &store, err) < 0 ||
	    enter_cage(store.root, options.directory ? options.fd : -1, err) < 0 ||
	    load(&store, &options, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		buf_addf(&text, "%s\n", names.v[i]);
	ret->name = xstrdup(buf_str(&text));
	return 0;
}

/* The profile is read from the data's descriptor; the operands are the capabilities. */
static int run_seccomp(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(buf_done) struct buf json = { 0 };
	CLEAN(buf_done) struct buf filter = { 0 };
	CLEAN(buf_done) struct buf hex = { 0 };
	int scratch[2];

	if (read_all(args->save.fd, SECCOMP_PROFILE_MAX, &json, err) < 0)
		return -1;
	if (pipe2(scratch, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe");
	if (enter_cage("", -1, err) < 0 ||
	    seccomp_profile_compile(&json, &args->operands, scratch, &filter, err) < 0)
		return -1;
	for (size_t i = 0; i < filter.len; i++)
		buf_addf(&hex, "%02x", (unsigned char)filter.data[i]);
	ret->name = xstrdup(buf_str(&hex));
	return 0;
}

static int run_import(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(store_done) struct store store = STORE_INIT;
	const struct import_options options = {
		.fd = args->operands.n > 2 ? -1 : args->save.fd,
		.url = args->operands.n > 2 ? args->operands.v[2] : NULL,
		.config = args->operands.v[0],
		.name = *args->operands.v[1] ? args->operands.v[1] : NULL,
		.cancel = args->pull.cancel,
	};

	if (open_store(args, &store, err) < 0 || enter_cage(store.root, -1, err) < 0)
		return -1;
	return import(&store, &options, ret, err);
}

static int run_commit(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(store_done) struct store store = STORE_INIT;
	char *const *operands = args->operands.v;
	const struct strv places = { .v = args->operands.v + 3, .n = args->operands.n - 3 };
	CLEAN(buf_done) struct buf config = { 0 };
	struct commit_options options = {
		.name = *operands[0] ? operands[0] : NULL,
		.driver = *operands[1] ? operands[1] : NULL,
		.container = operands[2],
		.places = &places,
		.recorded = args->single_id,
		.tree = args->tree_fd,
		.mapping = mapping(args),
		.cancel = args->pull.cancel,
	};

	if (read_all(args->save.fd, CONFIG_MAX, &config, err) < 0)
		return -1;
	options.config = buf_str(&config);
	if (push_format_parse(args->format ?: "", &options.types, err) < 0 ||
	    open_store(args, &store, err) < 0 || enter_cage(store.root, args->tree_fd, err) < 0)
		return -1;
	return commit(&store, &options, ret, err);
}

static int run_fill(struct arguments *args, struct pull_result *ret, struct err *err)
{
	(void)ret;
	if (enter_cage("", args->tree_fd, err) < 0)
		return -1;
	return fill_tree(args->tree_fd, args->save.fd, args->single_id, args->pull.cancel, err);
}

static int run_export(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct strv *operands = &args->operands;
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(owner_list_done) struct owner_list list = { 0 };
	const struct owner_list *owners = args->owners_fd >= 0 ? &list : NULL;

	(void)ret;
	if (enter_cage("", args->tree_fd, err) < 0 ||
	    (owners && read_all(args->owners_fd, OWNERS_MAX, &text, err) < 0))
		return -1;
	owner_list_parse(buf_str(&text), &list);
	if (operands->n)
		return export_entry(args->tree_fd, operands->v[0], operands->v[1], args->save.fd,
				    owners, mapping(args), args->pull.cancel, err);
	return export_tree(args->tree_fd, args->save.fd, owners, mapping(args), args->pull.cancel,
			   err);
}

/* The findings, by lines. */
static int run_check(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(store_done) struct store store = STORE_INIT;
	CLEAN(buf_done) struct buf lines = { 0 };

	if (open_store(args, &store, err) < 0 || enter_cage(store.root, -1, err) < 0 ||
	    check_store(&store, args->pull.cancel, &lines, err) < 0)
		return -1;
	ret->name = xstrdup(buf_str(&lines));
	return 0;
}

static const struct task tasks[] = {
	{ "pull", run_pull, true, true, 1, 1 },
	{ "tags", run_tags, false, true, 0, 0 },
	{ "search", run_search, false, true, 2, 2 },
	{ "login", run_login, false, true, 0, 0 },
	{ "push", run_push, false, true, 2, 2 },
	{ "save", run_save, false, false, 1, INT_MAX },
	{ "load", run_load, false, false, 1, 3 },
	{ "export", run_export, false, false, 0, 2 },
	{ "commit", run_commit, true, false, 3, INT_MAX },
	{ "fill", run_fill, false, false, 0, 0, .fills = true },
	{ "import", run_import, true, false, 2, 3 },
	{ "check", run_check, false, false, 0, 0 },
	{ "seccomp", run_seccomp, false, false, 0, INT_MAX },
};

int task_find(const struct arguments *args, const struct task **ret, struct err *err)
{
	const int operands = (int)args->operands.n;

	for (size_t i = 0; args->task && i < ARRAY_SIZE(tasks); i++) {
		const struct task *t = &tasks[i];

		if (!streq(args->task, t->name) || operands < t->least || operands > t->most ||
		    t->has_sources != (args->sources_fd >= 0))
			continue;
		*ret = t;
		return 0;
	}
	return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
}
