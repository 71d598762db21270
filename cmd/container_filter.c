#include "cmd/container_filter.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_row.h"
#include "cmd/network_option.h"
#include "cmd/when.h"
#include "image/reference.h"
#include "storage/image.h"

typedef struct container_filter_row row;

struct filter_key {
	const char *name;
	/* Makes of the value what matches needs; NULL: the text will do. */
	int (*prepare)(const struct tiffin *t, row *r, struct err *err);
	bool (*matches)(const row *r, const struct container *c);
	bool all; /* of several values, all have to fit */
};

void container_filter_done(struct container_filter *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->rows[i].value);
		free(f->rows[i].image_id);
		strv_done(&f->rows[i].layers);
		if (f->rows[i].has_name)
			regfree(&f->rows[i].name);
	}
	free(f->rows);
	*f = (struct container_filter){ 0 };
}

/* --- what the values mean --- */

static int prepare_regex(const struct tiffin *t, row *r, struct err *err)
{
	char why[128];
	int code = regcomp(&r->name, r->value, REG_EXTENDED | REG_NOSUB);

	(void)t;
	if (code == 0) {
		r->has_name = true;
		return 0;
	}
	regerror(code, &r->name, why, sizeof(why));
	return err_set(err, ERR_USAGE, "'%s' is not a regular expression: %s", r->value, why);
}

static int prepare_container(const struct tiffin *t, row *r, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };

	if (container_find(&t->store, r->value, &c, err) < 0)
		return -1;
	r->time = c.created;
	return 0;
}

static int prepare_time(const struct tiffin *t, row *r, struct err *err)
{
	(void)t;
	return parse_when(r->value, &r->time, err);
}

/* One that is not in the store may still be a container's: its name alone is looked at then. */
static int prepare_image(const struct tiffin *t, row *r, struct err *err)
{
	CLEAN(image_record_done) struct image_record image = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	CLEAN(clean_fd) int lock = -1;
	const char *id = starts_with(r->value, "sha256:") ? r->value + strlen("sha256:") : r->value;

	if (reference_parse(r->value, &ref, NULL) == 0)
		canonical = reference_canonical(&ref);
	if (image_lock(&t->store, false, &lock, err) < 0)
		return -1;
	if (image_find(&t->store, canonical, id, &image, NULL) == 0) {
		r->image_id = xstrdup(image.id);
		r->layers = image.layers;
		image.layers = (struct strv){ 0 };
	}
	if (canonical) {
		free(r->value);
		r->value = ptr_take(&canonical);
	}
	return 0;
}

static int check_word(const char *value, const char *const *words, const char *what,
		      struct err *err)
{
	for (; *words; words++)
		if (streq(value, *words))
			return 0;
	return err_set(err, ERR_USAGE, "'%s' is not a valid %s", value, what);
}

static int prepare_status(const struct tiffin *t, row *r, struct err *err)
{
	static const char *const words[] = { "created", "running", "paused", "restarting", "exited",
					     "removing", "dead", "stopped", "initialized",
					     "configured", "stopping", "unknown", NULL };

	(void)t;
	return check_word(r->value, words, "status", err);
}

static int prepare_health(const struct tiffin *t, row *r, struct err *err)
{
	static const char *const words[] = { "starting", "healthy", "unhealthy", "none", NULL };

	(void)t;
	return check_word(r->value, words, "health", err);
}

static int prepare_policy(const struct tiffin *t, row *r, struct err *err)
{
	static const char *const words[] = { "no", "always", "on-failure", "unless-stopped", NULL };

	(void)t;
	return check_word(r->value, words, "restart policy", err);
}

static int prepare_truth(const struct tiffin *t, row *r, struct err *err)
{
	bool truth;

	(void)t;
	if (set_flag(&truth, r->value, err) < 0)
		return -1;
	r->time = truth;
	return 0;
}

static int prepare_number(const struct tiffin *t, row *r, struct err *err)
{
	size_t len = strlen(r->value);

	(void)t;
	if (len && len < 10 && strspn(r->value, "0123456789") == len) {
		r->time = strtol(r->value, NULL, 10);
		return 0;
	}
	return err_set(err, ERR_USAGE, "'%s' is not an exit status", r->value);
}

/* --- what they fit --- */

static bool id_matches(const row *r, const struct container *c)
{
	return starts_with(c->id, r->value);
}

static bool name_matches(const row *r, const struct container *c)
{
	return regexec(&r->name, c->name, 0, NULL, 0) == 0;
}

static bool label_matches(const row *r, const struct container *c)
{
	CLEAN(strv_done) struct strv labels = { 0 };
	size_t len = strlen(r->value);

	js_strv(c->config, "labels", &labels);
	for (size_t i = 0; i < labels.n; i++)
		if (streq(labels.v[i], r->value) ||
		    (!strchr(r->value, '=') && strncmp(labels.v[i], r->value, len) == 0 &&
		     labels.v[i][len] == '='))
			return true;
	return false;
}

static bool label_differs(const row *r, const struct container *c)
{
	return !label_matches(r, c);
}

