#include "image/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/digest.h"

#define LAYERS_MAX 500 /* as many as overlayfs stacks (OVL_MAX_STACK) */

void image_config_done(struct image_config *c)
{
	char *strings[] = { c->architecture, c->os,	 c->variant,
			    c->user,	     c->workdir, c->stop_signal };
	struct strv *vectors[] = { &c->entrypoint,    &c->cmd,	  &c->env,    &c->volumes,
				   &c->exposed_ports, &c->labels, &c->health.test, &c->diff_ids };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		strv_done(vectors[i]);
	*c = (struct image_config){ 0 };
}

int64_t image_config_time(const char *s)
{
	int hours = 0, minutes = 0, used = 0;
	struct tm tm = { 0 };
	char zone;

	if (!s || sscanf(s, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
			 &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
		return 0;
	s += used;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	zone = *s;
	if ((zone == '+' || zone == '-') && sscanf(s + 1, "%2d:%2d", &hours, &minutes) != 2)
		return 0;
	if (!zone || !strchr("Zz+-", zone))
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm) - (zone == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/* A string that is not there and one that is empty mean the same in a configuration. */
static char *string_or_null(const json_t *obj, const char *key)
{
	const char *s = js_str(obj, key);

	return s && *s ? xstrdup(s) : NULL;
}

/* Go's map[string]struct{}: the keys are the set. */
static void add_keys(const json_t *obj, const char *key, struct strv *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach(js_obj(obj, key), name, value)
		strv_add(ret, name);
}

static void add_labels(const json_t *obj, struct strv *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach(js_obj(obj, "Labels"), name, value)
		if (json_is_string(value))
			strv_addf(ret, "%s=%s", name, json_string_value(value));
}

static int add_diff_ids(const json_t *doc, struct strv *ret, struct err *err)
{
	const json_t *rootfs = js_obj(doc, "rootfs"), *ids = js_arr(rootfs, "diff_ids");
	json_t *item;
	size_t i;

	if (!ids)
		return err_set(err, ERR_CORRUPT, "it names no layers (rootfs.diff_ids)");
	if (json_array_size(ids) > LAYERS_MAX)
		return err_set(err, ERR_CORRUPT, "it has %zu layers, and %d is the most",
			       json_array_size(ids), LAYERS_MAX);
	json_array_foreach(ids, i, item) {
		if (!digest_valid(json_string_value(item)))
			return err_set(err, ERR_CORRUPT, "diff ID %zu is not a SHA-256 digest", i);
		strv_add(ret, json_string_value(item));
	}
	return 0;
}

static void read_health(const json_t *j, struct image_health *ret)
{
	js_strv(j, "Test", &ret->test);
	ret->interval = js_int(j, "Interval");
	ret->timeout = js_int(j, "Timeout");
	ret->start_period = js_int(j, "StartPeriod");
	ret->retries = js_int(j, "Retries");
}

int image_config_parse(const char *data, size_t len, struct image_config *ret, struct err *err)
{
	CLEAN(image_config_done) struct image_config c = { 0 };
	CLEAN(clean_json) json_t *doc = NULL;
	const json_t *run;

	if (js_parse(data, len, &doc, err) < 0 || add_diff_ids(doc, &c.diff_ids, err) < 0)
		return err_wrap(err, "not an image configuration");
	c.architecture = string_or_null(doc, "architecture");
	c.os = string_or_null(doc, "os");
	c.variant = string_or_null(doc, "variant");
	c.created = image_config_time(js_str(doc, "created"));
	run = js_obj(doc, "config");
	c.user = string_or_null(run, "User");
	c.workdir = string_or_null(run, "WorkingDir");
	c.stop_signal = string_or_null(run, "StopSignal");
	js_strv(run, "Entrypoint", &c.entrypoint);
	js_strv(run, "Cmd", &c.cmd);
	js_strv(run, "Env", &c.env);
	add_keys(run, "Volumes", &c.volumes);
	add_keys(run, "ExposedPorts", &c.exposed_ports);
	add_labels(run, &c.labels);
	read_health(js_obj(run, "Healthcheck"), &c.health);
	*ret = c;
	c = (struct image_config){ 0 };
	return 0;
}
