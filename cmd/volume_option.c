#include "cmd/volume_option.h"

#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* A target as it is compared and mounted: absolute, without ".", "..", "//" and a trailing slash. */
static int clean_target(const char *text, char **ret, struct err *err)
{
	CLEAN(buf_done) struct buf out = { 0 };
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *part, *rest;

	if (*text != '/')
		return err_set(err, ERR_USAGE, "'%s' is not an absolute path in the container", text);
	for (part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		if (streq(part, "..")) {
			while (out.len && out.data[--out.len] != '/')
				;
			if (out.data)
				out.data[out.len] = '\0';
		} else if (!streq(part, ".")) {
			buf_addf(&out, "/%s", part);
		}
	}
	if (!out.len)
		return err_set(err, ERR_USAGE, "'%s' can't be mounted on", text);
	*ret = xstrdup(buf_str(&out));
	return 0;
}

static int set_option(struct mount_spec *m, const char *option, struct err *err)
{
	static const char *const defaults[] = { "rw",  "rbind", "bind", "rprivate", "private",
						"exec", "suid",	 "dev",	 "z",	     "Z" };

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (streq(option, defaults[i]))
			return 0;
	if (streq(option, "ro"))
		m->read_only = true;
	else if (streq(option, "noexec"))
		m->no_exec = true;
	else if (streq(option, "nosuid"))
		m->no_suid = true;
	else if (streq(option, "nodev"))
		m->no_dev = true;
	else
		return err_set(err, ERR_UNSUPPORTED, "the volume option '%s' is not known to this version",
			       option);
	return 0;
}

int volume_option_add(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	struct mount_spec m = { .kind = MOUNT_BIND };
	char *rest = copy, *source = strsep(&rest, ":"), *target = strsep(&rest, ":"), *option;
	char path[PATH_MAX];

	if (!target || !*source || (*source != '/' && *source != '.'))
		return err_set(err, ERR_UNSUPPORTED,
			       "-v %s: volumes by name are still to come; bind a directory of the host: "
			       "/dir:/dir",
			       text);
	while ((option = strsep(&rest, ",")))
		if (*option && set_option(&m, option, err) < 0)
			return -1;
	if (!realpath(source, path)) {
		err_sys(err, "cannot bind '%s'", source);
		return -1;
	}
	if (clean_target(target, &m.target, err) < 0)
		return -1;
	m.source = xstrdup(path);
	container_spec_add_mount(spec, m);
	return 0;
}

/* What of tmpfs(5) can do no harm. Flags of the mount are not passed to the file system. */
static int add_tmpfs_option(struct mount_spec *m, struct buf *options, const char *option,
			    struct err *err)
{
	static const char *const keys[] = { "size=", "mode=", "uid=", "gid=", "nr_inodes=" };
	struct err ignored;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (starts_with(option, keys[i])) {
			buf_addf(options, "%s%s", options->len ? "," : "", option);
			return 0;
		}
	}
	if (streq(option, "exec")) {
		m->no_exec = false;
		return 0;
	}
	if (streq(option, "suid")) {
		m->no_suid = false;
		return 0;
	}
	if (streq(option, "tmpcopyup"))
		return err_set(err, ERR_UNSUPPORTED, "'tmpcopyup' is not in this version of tiffin: a tmpfs "
						     "begins empty");
	/* podman's word for what is so here anyway. */
	if (streq(option, "notmpcopyup"))
		return 0;
	if (set_option(m, option, &ignored) < 0)
		return err_set(err, ERR_USAGE, "'%s' is not an option of a tmpfs", option);
	return 0;
}

int tmpfs_option_add(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	CLEAN(buf_done) struct buf options = { 0 };
	struct mount_spec m = { .kind = MOUNT_TMPFS, .no_exec = true, .no_suid = true, .no_dev = true };
	char *rest = copy, *target = strsep(&rest, ":"), *option;

	while ((option = strsep(&rest, ",")))
		if (*option && add_tmpfs_option(&m, &options, option, err) < 0)
			return -1;
	if (clean_target(target, &m.target, err) < 0)
		return -1;
	m.source = xstrdup(buf_str(&options));
	container_spec_add_mount(spec, m);
	return 0;
}

static int by_target(const void *a, const void *b)
{
	return strcmp(((const struct mount_spec *)a)->target, ((const struct mount_spec *)b)->target);
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
