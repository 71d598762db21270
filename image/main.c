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
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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
#include "image/pull.h"
#include "image/push.h"
#include "image/registry.h"
#include "image/save.h"
#include "image/seclude.h"
#include "image/seccomp_profile.h"
#include "image/source.h"

#define EXIT_TOOL  125
#define OWNERS_MAX (256u << 20)
#define TAGS_MAX  100000
#define CONFIG_MAX (16u << 20)

struct arguments {
	const char *store;
	struct strv operands;
	struct pull_options pull;
	struct save_options save;
	const char *format, *compression;
	struct source_list sources;
	int result_fd, sources_fd, tree_fd, owners_fd;
	bool single_id, quiet;
	struct id_mapping mapping; /* empty: there is none */
};

static void clean_arguments(struct arguments *a)
{
	source_list_done(&a->sources);
	strv_done(&a->operands);
}

static int add_range(const char *text, struct id_ranges *ret, struct err *err)
{
	struct id_range range;

	return id_range_parse(text, &range, err) < 0 ? -1 : id_ranges_add(ret, range, err);
}

static int parse_options(int argc, char **argv, struct arguments *ret, struct err *err)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "result-fd", required_argument, NULL, 'r' },
		{ "sources-fd", required_argument, NULL, 'c' },
		{ "data-fd", required_argument, NULL, 'd' },
		{ "tree-fd", required_argument, NULL, 'T' },
		{ "owners-fd", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, 'f' },
		{ "compression", required_argument, NULL, 'z' },
		{ "retry", required_argument, NULL, 'n' },
		{ "retry-delay", required_argument, NULL, 'w' },
		{ "newer", no_argument, NULL, 'N' },
		{ "compress", no_argument, NULL, 'C' },
		{ "single-id", no_argument, NULL, '1' },
		{ "uidmap", required_argument, NULL, 'U' },
		{ "gidmap", required_argument, NULL, 'G' },
		{ "platform", required_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' },
		{ 0 },
	};
	int opt, bad = 0;

	while (!bad && (opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 's':
			ret->store = optarg;
			break;
		case 'r':
			ret->result_fd = atoi(optarg);
			break;
		case 'c':
			ret->sources_fd = atoi(optarg);
			break;
		case 'd':
			ret->save.fd = atoi(optarg);
			break;
		case 'T':
			ret->tree_fd = atoi(optarg);
			break;
		case 'o':
			ret->owners_fd = atoi(optarg);
			break;
		case 'f':
			ret->format = optarg;
			break;
		case 'C':
			ret->save.compress = true;
			break;
		case 'z':
			ret->compression = optarg;
			break;
		case 'n':
			ret->pull.retry.most = atoi(optarg);
			break;
		case 'w':
			ret->pull.retry.seconds = atoi(optarg);
			break;
		case 'N':
			ret->pull.newer = true;
			break;
		case 'U':
			bad = add_range(optarg, &ret->mapping.uids, err);
			break;
		case 'G':
			bad = add_range(optarg, &ret->mapping.gids, err);
			break;
		case '1':
			ret->single_id = true;
			break;
		case 'p':
			bad = platform_parse(optarg, &ret->pull.platform, err);
			break;
		case 'q':
			ret->quiet = true;
			break;
		default:
			bad = err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
		}
	}
	return bad;
}

/* Read at once, and the descriptor closed, so that nothing else finds them there. */
static int read_sources(struct arguments *args, struct err *err)
{
	CLEAN(clean_fd) int fd = args->sources_fd;

	return fd < 0 ? 0 : source_list_from_fd(fd, &args->sources, err);
}

/* The store, if any, is opened outside of the cage, which is built around it. */
static int enter_cage(const char *store, int directory, struct err *err)
{
	const struct cage cage = { .store = store, .directory = directory };

	return image_confine(&cage, err) < 0 ? -1 : http_global_init(err);
}

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

/* A tree of the host's is handed to us O_PATH; any other, open, is of mounts that have no names here. */
static bool is_named_tree(int fd)
{
	return fd >= 0 && (fcntl(fd, F_GETFL) & O_PATH);
}

