#include "image/arguments.h"

#include <getopt.h>
#include <stdlib.h>

#include "base/cleanup.h"

static int set_text(const char *text, void *field, struct err *err)
{
	(void)err;
	*(const char **)field = text;
	return 0;
}

static int set_number(const char *text, void *field, struct err *err)
{
	(void)err;
	*(int *)field = atoi(text);
	return 0;
}

/* Takes no value. */
static int set_flag(const char *text, void *field, struct err *err)
{
	(void)text;
	(void)err;
	*(bool *)field = true;
	return 0;
}

static int add_range(const char *text, void *field, struct err *err)
{
	struct id_range range;

	return id_range_parse(text, &range, err) < 0 ? -1 : id_ranges_add(field, range, err);
}

static int set_platform(const char *text, void *field, struct err *err)
{
	return platform_parse(text, field, err);
}

static const struct row {
	const char *name;
	int (*set)(const char *text, void *field, struct err *err);
	size_t at; /* of the field */
} rows[] = {
	{ "store", set_text, offsetof(struct arguments, store) },
	{ "result-fd", set_number, offsetof(struct arguments, result_fd) },
	{ "sources-fd", set_number, offsetof(struct arguments, sources_fd) },
	{ "data-fd", set_number, offsetof(struct arguments, save.fd) },
	{ "tree-fd", set_number, offsetof(struct arguments, tree_fd) },
	{ "owners-fd", set_number, offsetof(struct arguments, owners_fd) },
	{ "format", set_text, offsetof(struct arguments, format) },
	{ "compression", set_text, offsetof(struct arguments, compression) },
	{ "retry", set_number, offsetof(struct arguments, pull.retry.most) },
	{ "retry-delay", set_number, offsetof(struct arguments, pull.retry.seconds) },
	{ "newer", set_flag, offsetof(struct arguments, pull.newer) },
	{ "compress", set_flag, offsetof(struct arguments, save.compress) },
	{ "single-id", set_flag, offsetof(struct arguments, single_id) },
	{ "uidmap", add_range, offsetof(struct arguments, mapping.uids) },
	{ "gidmap", add_range, offsetof(struct arguments, mapping.gids) },
	{ "platform", set_platform, offsetof(struct arguments, pull.platform) },
	{ "quiet", set_flag, offsetof(struct arguments, quiet) },
};

static int read_sources(struct arguments *args, struct err *err)
{
	CLEAN(clean_fd) int fd = args->sources_fd;

	return fd < 0 ? 0 : source_list_from_fd(fd, &args->sources, err);
}

int arguments_parse(int argc, char **argv, struct arguments *ret, struct err *err)
{
	struct option options[ARRAY_SIZE(rows) + 1] = { 0 };
	int at = -1;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		options[i].name = rows[i].name;
		options[i].has_arg = rows[i].set == set_flag ? no_argument : required_argument;
	}
	for (int opt; (opt = getopt_long(argc, argv, "", options, &at)) >= 0;) {
		if (opt != 0)
			return err_set(err, ERR_USAGE, "tiffin-image is started by tiffin");
		if (rows[at].set(optarg, (char *)ret + rows[at].at, err) < 0)
			return -1;
	}
	if (optind < argc)
		ret->task = argv[optind++];
	for (; optind < argc; optind++)
		strv_add(&ret->operands, argv[optind]);
	return read_sources(ret, err);
}

void arguments_done(struct arguments *a)
{
	source_list_done(&a->sources);
	strv_done(&a->operands);
}
