/*
 * tiffin-image reads what strangers wrote (TLS, HTTP, JSON, tar, gzip, zstd), in tiffin's stead.
 *
 *	tiffin-image pull --store DIR --result-fd N [--single-id] [--platform OS/ARCH[/VARIANT]]
 *			  [--quiet] [--tls-verify=BOOL] [--credentials-fd N] REFERENCE
 *	tiffin-image login --result-fd N [--tls-verify=BOOL] --credentials-fd N REGISTRY
 *
 * tiffin starts it in a user namespace, in which root is the caller and, without --single-id, the
 * subordinate IDs are mapped; in the host's network. It confines itself (image/confine.h), writes
 * what became of it to the result's descriptor (image/result.h), and ends with 0 or 125.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/confine.h"
#include "image/credentials.h"
#include "image/http.h"
#include "image/pull.h"
#include "image/registry.h"

#define EXIT_TOOL 125

struct arguments {
	const char *store, *what;
	struct pull_options pull;
	struct credentials credentials;
	int result_fd, credentials_fd;
	bool single_id;
};

static void clean_arguments(struct arguments *a)
{
	credentials_done(&a->credentials);
}

static int parse_bool(const char *s, bool *ret, struct err *err)
{
	*ret = streq(s, "true");
	return *ret || streq(s, "false") ? 0 : err_set(err, ERR_USAGE, "'%s' is not a boolean", s);
}

static int parse_options(int argc, char **argv, struct arguments *ret, struct err *err)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "result-fd", required_argument, NULL, 'r' },
		{ "credentials-fd", required_argument, NULL, 'c' },
		{ "single-id", no_argument, NULL, '1' },
		{ "platform", required_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "tls-verify", required_argument, NULL, 't' },
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
			ret->credentials_fd = atoi(optarg);
			break;
		case '1':
			ret->single_id = true;
			break;
		case 'p':
			bad = platform_parse(optarg, &ret->pull.platform, err);
			break;
		case 'q':
			ret->pull.progress.quiet = true;
			break;
		case 't':
			bad = parse_bool(optarg, &ret->pull.tls_verify, err);
			break;
		default:
			bad = err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
		}
	}
	return bad;
}

/* Read at once, and the descriptor closed, so that nothing else finds them there. */
static int read_credentials(struct arguments *args, struct err *err)
{
	CLEAN(clean_fd) int fd = args->credentials_fd;

	return fd < 0 ? 0 : credentials_from_fd(fd, &args->credentials, err);
}

/* The store, if any, is opened outside of the cage, which is built around it. */
static int enter_cage(const char *store, struct err *err)
{
	return image_confine(store, err) < 0 ? -1 : http_global_init(err);
}

static int run_pull(struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(store_done) struct store store = STORE_INIT;

	if (!args->store)
		return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
	if (reference_parse(args->what, &ref, err) < 0 || store_open(args->store, &store, err) < 0 ||
	    enter_cage(store.root, err) < 0)
		return -1;
	store.single_id = args->single_id;
	return pull(&store, &ref, &args->pull, ret, err);
}

static int run_login(struct arguments *args, struct pull_result *ret, struct err *err)
{
	const struct registry_options options = {
		.verify = args->pull.tls_verify,
		.credentials = &args->credentials,
		.cancel = args->pull.cancel,
	};

	(void)ret;
	return enter_cage("", err) < 0 ? -1 : registry_login(args->what, &options, err);
}

struct task {
	const char *name;
	int (*run)(struct arguments *args, struct pull_result *ret, struct err *err);
	bool has_image; /* that the result tells of */
};

static const struct task tasks[] = {
	{ "pull", run_pull, true },
	{ "login", run_login, false },
};

static int find_task(int argc, char **argv, const struct task **ret, struct err *err)
{
	for (size_t i = 0; argc - optind == 2 && i < ARRAY_SIZE(tasks); i++) {
		if (!streq(argv[optind], tasks[i].name))
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
	    find_task(argc, argv, &task, &err) == 0 && read_credentials(args, &err) == 0 &&
	    cancel_init(&cancel, args->result_fd, &err) == 0) {
		args->what = argv[optind + 1];
		args->pull.cancel = &cancel;
		args->pull.credentials = &args->credentials;
		code = task->run(args, &result, &err);
		cancel_done(&cancel);
	}
	*ret_code = code;
	return pull_result_format(task && task->has_image ? &result : NULL, code < 0 ? &err : NULL);
}

int main(int argc, char **argv)
{
	CLEAN(clean_arguments)
	struct arguments args = {
		.pull.tls_verify = true,
		.result_fd = STDOUT_FILENO,
		.credentials_fd = -1,
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