/*
 * Before anything of the store is opened. A directory that was handed to us is opened anew, by the name
 * that it has: through the descriptor all that is around it could still be written. fills: the tree is
 * written to.
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

static int open_store(const struct arguments *args, struct store *ret, struct err *err)
{
	if (!args->store)
		return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
	if (store_open(args->store, ret, err) < 0)
		return -1;
	ret->single_id = args->single_id;
	return 0;
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
	const struct registry_options options = {
		.cancel = args->pull.cancel,
		.retry = args->pull.retry,
	};

	(void)ret;
	if (enter_cage("", -1, err) < 0)
		return -1;
	return registry_login(&args->sources.v[0], &options, err);
}

/* By lines. */
static int run_tags(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct registry_options options = {
		.cancel = args->pull.cancel,
		.retry = args->pull.retry,
	};
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
	const struct registry_options options = {
		.cancel = args->pull.cancel,
		.retry = args->pull.retry,
	};
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
		.mapping = args->mapping.uids.n ? &args->mapping : NULL,
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
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(owner_list_done) struct owner_list owners = { 0 };

	(void)ret;
	if (enter_cage("", args->tree_fd, err) < 0 ||
	    (args->owners_fd >= 0 && read_all(args->owners_fd, OWNERS_MAX, &text, err) < 0))
		return -1;
	owner_list_parse(buf_str(&text), &owners);
	if (args->operands.n)
		return export_entry(args->tree_fd, args->operands.v[0], args->operands.v[1], args->save.fd,
				    args->owners_fd >= 0 ? &owners : NULL,
				    args->mapping.uids.n ? &args->mapping : NULL, args->pull.cancel, err);
	return export_tree(args->tree_fd, args->save.fd, args->owners_fd >= 0 ? &owners : NULL,
			   args->mapping.uids.n ? &args->mapping : NULL,
			   args->pull.cancel, err);
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

struct task {
	const char *name;
	int (*run)(struct arguments *args, struct pull_result *ret, struct err *err);
	bool has_image; /* that the result tells of; else its name, if any */
	bool has_sources;
	int least, most; /* operands */
	bool fills; /* the tree that was handed to us is written to */
};

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

static int find_task(int argc, char **argv, const struct arguments *args, const struct task **ret,
		     struct err *err)
{
	const int operands = argc - optind - 1;

	for (size_t i = 0; operands >= 0 && i < ARRAY_SIZE(tasks); i++) {
		if (!streq(argv[optind], tasks[i].name) || operands < tasks[i].least ||
		    operands > tasks[i].most || tasks[i].has_sources != (args->sources_fd >= 0))
			continue;
		*ret = &tasks[i];
		return 0;
	}
	return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
}

/* What became of it, as the result's line. The caller frees. */
static char *run(int argc, char **argv, struct arguments *args, int *ret_code)
{
	CLEAN(pull_result_done) struct pull_result result = { 0 };
	const struct task *task = NULL;
	struct cancel cancel;
	struct err err = { 0 };
	int code = -1;

	if (parse_options(argc, argv, args, &err) == 0 &&
	    find_task(argc, argv, args, &task, &err) == 0 && read_sources(args, &err) == 0 &&
	    cancel_init(&cancel, args->result_fd, &err) == 0) {
		for (int i = optind + 1; i < argc; i++)
			strv_add(&args->operands, argv[i]);
		args->pull.cancel = &cancel;
		args->pull.sources = &args->sources;
		code = take_mounts(args, task->fills, &err) < 0 ? -1 : task->run(args, &result, &err);
		/* The terminal is tiffin's again before it hears of the result. */
		progress_free(ptr_take(&args->pull.progress));
		cancel_done(&cancel);
		args->pull.cancel = NULL;
	}
	*ret_code = code;
	if (code < 0)
		return pull_result_format(NULL, &err);
	return task->has_image ? pull_result_format(&result, NULL) : done_result_format(result.name);
}

int main(int argc, char **argv)
{
	CLEAN(clean_arguments)
	struct arguments args = {
		.result_fd = STDOUT_FILENO,
		.save.fd = -1,
		.sources_fd = -1,
		.tree_fd = -1,
		.owners_fd = -1,
		.pull.retry = RETRY_DEFAULT,
	};
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
