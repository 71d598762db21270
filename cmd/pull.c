#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/find_image.h"
#include "cmd/platform_options.h"
#include "cmd/pull_path.h"
#include "cmd/short_name.h"
#include "image/reference.h"

struct pull_command_options {
	struct pull_options pull;
	struct platform_options platform;
	char *policy, *userns;
	bool all_tags;
};

static const struct opt pull_opts[] = {
	{ 'q', "quiet", NULL, "print the image ID alone", set_flag,
	  FIELD(pull_command_options, pull.quiet) },
	{ 'a', "all-tags", NULL, "all that the repository has", set_flag,
	  FIELD(pull_command_options, all_tags) },
	{ 0, "policy", "WHEN", "always, missing, never, newer", set_string,
	  FIELD(pull_command_options, policy) },
	{ 0, "pull", "WHEN", NULL, set_string, FIELD(pull_command_options, policy) },
	{ .more = platform_opts, .field = FIELD(pull_command_options, platform) },
	ACCESS_ROWS(pull_command_options, pull.access),
	{ 0, "retry", "N", "how often to try a request again that fails: 3", set_number,
	  FIELD(pull_command_options, pull.retry.most) },
	{ 0, "retry-delay", "TIME", "between two attempts; else 1s, doubling", set_seconds,
	  FIELD(pull_command_options, pull.retry.seconds) },
	{ 0, "userns", "single", "unpack for containers with one ID", set_string,
	  FIELD(pull_command_options, userns) },
	{ 0 },
};

static void pull_init(void *options)
{
	*(struct pull_command_options *)options = (struct pull_command_options){
		.pull = PULL_OPTIONS_INIT,
	};
}

static void pull_done(void *options)
{
	struct pull_command_options *o = options;

	free(o->pull.platform);
	platform_options_done(&o->platform);
	access_options_done(&o->pull.access);
	free(o->policy);
	free(o->userns);
}

static int check_names(const struct pull_command_options *o, const struct strv *names,
		       struct err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		CLEAN(transport_done) struct transport from = { 0 };
		CLEAN(reference_done) struct reference ref = { 0 };
		const char *slash;

		if (transport_parse(names->v[i], &from, err) < 0)
			return -1;
		if (from.path && (o->pull.platform || o->all_tags || o->policy))
			return err_set(err, ERR_UNSUPPORTED,
				       "--platform, --all-tags and --policy are "
				       "for registries alone");
		if (from.path)
			continue;
		if (reference_parse(from.reference, &ref, err) < 0)
			return -1;
		slash = strrchr(from.reference, '/');
		if (o->all_tags && strpbrk(slash ?: from.reference, ":@"))
			return err_set(err, ERR_USAGE, "'%s': tag can't be used with --all-tags/-a",
				       from.reference);
	}
	return 0;
}

static void print_id(const char *id)
{
	printf("%s\n", id);
	fflush(stdout);
}

static int list_tags(struct tiffin *t, const struct pull_command_options *o, const char *name,
		     struct reference *ret_name, struct strv *ret, struct err *err)
{
	CLEAN(source_list_done) struct source_list sources = { 0 };

	return reference_parse(name, ret_name, err) < 0 ||
			       access_find_sources(&o->pull.access, ret_name, &sources, err) < 0 ?
		       -1 :
		       helper_tags(t, &sources, &o->pull.retry, ret, err);
}

static int pull_tags(struct tiffin *t, const struct pull_command_options *o, const char *text,
		     struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(strv_done) struct strv tags = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *bare = NULL;
	int code = 0;

	if (short_name_names(text, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n && !tags.n; i++) {
		struct err why = { 0 };

		reference_done(&ref);
		if (list_tags(t, o, names.v[i], &ref, &tags, &why) < 0 && i + 1 == names.n) {
			*err = why;
			return -1;
		}
	}
	if (!tags.n)
		return err_set(err, ERR_NOT_FOUND, "'%s': the repository has no tags", text);
	bare = reference_name(&ref);
	for (size_t i = 0; i < tags.n; i++) {
		CLEAN(clean_free) char *name = xasprintf("%s:%s", bare, tags.v[i]);
		CLEAN(clean_free) char *id = NULL;
		struct err why = { 0 };

		if (helper_pull(t, name, &o->pull, &id, &why) == 0) {
			print_id(id);
			continue;
		}
		report(&why);
		code = EXIT_TIFFIN;
	}
	return code;
}

static int pull_one(struct tiffin *t, const struct pull_command_options *o, const char *text,
		    enum pull_policy policy, struct err *err)
{
	CLEAN(transport_done) struct transport from = { 0 };
	CLEAN(found_image_done) struct found_image image = FOUND_IMAGE_INIT;
	CLEAN(strv_done) struct strv ids = { 0 };

	if (transport_parse(text, &from, err) < 0 ||
	    (from.path && pull_path(t, &from, &ids, err) < 0))
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		print_id(ids.v[i]);
	if (from.path)
		return 0;
	if (o->all_tags)
		return pull_tags(t, o, from.reference, err);
	if (find_image(t, from.reference, policy, &o->pull, &image, err) < 0)
		return -1;
	print_id(image.record.id);
	return 0;
}

static int pull(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct pull_command_options *o = options;
	enum pull_policy policy;
	int code = 0;

	if (o->userns && !streq(o->userns, "single"))
		return err_set(err, ERR_USAGE, "--userns: pull knows 'single' only");
	if (pull_policy_parse("--policy", o->policy, PULL_ALWAYS, &policy, err) < 0 ||
	    platform_options_text(&o->platform, &o->pull.platform, err) < 0 ||
	    check_names(o, operands, err) < 0 || tiffin_open(t, o->userns != NULL, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	for (size_t i = 0; i < operands->n; i++) {
		struct err why = { 0 };
		int result = pull_one(t, o, operands->v[i], policy, &why);

		if (result < 0)
			report(&why);
		if (result != 0)
			code = EXIT_TIFFIN;
	}
	return code;
}

const struct command command_pull = {
	.names = "pull",
	.operands = "[OPTIONS] IMAGE [IMAGE…]",
	.summary = "fetch images from a registry",
	.opts = pull_opts,
	.size = sizeof(struct pull_command_options),
	.min_operands = 1,
	.max_operands = 1000,
	.run = pull,
	.init = pull_init,
	.done = pull_done,
};
