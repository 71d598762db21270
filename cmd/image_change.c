#include "cmd/image_change.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

static int bad(const char *name, const char *text, const char *why, struct err *err)
{
	return err_set(err, ERR_USAGE, "--change %s %s: %s", name, text, why);
}

/* Words between blanks; quotes and backslashes as a Dockerfile has them. */
static int split(const char *text, struct strv *ret, struct err *err)
{
	const char *p = text;

	for (;;) {
		CLEAN(buf_done) struct buf word = { 0 };
		char quote = '\0';

		while (isspace((unsigned char)*p))
			p++;
		if (!*p)
			return 0;
		for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
			if (quote ? *p == quote : *p == '"' || *p == '\'')
				quote = quote ? '\0' : *p;
			else if (*p == '\\' && quote != '\'' && p[1])
				buf_add(&word, ++p, 1);
			else
				buf_add(&word, p, 1);
		}
		if (quote)
			return err_set(err, ERR_USAGE, "a quotation does not end");
		strv_add(ret, buf_str(&word));
	}
}

/* '["a", "b"]', or NULL where it is not that. */
static json_t *string_array(const char *text)
{
	CLEAN(clean_json) json_t *j = *text == '[' ? json_loads(text, 0, NULL) : NULL;
	json_t *item;
	size_t i;

	json_array_foreach(j, i, item)
		if (!json_is_string(item))
			return NULL;
	return json_is_array(j) ? json_incref(j) : NULL;
}

/* A command of a shell where it is no array. */
static int set_command(json_t *config, const char *key, const char *text)
{
	json_t *array = string_array(text);

	if (!array)
		array = json_pack("[s,s,s]", "/bin/sh", "-c", text);
	return json_object_set_new(config, key, array);
}

static int change_cmd(json_t *config, const char *text, struct err *err)
{
	(void)err;
	return set_command(config, "Cmd", text);
}

static int change_entrypoint(json_t *config, const char *text, struct err *err)
{
	(void)err;
	return set_command(config, "Entrypoint", text);
}

/* "A=b C=d", or "A b c", which is one. */
static int pairs(const char *text, struct strv *ret, struct err *err)
{
	const size_t len = strcspn(text, " \t=");

	if (text[len] != '=') {
		const char *value = text + len + strspn(text + len, " \t");

		if (!*value)
			return err_set(err, ERR_USAGE, "it has no value");
		strv_addf(ret, "%.*s=%s", (int)len, text, value);
		return 0;
	}
	if (split(text, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++)
		if (!strchr(ret->v[i], '=') || *ret->v[i] == '=')
			return err_set(err, ERR_USAGE, "'%s' is not KEY=VALUE", ret->v[i]);
	return 0;
}

static int change_env(json_t *config, const char *text, struct err *err)
{
	CLEAN(strv_done) struct strv env = { 0 };
	CLEAN(strv_done) struct strv new = { 0 };

	if (pairs(text, &new, err) < 0)
		return -1;
	js_strv(config, "Env", &env);
	for (size_t i = 0; i < new.n; i++)
		strv_set_env(&env, new.v[i]);
	js_set_strv(config, "Env", &env);
	return 0;
}

/* The member that is an object; made where there is none. */
static json_t *object_in(json_t *config, const char *key)
{
	if (!js_obj(config, key))
		json_object_set_new(config, key, json_object());
	return js_obj(config, key);
}

static int change_label(json_t *config, const char *text, struct err *err)
{
	CLEAN(strv_done) struct strv new = { 0 };

	if (pairs(text, &new, err) < 0)
		return -1;
	for (size_t i = 0; i < new.n; i++) {
		char *value = strchr(new.v[i], '=');

		*value++ = '\0';
		js_set_str(object_in(config, "Labels"), new.v[i], value);
	}
	return 0;
}

/* "80", "80/tcp", "8000-8010/udp". */
static bool is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n && text[n] == '-')
		n = strspn(text + n + 1, "0123456789") ?
			    n + 1 + strspn(text + n + 1, "0123456789") :
			    0;
	return n && (!text[n] || streq(text + n, "/tcp") || streq(text + n, "/udp") ||
		     streq(text + n, "/sctp"));
}

static int change_expose(json_t *config, const char *text, struct err *err)
{
	CLEAN(strv_done) struct strv ports = { 0 };

	if (split(text, &ports, err) < 0)
		return -1;
	for (size_t i = 0; i < ports.n; i++) {
		CLEAN(clean_free) char *port = xasprintf("%s%s", ports.v[i],
							 strchr(ports.v[i], '/') ? "" : "/tcp");

		if (!is_port(ports.v[i]))
			return err_set(err, ERR_USAGE, "'%s' is no port", ports.v[i]);
		json_object_set_new(object_in(config, "ExposedPorts"), port, json_object());
	}
	return 0;
}

static int change_volume(json_t *config, const char *text, struct err *err)
{
	CLEAN(clean_json) json_t *array = string_array(text);
	CLEAN(strv_done) struct strv words = { 0 };
	json_t *item;
	size_t i;

	if (!array && split(text, &words, err) < 0)
		return -1;
	json_array_foreach(array, i, item)
		strv_add(&words, json_string_value(item));
	for (i = 0; i < words.n; i++) {
		if (*words.v[i] != '/')
			return err_set(err, ERR_USAGE, "'%s' is not an absolute path", words.v[i]);
		json_object_set_new(object_in(config, "Volumes"), words.v[i], json_object());
	}
	return 0;
}

static int change_onbuild(json_t *config, const char *text, struct err *err)
{
	json_t *list = js_arr(config, "OnBuild");

	(void)err;
	if (!list)
		json_object_set_new(config, "OnBuild", list = json_array());
	return json_array_append_new(list, json_string(text));
}

static int change_signal(json_t *config, const char *text, struct err *err)
{
	(void)err;
	js_set_str(config, "StopSignal", text);
	return 0;
}

static int change_user(json_t *config, const char *text, struct err *err)
{
	(void)err;
	js_set_str(config, "User", text);
	return 0;
}

/* A relative one goes on from the one before. */
static int change_workdir(json_t *config, const char *text, struct err *err)
{
	const char *before = js_str(config, "WorkingDir") ?: "/";
	CLEAN(clean_free) char *path = xasprintf("%s/%s", streq(before, "/") ? "" : before, text);

	(void)err;
	js_set_str(config, "WorkingDir", *text == '/' ? text : path);
	return 0;
}

static const struct {
	const char *name;
	int (*change)(json_t *config, const char *text, struct err *err);
} instructions[] = {
	{ "CMD", change_cmd },		{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },		{ "EXPOSE", change_expose },
	{ "LABEL", change_label },	{ "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_signal }, { "USER", change_user },
	{ "VOLUME", change_volume },	{ "WORKDIR", change_workdir },
};

int image_change(json_t *config, const char *instruction, struct err *err)
{
	const size_t len = strcspn(instruction, " \t=");
	const char *text = instruction + len;

	text += *text == '=';
	text += strspn(text, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		const char *name = instructions[i].name;
		struct err why = { 0 };

		if (strlen(name) != len || strncasecmp(name, instruction, len) != 0)
			continue;
		if (!*text)
			return bad(name, text, "it has no value", err);
		return instructions[i].change(config, text, &why) < 0 ?
			       bad(name, text, why.text, err) :
			       0;
	}
	return err_set(err, ERR_USAGE,
		       "--change '%s': not CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
		       "STOPSIGNAL, USER, VOLUME or WORKDIR", instruction);
}