/* "stopped" is podman's for what has ended, "configured" for what was never started. */
static bool status_matches(const row *r, const struct container *c)
{
	const char *word = container_status_word(c);

	return streq(word, r->value) || (streq(r->value, "stopped") && streq(word, "exited")) ||
	       (streq(r->value, "configured") && streq(word, "created"));
}

static bool exited_matches(const row *r, const struct container *c)
{
	return c->status == CONTAINER_EXITED && c->state.exit_code == r->time;
}

/* Its layers are the lowest ones of the container's. */
static bool is_descendant(const row *r, const struct container *c)
{
	CLEAN(strv_done) struct strv layers = { 0 };

	js_strv(c->config, "layers", &layers);
	if (!r->layers.n || r->layers.n > layers.n)
		return false;
	for (size_t i = 0; i < r->layers.n; i++)
		if (!streq(r->layers.v[i], layers.v[i]))
			return false;
	return true;
}

static bool ancestor_matches(const row *r, const struct container *c)
{
	return streq(c->image, r->value) ||
	       (r->image_id && (streq(c->image_id, r->image_id) || is_descendant(r, c)));
}

static bool before_matches(const row *r, const struct container *c)
{
	return c->created < r->time;
}

static bool since_matches(const row *r, const struct container *c)
{
	return c->created > r->time;
}

static bool volume_matches(const row *r, const struct container *c)
{
	json_t *mount;
	size_t i;

	json_array_foreach(js_arr(js_obj(c->config, "spec"), "mounts"), i, mount) {
		const char *names[] = { js_str(mount, "name"), js_str(mount, "source"),
					js_str(mount, "target") };

		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (names[k] && *names[k] && streq(names[k], r->value))
				return true;
	}
	return false;
}

static bool network_matches(const row *r, const struct container *c)
{
	return streq(network_option_name(js_obj(c->config, "spec")), r->value);
}

static bool health_matches(const row *r, const struct container *c)
{
	return streq(container_health_word(c), r->value);
}

static bool policy_matches(const row *r, const struct container *c)
{
	const char *policy = js_str(js_obj(c->config, "spec"), "restart") ?: "no";
	size_t len = strlen(r->value);

	return strncmp(policy, r->value, len) == 0 && (!policy[len] || policy[len] == ':');
}

/* Docker starts those when it is started: what was stopped by a user stays so, "always" apart. */
static bool boot_matches(const row *r, const struct container *c)
{
	const char *policy = js_str(js_obj(c->config, "spec"), "restart") ?: "no";
	bool should = c->state.started && (streq(policy, "always") ||
					   (streq(policy, "unless-stopped") && !c->state.stopped));

	return should == (r->time != 0);
}

static const struct filter_key keys[] = {
	{ "ancestor", prepare_image, ancestor_matches },
	{ "before", prepare_container, before_matches },
	{ "exited", prepare_number, exited_matches },
	{ "health", prepare_health, health_matches },
	{ "id", NULL, id_matches },
	{ "label", NULL, label_matches, true },
	{ "label!", NULL, label_differs, true },
	{ "name", prepare_regex, name_matches },
	{ "network", NULL, network_matches },
	{ "restart-policy", prepare_policy, policy_matches },
	{ "should-start-on-boot", prepare_truth, boot_matches },
	{ "since", prepare_container, since_matches },
	{ "status", prepare_status, status_matches },
	{ "until", prepare_time, before_matches, true },
	{ "volume", NULL, volume_matches },
};

static int add(const struct tiffin *t, const char *filter, struct container_filter *f,
	       struct err *err)
{
	size_t len = strcspn(filter, "=");
	row *r;

	/* "label!=x": the exclamation mark is the key's. */
	for (size_t i = 0; filter[len] && i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].name) != len || strncmp(keys[i].name, filter, len) != 0)
			continue;
		f->rows = xrealloc(f->rows, (f->n + 1) * sizeof(*f->rows));
		r = &f->rows[f->n++];
		*r = (row){ .key = &keys[i], .value = xstrdup(filter + len + 1) };
		f->has_status |= streq(keys[i].name, "status") || streq(keys[i].name, "exited");
		return keys[i].prepare ? keys[i].prepare(t, r, err) : 0;
	}
	return err_set(err, ERR_USAGE,
		       "'%s': invalid filter; there are " CONTAINER_FILTER_KEYS, filter);
}

int container_filter_parse(const struct tiffin *t, const struct strv *filters,
			   struct container_filter *ret, struct err *err)
{
	CLEAN(container_filter_done) struct container_filter f = { 0 };

	for (size_t i = 0; i < filters->n; i++)
		if (add(t, filters->v[i], &f, err) < 0)
			return err_wrap(err, "--filter");
	*ret = f;
	f = (struct container_filter){ 0 };
	return 0;
}

bool container_filter_passes(const struct container_filter *f, const struct container *c)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct filter_key *key = f->rows[i].key;
		bool fits = key->all;

		for (size_t k = 0; k < f->n; k++) {
			if (f->rows[k].key != key)
				continue;
			if (key->matches(&f->rows[k], c) != key->all) {
				fits = !key->all;
				break;
			}
		}
		if (!fits)
			return false;
	}
	return true;
}
