#include "cmd/log_options.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

const struct opt log_opts[] = {
	{ 0, "log-driver", "DRIVER", "k8s-file (the default), json-file, none", set_string,
	  FIELD(log_options, driver) },
	{ 0, "log-opt", "KEY=VALUE", "max-size=10m, max-file=3, path=FILE (repeatable)", set_list,
	  FIELD(log_options, opts) },
	{ 0 },
};

void log_options_done(struct log_options *o)
{
	free(o->driver);
	strv_done(&o->opts);
	*o = (struct log_options){ 0 };
}

static int check_driver(const char *name, enum log_driver *ret, struct err *err)
{
	if (name && !log_driver_find(name, ret))
		return err_set(err, ERR_UNSUPPORTED,
			       "--log-driver %s: this version knows k8s-file, json-file and none",
			       name);
	return 0;
}

/* The last one counts, as with options. */
static const char *get(const struct log_options *o, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < o->opts.n; i++) {
		size_t len = strlen(key);

		if (strncmp(o->opts.v[i], key, len) == 0 && o->opts.v[i][len] == '=')
			found = o->opts.v[i] + len + 1;
	}
	return found;
}

static int check_key(const char *text, const char *driver, struct err *err)
{
	static const char *const known[] = { "max-size", "max-file", "path" };
	static const char *const not_done[] = { "tag",	"labels",	  "labels-regex",
						"env",	"env-regex",	  "compress",
						"mode", "max-buffer-size" };
	size_t len = strcspn(text, "=");
	CLEAN(clean_free) char *key = xstrndup(text, len);

	if (!text[len] || !text[len + 1])
		return err_set(err, ERR_USAGE, "--log-opt %s: KEY=VALUE is wanted", text);
	for (size_t i = 0; i < ARRAY_SIZE(not_done); i++)
		if (streq(key, not_done[i]))
			return err_set(err, ERR_UNSUPPORTED,
				       "--log-opt %s: this version knows max-size, "
				       "max-file and path",
				       key);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(key, known[i]))
			return 0;
	return err_set(err, ERR_USAGE, "unknown log opt '%s' for %s log driver", key, driver);
}

static int parse_max_size(const char *text, long long *ret, struct err *err)
{
	if (streq(text, "-1")) {
		*ret = -1;
		return 0;
	}
	if (parse_size(text, ret, err) < 0)
		return err_wrap(err, "--log-opt max-size");
	if (*ret == 0)
		return err_set(err, ERR_USAGE, "--log-opt max-size: '%s' is no size; -1 has no end",
			       text);
	return 0;
}

static int parse_max_file(const char *text, int *ret, struct err *err)
{
	if (set_number(ret, text, err) < 0)
		return err_wrap(err, "--log-opt max-file");
	if (*ret < 1 || *ret > LOG_MAX_FILES_LIMIT)
		return err_set(err, ERR_USAGE, "--log-opt max-file: '%s' is not from 1 to %d", text,
			       LOG_MAX_FILES_LIMIT);
	return 0;
}

static struct log_config defaults(void)
{
	return (struct log_config){
		.driver = LOG_K8S_FILE,
		.max_size = LOG_MAX_SIZE,
		.max_files = LOG_MAX_FILES,
	};
}

static int parse(const struct log_options *o, struct log_config *ret, struct err *err)
{
	struct log_config c = defaults();
	const char *size = get(o, "max-size"), *files = get(o, "max-file");

	if (check_driver(o->driver, &c.driver, err) < 0 ||
	    (size && parse_max_size(size, &c.max_size, err) < 0) ||
	    (files && parse_max_file(files, &c.max_files, err) < 0))
		return -1;
	c.path = get(o, "path");
	*ret = c;
	return 0;
}

/* The monitor lives in another directory than we. */
static void make_path_absolute(struct log_options *o)
{
	const char *path = get(o, "path");
	CLEAN(clean_free) char *cwd = NULL;

	if (!path || *path == '/')
		return;
	cwd = getcwd(NULL, 0);
	strv_add_take(&o->opts, xasprintf("path=%s/%s", cwd ? cwd : "", path));
}

int log_options_check(struct log_options *o, struct err *err)
{
	struct log_config config;
	const char *driver = o->driver ? o->driver : log_driver_name(LOG_K8S_FILE);
	struct stat st;

	if (parse(o, &config, err) < 0)
		return -1;
	for (size_t i = 0; i < o->opts.n; i++)
		if (check_key(o->opts.v[i], driver, err) < 0)
			return -1;
	if (config.path && stat(config.path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "--log-opt path: '%s' is not a regular file",
			       config.path);
	make_path_absolute(o);
	return 0;
}

void log_options_config(const struct log_options *o, struct log_config *ret)
{
	/* A record that was written by another version: the defaults. */
	if (parse(o, ret, NULL) < 0)
		*ret = defaults();
}

json_t *log_options_to_json(const struct log_options *o)
{
	json_t *j = json_object();

	js_set_str(j, "driver", o->driver);
	js_set_strv(j, "opts", &o->opts);
	return j;
}

void log_options_from_json(const json_t *j, struct log_options *ret)
{
	ret->driver = xstrdup(js_str(j, "driver"));
	js_strv(j, "opts", &ret->opts);
}

json_t *log_options_inspect(const json_t *j)
{
	CLEAN(log_options_done) struct log_options o = { 0 };
	json_t *values = json_object(), *all = json_object();
	struct log_config config;

	log_options_from_json(j, &o);
	log_options_config(&o, &config);
	for (size_t i = 0; i < o.opts.n; i++) {
		CLEAN(clean_free) char *key = xstrndup(o.opts.v[i], strcspn(o.opts.v[i], "="));

		js_set_str(values, key, get(&o, key));
	}
	js_set_str(all, "Type", log_driver_name(config.driver));
	json_object_set_new(all, "Config", values);
	return all;
}

char *log_options_path(const json_t *j, const char *store, const char *id)
{
	CLEAN(log_options_done) struct log_options o = { 0 };
	struct log_config config;

	log_options_from_json(j, &o);
	log_options_config(&o, &config);
	if (config.driver == LOG_NONE)
		return xstrdup("");
	return config.path ? xstrdup(config.path) : xasprintf("%s/containers/%s/log", store, id);
}
