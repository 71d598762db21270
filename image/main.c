/*
 * tiffin-image reads what strangers wrote (TLS, HTTP, JSON, tar, gzip, zstd), in tiffin's stead.
 *
 *	tiffin-image pull --store DIR --result-fd N [--single-id] [--platform OS/ARCH[/VARIANT]]
 *			  [--quiet] [--tls-verify=BOOL] REFERENCE
 *
 * tiffin starts it in a user namespace, in which root is the caller and, without --single-id, the
 * subordinate IDs are mapped; in the host's network. It confines itself (image/confine.h), writes
 * what became of it to descriptor N (image/result.h), and ends with 0 or 125.
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
#include "image/http.h"
#include "image/pull.h"

#define EXIT_TOOL 125

struct arguments {
	const char *store, *reference;
	struct pull_options pull;
	int result_fd;
	bool single_id;
};

static int parse_bool(const char *s, bool *ret, struct err *err)
{
	*ret = streq(s, "true");
	return *ret || streq(s, "false") ? 0 : err_set(err, ERR_USAGE, "'%s' is not a boolean", s);
}

static int parse_arguments(int argc, char **argv, struct arguments *ret, struct err *err)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "result-fd", required_argument, NULL, 'r' },
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
	if (bad)
		return -1;
	if (argc - optind != 2 || !streq(argv[optind], "pull") || !ret->store)
		return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
	ret->reference = argv[optind + 1];
	return 0;
}

/* The store is opened outside of the cage, which is built around it. */
static int run_pull(const struct arguments *args, struct pull_result *ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(store_done) struct store store = STORE_INIT;
	struct pull_options options = args->pull;
	struct cancel cancel;
	int result;

	if (reference_parse(args->reference, &ref, err) < 0 ||
	    store_open(args->store, &store, err) < 0 ||
	    cancel_init(&cancel, args->result_fd, err) < 0)
		return -1;
	store.single_id = args->single_id;
	options.cancel = &cancel;
	result = image_confine(store.root, err);
	if (result == 0)
		result = http_global_init(err);
	if (result == 0)
		result = pull(&store, &ref, &options, ret, err);
	cancel_done(&cancel);
	return result;
}

int main(int argc, char **argv)
{
	struct arguments args = { .pull.tls_verify = true, .result_fd = STDOUT_FILENO };
	CLEAN(pull_result_done) struct pull_result result = { 0 };
	CLEAN(clean_free) char *line = NULL;
	struct err err = { 0 };
	int failed;

	/* Modes are those that layers say; a reader that went away is seen by write. */
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	failed = parse_arguments(argc, argv, &args, &err) < 0 || run_pull(&args, &result, &err) < 0;
	line = pull_result_format(&result, failed ? &err : NULL);
	if (write_all(args.result_fd, line, strlen(line), NULL) < 0)
		return EXIT_TOOL;
	return failed ? EXIT_TOOL : 0;
}
