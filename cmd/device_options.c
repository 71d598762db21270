#include "cmd/device_options.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DEPTH_MAX 8

const struct opt device_opts[] = {
	{ 0, "device", "SRC[:DST]",
	  "a device that you may open, or a directory of them (repeatable)",
	  set_list, FIELD(device_options, devices) },
	{ 0, "device-cgroup-rule", "RULE", NULL, set_list, FIELD(device_options, rules) },
	{ 0, "gpus", "GPUS", NULL, set_list, FIELD(device_options, gpus) },
	{ 0 },
};

void device_options_done(struct device_options *o)
{
	strv_done(&o->devices);
	strv_done(&o->rules);
	strv_done(&o->gpus);
	*o = (struct device_options){ 0 };
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/*
 * A mount can't take away reading or writing of a device, so of "r" or "w" alone the rest must be
 * forbidden to everybody by the host already.
 */
static int check_permissions(const char *text, const char *path, const char *mode,
			     const struct stat *st, struct err *err)
{
	const bool may_read = access(path, R_OK) == 0, may_write = access(path, W_OK) == 0;

	if (!may_read && !may_write) {
		errno = EACCES;
		err_sys(err, "--device %s: you may not open '%s'", text, path);
		return err_hint(err,
				"'ls -l %s' says which group may; it takes --group-add keep-groups "
				"besides",
				path);
	}
	if ((!strchr(mode, 'w') && (may_write || (st->st_mode & S_IWOTH))) ||
	    (!strchr(mode, 'r') && (may_read || (st->st_mode & S_IROTH))))
		return err_set(err, ERR_UNSUPPORTED,
			       "--device %s: without root '%s' can't be kept from "
			       "being opened to read and write",
			       text, path);
	return 0;
}

static void add_mount(const char *source, const char *target, struct container_spec *spec)
{
	container_spec_add_mount(spec, (struct mount_spec){
		.kind = MOUNT_BIND,
		.source = xstrdup(source),
		.target = xstrdup(target),
		.no_exec = true,
		.no_suid = true,
	});
}

/* Every device in a directory that may be opened. Counts them. */
static int add_directory(const char *source, const char *target, int depth,
			 struct container_spec *spec)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(source) : NULL;
	struct dirent *d;
	int found = 0;

	while (dir && (d = readdir(dir))) {
		CLEAN(clean_free) char *from = xasprintf("%s/%s", source, d->d_name);
		CLEAN(clean_free) char *to = xasprintf("%s/%s", target, d->d_name);
		struct stat st;

		if (d->d_name[0] == '.' || lstat(from, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			found += add_directory(from, to, depth + 1, spec);
		} else if (is_device(&st) && access(from, R_OK | W_OK) == 0) {
			add_mount(from, to, spec);
			found++;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_mode(const char *text)
{
	return *text && !text[strspn(text, "rwm")];
}

static int add_device(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *rest = copy, *source = strsep(&rest, ":"), *target = strsep(&rest, ":");
	const char *mode = rest ? rest : "rwm";
	char path[PATH_MAX];
	struct stat st;

	if (target && !rest && *target != '/') { /* SRC:MODE */
		mode = target;
		target = NULL;
	}
	if (!is_mode(mode))
		return err_set(err, ERR_USAGE, "--device %s: invalid device mode: %s", text, mode);
	if (!target)
		target = source;
	if (*target != '/' || strstr(target, ".."))
		return err_set(err, ERR_USAGE, "--device %s: '%s' is not an absolute path", text,
			       target);
	if (!realpath(source, path) || stat(path, &st) < 0)
		return err_sys(err, "--device %s: stat %s", text, source);
	if (S_ISDIR(st.st_mode)) {
		if (!strchr(mode, 'r') || !strchr(mode, 'w'))
			return err_set(err, ERR_UNSUPPORTED,
				       "--device %s: a directory's devices are to "
				       "be read and written",
				       text);
		if (!add_directory(path, target, 0, spec))
			return err_set(err, ERR_NOT_FOUND,
				       "--device %s: no devices found in %s that you "
				       "may open",
				       text, source);
		return 0;
	}
	if (!is_device(&st))
		return err_set(err, ERR_USAGE, "%s is not a valid device: not a device node",
			       source);
	if (check_permissions(text, path, mode, &st, err) < 0)
		return -1;
	add_mount(path, target, spec);
	return 0;
}

int device_options_apply(const struct device_options *o, struct container_spec *spec,
			 struct err *err)
{
	if (o->rules.n)
		return err_set(err, ERR_UNSUPPORTED,
			       "--device-cgroup-rule: without root no control group "
			       "for devices can be set");
	if (o->gpus.n)
		return err_set(err, ERR_UNSUPPORTED,
			       "--gpus: this version adds devices by --device alone");
	for (size_t i = 0; i < o->devices.n; i++)
		if (add_device(o->devices.v[i], spec, err) < 0)
			return -1;
	return 0;
}
