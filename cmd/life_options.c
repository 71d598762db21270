#include "cmd/life_options.h"

#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

#define SECOND 1000000000LL
#define OPTION(member) FIELD(life_options, member)

const struct opt life_opts[] = {
	{ 0, "restart", "POLICY", "no, always, unless-stopped, on-failure[:MAX]", set_string,
	  OPTION(restart) },
	{ 0, "timeout", "SECONDS", "kill it when it has run for so long", set_seconds,
	  OPTION(timeout) },
	{ 0, "health-cmd", "COMMAND", "what tells whether it is well; none: nothing does",
	  set_string,
	  OPTION(health_cmd) },
	{ 0, "health-interval", "TIME", "between one check and the next (30s); disable", set_string,
	  OPTION(health_interval) },
	{ 0, "health-timeout", "TIME", "how long one may take (30s)", set_duration,
	  OPTION(health_timeout) },
	{ 0, "health-retries", "N", "so many failures in a row make it unhealthy (3)", set_number,
	  OPTION(health_retries) },
	{ 0, "health-start-period", "TIME", "failures do not count at first, for so long (0s)",
	  set_duration, OPTION(health_start_period) },
	{ 0, "health-on-failure", "ACTION", "when unhealthy: none, kill, restart, stop", set_string,
	  OPTION(health_on_failure) },
	{ 0, "no-healthcheck", NULL, "not even the image's", set_flag, OPTION(no_healthcheck) },
	{ 0 },
};

void life_options_init(struct life_options *o)
{
	*o = (struct life_options){ .health_timeout = -1,
				    .health_start_period = -1,
				    .health_retries = -1 };
}

void life_options_done(struct life_options *o)
{
	free(o->restart);
	free(o->health_cmd);
	free(o->health_interval);
	free(o->health_on_failure);
}

static void shell(const char *line, struct strv *ret)
{
	strv_add(ret, "/bin/sh");
	strv_add(ret, "-c");
	strv_add(ret, line);
}

/* Docker's forms of a test: "NONE"; "CMD", program, arguments; "CMD-SHELL", line; or nothing. */
static int read_test(const struct strv *said, struct strv *ret, struct err *err)
{
	if (!said->n || streq(said->v[0], "NONE"))
		return 0;
	if (streq(said->v[0], "CMD-SHELL") && said->n == 2) {
		shell(said->v[1], ret);
		return 0;
	}
	if (!streq(said->v[0], "CMD") || said->n < 2)
		return err_set(err, ERR_USAGE,
			       "the health check's test is neither CMD nor CMD-SHELL: '%s'",
			       said->v[0]);
	for (size_t i = 1; i < said->n; i++)
		strv_add(ret, said->v[i]);
	return 0;
}

/*
 * --health-cmd: a line for the shell; or, as podman has it, an array of words in JSON, or "none".
 */
static int parse_test(const char *text, struct strv *ret, struct err *err)
{
	CLEAN(clean_free) char *wrapped = xasprintf("{\"test\":%s}", text);
	CLEAN(strv_done) struct strv words = { 0 };
	CLEAN(clean_json) json_t *j = NULL;

	if (streq(text, "none"))
		return 0;
	if (!*text)
		return err_set(err, ERR_USAGE, "--health-cmd wants a command");
	if (*text != '[' || js_parse(wrapped, strlen(wrapped), &j, NULL) < 0) {
		shell(text, ret);
		return 0;
	}
	js_strv(j, "test", &words);
	if (!words.n)
		return err_set(err, ERR_USAGE, "--health-cmd %s: no command in it", text);
	if (streq(words.v[0], "CMD") || streq(words.v[0], "CMD-SHELL") || streq(words.v[0], "NONE"))
		return read_test(&words, ret, err);
	*ret = words;
	words = (struct strv){ 0 };
	return 0;
}

static int apply_health(const struct life_options *o, const struct image_health *image,
			struct health_check *h, struct err *err)
{
	bool disabled = o->health_interval && streq(o->health_interval, "disable");
	long long interval = image->interval;

	if (o->no_healthcheck || disabled)
		return o->health_cmd && o->no_healthcheck ?
			       err_set(err, ERR_USAGE,
				       "--no-healthcheck conflicts with --health-* options") :
			       0;
	if (o->health_interval && parse_duration(o->health_interval, &interval, err) < 0)
		return err_wrap(err, "--health-interval");
	if ((o->health_cmd ? parse_test(o->health_cmd, &h->test, err) :
			     read_test(&image->test, &h->test, err)) < 0)
		return -1;
	h->interval = interval > 0 ? interval : 30 * SECOND;
	h->timeout = o->health_timeout >= 0 ? o->health_timeout : image->timeout;
	h->timeout = h->timeout > 0 ? h->timeout : 30 * SECOND;
	h->start_period =
		o->health_start_period >= 0 ? o->health_start_period : image->start_period;
	h->retries = o->health_retries > 0 ? o->health_retries :
		     image->retries > 0 && image->retries <= INT_MAX ? (int)image->retries : 3;
	if (o->health_on_failure && health_action_parse(o->health_on_failure, &h->action, err) < 0)
		return err_wrap(err, "--health-on-failure");
	if (h->action != HEALTH_NONE && !h->test.n)
		return err_set(err, ERR_USAGE,
			       "cannot set on-failure action to %s without a health check",
			       o->health_on_failure);
	return 0;
}

int life_options_apply(const struct life_options *o, const struct image_health *image,
		       struct container_spec *spec, struct err *err)
{
	if (o->timeout < 0)
		return err_set(err, ERR_USAGE, "--timeout: it takes a number of seconds from 0 on");
	spec->run_timeout = o->timeout;
	if (o->restart && restart_policy_parse(o->restart, &spec->restart, err) < 0)
		return -1;
	if (apply_health(o, image, &spec->health, err) < 0)
		return -1;
	if (spec->auto_remove &&
	    (spec->restart.kind != RESTART_NO || spec->health.action == HEALTH_RESTART))
		return err_set(err, ERR_USAGE,
			       "conflicting options: cannot specify both --restart and --rm");
	return 0;
}
