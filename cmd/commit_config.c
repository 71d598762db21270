#include "cmd/commit_config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/human.h"
#include "cmd/image_change.h"
#include "cmd/inspect.h"
#include "cmd/ports.h"
#include "runtime/spec.h"
#include "storage/image.h"

static void set_words(json_t *config, const char *key, char *const *v, size_t n)
{
	const struct strv part = { .v = (char **)v, .n = n };

	if (n)
		js_set_strv(config, key, &part);
	else
		json_object_del(config, key);
}

/*
 * What tiffin, and not its user, put there: the container's own name, and this machine's proxies.
 */
static bool is_ours(const struct container_spec *spec, const char *entry)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					       "all_proxy" };
	CLEAN(clean_free) char *key = xstrndup(entry, strcspn(entry, "="));
	CLEAN(clean_free) char *host_name = xasprintf("HOSTNAME=%s", spec->hostname ?: "");
	const char *value = entry + strlen(key) + (entry[strlen(key)] == '='), *here = getenv(key);

	if (streq(entry, host_name) || (spec->tty && streq(entry, "TERM=xterm")))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		if (strcasecmp(key, proxies[i]) == 0)
			return here && streq(here, value);
	return false;
}

static void set_env(json_t *config, const struct container_spec *spec)
{
	CLEAN(strv_done) struct strv image = { 0 };
	CLEAN(strv_done) struct strv env = { 0 };

	js_strv(config, "Env", &image);
	for (size_t i = 0; i < spec->env.n; i++)
		if (strv_has(&image, spec->env.v[i]) || !is_ours(spec, spec->env.v[i]))
			strv_add(&env, spec->env.v[i]);
	set_words(config, "Env", env.v, env.n);
}

/* An object of objects, or of texts, that is there only where it has something. */
static json_t *member(json_t *config, const char *key)
{
	if (!js_obj(config, key))
		json_object_set_new(config, key, json_object());
	return js_obj(config, key);
}

static void set_labels(json_t *config, const struct container *c)
{
	CLEAN(strv_done) struct strv labels = { 0 };

	json_object_del(config, "Labels");
	js_strv(c->config, "labels", &labels);
	for (size_t i = 0; i < labels.n; i++) {
		char *value = strchr(labels.v[i], '=');

		if (value)
			*value++ = '\0';
		js_set_str(member(config, "Labels"), labels.v[i], value ?: "");
	}
}

static void set_ports(json_t *config, const struct container *c)
{
	CLEAN(port_list_done) struct port_list list = { 0 };

	port_list_from_json(js_arr(c->config, "ports"), &list);
	for (size_t i = 0; i < list.n; i++) {
		CLEAN(clean_free)
		char *key = xasprintf("%u/%s", list.v[i].container, list.v[i].udp ? "udp" : "tcp");

		inspect_add_key(member(config, "ExposedPorts"), key);
	}
}

static void set_signal(json_t *config, const struct container_spec *spec)
{
	const char *name = sigabbrev_np(spec->stop_signal);
	CLEAN(clean_free)
	char *text = name ? xasprintf("SIG%s", name) : xasprintf("%d", spec->stop_signal);

	if (spec->stop_signal != SIGTERM || js_str(config, "StopSignal"))
		js_set_str(config, "StopSignal", text);
}

