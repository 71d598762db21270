#include "cmd/env_option.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

const struct opt env_opts[] = {
	{ 'e', "env", "KEY=VALUE", "set a variable; KEY alone: as it is here (repeatable)",
	  set_list,
	  FIELD(env_options, set) },
	{ 0, "env-file", "FILE", "variables, one a line (repeatable)", set_list,
	  FIELD(env_options, files) },
	{ 0, "env-host", NULL, "all variables as they are here", set_flag,
	  FIELD(env_options, host) },
	{ 0, "env-merge", "KEY=VALUE", "replace a variable of the image's; ${KEY} is what it was "
	  "(repeatable)", set_list, FIELD(env_options, merge) },
	{ 0, "http-proxy", NULL, "http_proxy and its kin as they are here (true)", set_flag,
	  FIELD(env_options, http_proxy) },
	{ 0, "unsetenv", "KEY", "a variable of the image's or by default is not set (repeatable)",
	  set_list, FIELD(env_options, unset) },
	{ 0, "unsetenv-all", NULL, "none of those is set", set_flag,
	  FIELD(env_options, unset_all) },
	{ 0 },
};

void env_options_done(struct env_options *o)
{
	strv_done(&o->files);
	strv_done(&o->set);
	strv_done(&o->merge);
	strv_done(&o->unset);
	*o = (struct env_options){ 0 };
}

/* What is here, of the variables that begin so. */
static void add_matching(struct strv *env, const char *prefix, size_t len)
{
	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, prefix, len) == 0 && strchr(*e, '='))
			strv_set_env(env, *e);
}

void env_option_add(struct strv *env, const char *text)
{
	CLEAN(clean_free) char *entry = NULL;

	if (!strchr(text, '=') && ends_with(text, "*")) {
		add_matching(env, text, strlen(text) - 1);
		return;
	}

	if (strchr(text, '=')) {
		strv_set_env(env, text);
		return;
	}
	if (!getenv(text))
		return;
	entry = xasprintf("%s=%s", text, getenv(text));
	strv_set_env(env, entry);
}

int env_option_add_file(struct strv *env, const char *path, struct err *err)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEAN(clean_file) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	CLEAN(clean_free) char *line = NULL;
	size_t size = 0;

	if (!f)
		return err_sys(err, "cannot open '%s'", path);
	fd_take(&fd);
	while (getline(&line, &size, f) >= 0) {
		const char *text = line + strspn(line, " \t");

		line[strcspn(line, "\r\n")] = '\0';
		if (*text && *text != '#')
			env_option_add(env, text);
	}
	return 0;
}

static void add_proxies(struct strv *env)
{
	static const char *const names[] = {
		"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		env_option_add(env, names[i]);
}

static bool is_unset(const struct env_options *o, const char *entry)
{
	size_t len = strcspn(entry, "=");

	for (size_t i = 0; i < o->unset.n; i++)
		if (strlen(o->unset.v[i]) == len && memcmp(o->unset.v[i], entry, len) == 0)
			return true;
	return o->unset_all;
}

/* "$KEY" and "${KEY}" in text become what they are in env. */
static char *expand(const char *text, const struct strv *env)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	CLEAN(buf_done) struct buf out = { 0 };

	while (*text) {
		bool braced = starts_with(text, "${");
		const char *key = text + 1 + braced;
		size_t len = *text == '$' ? strspn(key, letters) : 0;
		CLEAN(clean_free) char *name = NULL;

		if (!len || (braced && key[len] != '}')) {
			buf_add(&out, text++, 1);
			continue;
		}
		name = xstrndup(key, len);
		buf_adds(&out, strv_get_env(env, name) ?: "");
		text = key + len + braced;
	}
	return xstrdup(buf_str(&out));
}

/* podman's: of a variable that is not there, nothing is made. */
static int merge(const struct env_options *o, struct strv *env, struct err *err)
{
	for (size_t i = 0; i < o->merge.n; i++) {
		const char *text = o->merge.v[i], *eq = strchr(text, '=');
		CLEAN(clean_free) char *key = xstrndup(text, eq ? (size_t)(eq - text) : 0);
		CLEAN(clean_free) char *value = eq ? expand(eq + 1, env) : NULL;
		CLEAN(clean_free) char *entry = xasprintf("%s=%s", key, value ?: "");

		if (!*key)
			return err_set(err, ERR_USAGE, "--env-merge '%s': use KEY=VALUE", text);
		if (strv_get_env(env, key))
			strv_set_env(env, entry);
	}
	return 0;
}

int env_options_apply(const struct env_options *o, const struct strv *base,
		      const struct strv *image, struct strv *ret, struct err *err)
{
	for (size_t i = 0; i < base->n; i++)
		if (!is_unset(o, base->v[i]))
			strv_set_env(ret, base->v[i]);
	for (size_t i = 0; i < image->n; i++)
		if (!is_unset(o, image->v[i]))
			strv_set_env(ret, image->v[i]);
	if (merge(o, ret, err) < 0)
		return -1;
	if (o->http_proxy)
		add_proxies(ret);
	if (o->host)
		add_matching(ret, "", 0);
	for (size_t i = 0; i < o->files.n; i++)
		if (env_option_add_file(ret, o->files.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < o->set.n; i++)
		env_option_add(ret, o->set.v[i]);
	return 0;
}
