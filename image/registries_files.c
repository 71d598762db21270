/* Which files the configuration of registries is read from. The rest is registries_conf.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/registries_conf.h"
#include "image/user_path.h"

#define FILE_MAX  (4u << 20)
#define ETC	  "/etc/containers/registries.conf"
#define USR_SHARE "/usr/share/containers/registries.conf"

/* 1: it is there, and was laid over what was read before. */
static int add_file(const char *path, struct registries_conf *into, struct err *err)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEAN(buf_done) struct buf text = { 0 };
	struct registries_conf c;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
							     err_sys(err, "cannot open '%s'", path);
	if (read_all(fd, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "cannot read '%s'", path);
	if (registries_conf_parse(buf_str(&text), text.len, path, &c, err) < 0)
		return -1;
	registries_conf_merge(into, &c);
	return 1;
}

static int is_conf(const struct dirent *e)
{
	return ends_with(e->d_name, ".conf") && e->d_type != DT_DIR;
}

static int add_directory(const char *path, struct registries_conf *into, struct err *err)
{
	struct dirent **names = NULL;
	int n = path ? scandir(path, &names, is_conf, alphasort) : 0, result = 0;

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
							     err_sys(err, "cannot list '%s'", path);
	for (int i = 0; i < n; i++) {
		CLEAN(clean_free) char *file = xasprintf("%s/%s", path, names[i]->d_name);

		if (result >= 0)
			result = add_file(file, into, err);
		free(names[i]);
	}
	free(names);
	return result < 0 ? -1 : 0;
}

/* The first main file that is there. *ret_own: it is the user's, and the system's are left out. */
static int add_main(const char *own, struct registries_conf *into, bool *ret_own, struct err *err)
{
	const char *named = user_variable("CONTAINERS_REGISTRIES_CONF");
	int found = named ? add_file(named, into, err) : 0;

	*ret_own = false;
	if (named)
		return found == 0 ? err_set(err, ERR_NOT_FOUND,
					    "CONTAINERS_REGISTRIES_CONF: there is no file '%s'", named) :
				    found;
	if (own)
		found = add_file(own, into, err);
	*ret_own = found > 0;
	if (found == 0)
		found = add_file(ETC, into, err);
	return found == 0 ? add_file(USR_SHARE, into, err) : found;
}

/* What podman's users answered when it asked them which registry they mean: it comes first. */
static int add_answers(struct registries_conf *into, struct err *err)
{
	CLEAN(clean_free)
	char *path = user_path("XDG_CACHE_HOME", ".cache", "containers/short-name-aliases.conf");

	return path ? add_file(path, into, err) : 0;
}

static int add_all(struct registries_conf *into, struct err *err)
{
	CLEAN(clean_free)
	char *own = user_path("XDG_CONFIG_HOME", ".config", "containers/registries.conf");
	CLEAN(clean_free) char *own_d = own ? xasprintf("%s.d", own) : NULL;
	bool is_own;

	if (add_main(own, into, &is_own, err) < 0)
		return -1;
	if (!is_own && (add_directory(USR_SHARE ".d", into, err) < 0 ||
			add_directory(ETC ".d", into, err) < 0))
		return -1;
	return add_directory(own_d, into, err) < 0 ? -1 : add_answers(into, err);
}

int registries_conf_load(struct registries_conf *ret, struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf c = { 0 };

	if (add_all(&c, err) < 0)
		return err_wrap(err, "configuration of registries");
	*ret = c;
	c = (struct registries_conf){ 0 };
	return 0;
}
