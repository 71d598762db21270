#include "cmd/network_option.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "net/pasta.h"

static int check_slirp(const struct strv *options, struct err *err)
{
	struct network_config c;

	network_config_init(&c);
	for (size_t i = 0; i < options->n; i++)
		if (network_config_set(&c, options->v[i], err) < 0)
			return -1;
	return 0;
}

static int check_nothing(const struct strv *options, struct err *err)
{
	return options->n ? err_set(err, ERR_USAGE, "'%s': it takes no options", options->v[0]) : 0;
}

static const struct mode {
	const char *name;
	int (*check)(const struct strv *options, struct err *err);
	enum network_mode mode;
	bool fast;
} modes[] = {
	{ "fast", check_slirp, NETWORK_PRIVATE, true }, /* the default */
	{ "private", check_slirp, NETWORK_PRIVATE, true },
	{ "slirp", check_slirp, NETWORK_PRIVATE, false },
	{ "slirp4netns", check_slirp, NETWORK_PRIVATE, false },
	{ "pasta", pasta_check, NETWORK_PASTA, false },
	{ "none", check_nothing, NETWORK_NONE, false },
	{ "host", check_nothing, NETWORK_HOST, false },
};

/* Words for which others have a network that this has not. */
static int refuse(const char *text, struct err *err)
{
	if (streq(text, "bridge") || streq(text, "default") || starts_with(text, "bridge:"))
		return err_set(err, ERR_UNSUPPORTED, "--network %s: this version has no networks between "
						     "containers: fast, slirp, pasta, none, host or container:NAME",
			       text);
	if (starts_with(text, "ns:"))
		return err_set(err, ERR_UNSUPPORTED, "--network %s: this version joins networks of "
						     "containers only: container:NAME", text);
	return err_set(err, ERR_UNSUPPORTED,
		       "--network %s: this version knows fast, slirp, pasta, none, host and container:NAME", text);
}

static void split(const char *text, struct strv *ret)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *rest;

	for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		strv_add(ret, word);
}

int network_option_parse(const char *text, enum network_mode *ret, bool *ret_fast, char **ret_container,
			 struct strv *ret_options, struct err *err)
{
	CLEAN(strv_done) struct strv options = { 0 };
	size_t len = text ? strcspn(text, ":") : 0;

	if (text && starts_with(text, "container:") && text[len + 1]) {
		*ret_container = xstrdup(text + len + 1);
		*ret = NETWORK_JOINED;
		*ret_fast = false;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct mode *m = &modes[i];

		if (text && (strlen(m->name) != len || !starts_with(text, m->name)))
			continue;
		if (text && text[len])
			split(text + len + 1, &options);
		if (m->check(&options, err) < 0)
			return err_wrap(err, "--network %s", text);
		*ret = m->mode;
		*ret_fast = m->fast;
		*ret_container = NULL;
		*ret_options = options;
		options = (struct strv){ 0 };
		return 0;
	}
	return refuse(text, err);
}

const char *network_option_name(const json_t *spec)
{
	return js_bool(spec, "network_fast") ? "fast" : js_str(spec, "network") ?: "slirp";
}

int network_option_config(const struct container_spec *spec, struct network_config *ret,
			  struct err *err)
{
	network_config_init(ret);
	if (spec->network != NETWORK_PRIVATE)
		return 0;
	for (size_t i = 0; i < spec->network_options.n; i++)
		if (network_config_set(ret, spec->network_options.v[i], err) < 0)
			return err_wrap(err, "--network slirp");
	return 0;
}
