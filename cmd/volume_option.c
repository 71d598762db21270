#include "cmd/volume_option.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/mount_words.h"
#include "storage/volume.h"

/* Between colons, of which "\:" is none. */
static void split(const char *text, struct strv *ret)
{
	CLEAN(buf_done) struct buf part = { 0 };

	for (const char *p = text;; p++) {
		if (*p == ':' || !*p) {
			strv_add(ret, buf_str(&part));
			part.len = 0;
			if (part.data)
				part.data[0] = '\0';
			if (!*p)
				return;
		} else {
			p += *p == '\\' && p[1] == ':';
			buf_add(&part, p, 1);
		}
	}
}

static void split_words(const char *text, struct strv *ret)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *word, *rest;

	for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		strv_add(ret, word);
}

static int set_source(const char *source, struct mount_spec *m, struct err *err)
{
	if (!*source)
		return err_set(err, ERR_USAGE, "host directory cannot be empty");
	if (*source == '/' || *source == '.') {
		m->kind = MOUNT_BIND;
		return mount_source_find(source, &m->source, err);
	}
	if (!volume_name_valid(source))
		return err_set(err, ERR_USAGE, "'%s': a volume's names must match "
					       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
					       source);
	m->name = xstrdup(source);
	return 0;
}

/* What makes sense for one kind of mount, and would be passed over with another. */
static int check(const struct strv *words, const struct mount_spec *m, struct err *err)
{
	if (m->kind == MOUNT_BIND && strv_has(words, "copy"))
		return err_set(err, ERR_USAGE, "'copy' is for volumes: nothing is copied to '%s'",
			       m->source);
	if (m->overlay && m->alone)
		return err_set(err, ERR_USAGE, "'O' does not go with 'bind'");
	if (m->overlay && (m->read_only || m->propagation))
		return err_set(err, ERR_USAGE, "'O' goes neither with 'ro' nor with a propagation");
	return 0;
}

int volume_option_add(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(mount_spec_done)
	struct mount_spec m = { .kind = MOUNT_VOLUME, .shared = true, .said = true };
	CLEAN(strv_done) struct strv parts = { 0 };
	CLEAN(strv_done) struct strv words = { 0 };
	const char *target;

	split(text, &parts);
	if (parts.n > 3)
		return err_set(err, ERR_USAGE, "%s: incorrect volume format, should be "
					       "[host-dir:]ctr-dir[:option]", text);
	target = parts.v[parts.n > 1];
	if (!*target)
		return err_set(err, ERR_USAGE, "container directory cannot be empty");
	if (parts.n == 3)
		split_words(parts.v[2], &words);
	if (mount_target_clean(target, &m.target, err) < 0 ||
	    (parts.n > 1 && set_source(parts.v[0], &m, err) < 0) ||
	    mount_words_apply(&words, &m, err) < 0 || check(&words, &m, err) < 0)
		return -1;
	container_spec_add_mount(spec, m);
	m = (struct mount_spec){ 0 };
	return 0;
}

/* What of tmpfs(5) can do no harm. Flags of the mount are not passed to the file system. */
int tmpfs_option_word(const char *option, struct buf *file_system, struct strv *words,
		      struct mount_spec *m, struct err *err)
{
	static const char *const keys[] = { "size=", "mode=", "uid=", "gid=", "nr_inodes=" };
	static const char *const others[] = { "O", "copy", "nocopy", "bind", "rbind" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (starts_with(option, keys[i])) {
			buf_addf(file_system, "%s%s", file_system->len ? "," : "", option);
			return 0;
		}
	}
	if (streq(option, "tmpcopyup") || streq(option, "notmpcopyup")) {
		m->copy_up = *option == 't';
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(option, others[i]))
			return err_set(err, ERR_USAGE, "'%s' is not an option of a tmpfs", option);
	if (!mount_word_known(option) || strchr(option, '='))
		return err_set(err, ERR_USAGE, "'%s' is not an option of a tmpfs", option);
	strv_add(words, option);
	return 0;
}

int tmpfs_option_add(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	CLEAN(buf_done) struct buf options = { 0 };
	CLEAN(strv_done) struct strv words = { 0 };
	CLEAN(mount_spec_done)
	struct mount_spec m = {
		.kind = MOUNT_TMPFS,
		.no_exec = true,
		.no_suid = true,
		.no_dev = true,
		.said = true,
	};
	char *rest = copy, *target = strsep(&rest, ":"), *option;

	while ((option = strsep(&rest, ",")))
		if (*option && tmpfs_option_word(option, &options, &words, &m, err) < 0)
			return -1;
	if (mount_words_apply(&words, &m, err) < 0 ||
	    mount_target_clean(target, &m.target, err) < 0)
		return -1;
	m.source = xstrdup(buf_str(&options));
	container_spec_add_mount(spec, m);
	m = (struct mount_spec){ 0 };
	return 0;
}

static int by_target(const void *a, const void *b)
{
	return strcmp(((const struct mount_spec *)a)->target,
		      ((const struct mount_spec *)b)->target);
}

int volume_options_sort(struct container_spec *spec, struct err *err)
{
	if (spec->n_mounts)
		qsort(spec->mounts, spec->n_mounts, sizeof(*spec->mounts), by_target);
	for (size_t i = 1; i < spec->n_mounts; i++)
		if (streq(spec->mounts[i - 1].target, spec->mounts[i].target))
			return err_set(err, ERR_USAGE, "%s: duplicate mount destination",
				       spec->mounts[i].target);
	return 0;
}