static void set_health(json_t *config, const struct container_spec *spec)
{
	if (spec->health.test.n)
		json_object_set_new(config, "Healthcheck", inspect_health_check(&spec->health));
	else if (js_obj(config, "Healthcheck"))
		json_object_set_new(config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
}

static void set_config(json_t *config, const struct container *c, const struct container_spec *spec,
		       bool volumes)
{
	js_set_str(config, "User", spec->user);
	js_set_str(config, "WorkingDir", spec->cwd);
	set_words(config, "Entrypoint", spec->args.v, spec->n_entrypoint);
	set_words(config, "Cmd", spec->args.v + spec->n_entrypoint,
		  spec->args.n - spec->n_entrypoint);
	set_env(config, spec);
	set_labels(config, c);
	set_ports(config, c);
	set_signal(config, spec);
	set_health(config, spec);
	for (size_t i = 0; volumes && i < spec->n_mounts; i++)
		if (spec->mounts[i].shared)
			inspect_add_key(member(config, "Volumes"), spec->mounts[i].target);
	/* They were for the image that was built on the one before. */
	json_object_del(config, "OnBuild");
}

static bool is_change_of(const char *change, const char *name)
{
	return strncasecmp(change, name, strlen(name)) == 0 && strchr(" \t=", change[strlen(name)]);
}

/* A command that was meant for another entrypoint goes with it, as in a Dockerfile. */
static int apply_changes(json_t *config, const struct strv *changes, struct err *err)
{
	bool entrypoint = false, cmd = false;

	for (size_t i = 0; i < changes->n; i++) {
		entrypoint |= is_change_of(changes->v[i], "ENTRYPOINT");
		cmd |= is_change_of(changes->v[i], "CMD");
	}
	if (entrypoint && !cmd)
		json_object_del(config, "Cmd");
	for (size_t i = 0; i < changes->n; i++)
		if (image_change(config, changes->v[i], err) < 0)
			return -1;
	return 0;
}

static void add_history(json_t *doc, const char *now, const struct container_spec *spec,
			const struct commit_words *words)
{
	CLEAN(buf_done) struct buf line = { 0 };
	json_t *entry = json_object();

	for (size_t i = 0; i < spec->args.n; i++)
		buf_addf(&line, "%s%s", i ? " " : "", spec->args.v[i]);
	js_set_str(entry, "created", now);
	js_set_str(entry, "created_by", buf_str(&line));
	js_set_str(entry, "comment", words->message);
	js_set_str(entry, "author", words->author);
	if (words->squash || !js_arr(doc, "history"))
		json_object_set_new(doc, "history", json_array());
	json_array_append_new(js_arr(doc, "history"), entry);
}

/* The layers that the container stands on, whatever the image's configuration calls them. */
static void set_layers(json_t *doc, const struct container *c, bool none)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	json_t *rootfs = json_object();

	if (!none)
		js_strv(c->config, "layers", &layers);
	js_set_str(rootfs, "type", "layers");
	json_object_set_new(rootfs, "diff_ids", json_array());
	for (size_t i = 0; i < layers.n; i++)
		json_array_append_new(js_arr(rootfs, "diff_ids"), json_string(layers.v[i]));
	json_object_set_new(doc, "rootfs", rootfs);
}

int commit_config(const struct tiffin *t, const struct container *c,
		  const struct commit_words *words, char **ret, struct err *err)
{
	/* Of the time before, docker's own notes of the container that the image was made in. */
	static const char *const gone[] = { "container", "container_config", "comment", "id",
					    "parent" };
	CLEAN(container_spec_done) struct container_spec spec = { 0 };
	CLEAN(clean_free) char *now = rfc3339_nano(now_realtime());
	CLEAN(clean_json) json_t *doc = NULL;
	CLEAN(buf_done) struct buf text = { 0 };
	json_t *config;

	if (image_read_config(&t->store, c->image_id, &text, err) < 0 ||
	    js_parse(buf_str(&text), text.len, &doc, err) < 0)
		return err_wrap(err, "the image of container %s", c->name);
	if (container_spec_from_json(js_obj(c->config, "spec"), &spec, err) < 0)
		return err_wrap(err, "container %s", c->name);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		json_object_del(doc, gone[i]);
	config = member(doc, "config");
	set_config(config, c, &spec, words->volumes);
	if (apply_changes(config, words->changes, err) < 0)
		return -1;
	js_set_str(doc, "created", now);
	js_set_str(doc, "comment", words->message);
	js_set_str(doc, "author", words->author);
	add_history(doc, now, &spec, words);
	set_layers(doc, c, words->squash);
	*ret = js_dump(doc);
	return 0;
}
