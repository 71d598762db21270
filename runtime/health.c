#include "runtime/health.h"

#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

static const char *const statuses[] = {
	[HEALTH_STARTING] = "starting",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_UNHEALTHY] = "unhealthy",
};

static const char *const actions[] = {
	[HEALTH_NONE] = "none",
	[HEALTH_KILL] = "kill",
	[HEALTH_RESTART] = "restart",
	[HEALTH_STOP] = "stop",
};

void health_check_done(struct health_check *h)
{
	strv_done(&h->test);
	*h = (struct health_check){ 0 };
}

int health_action_parse(const char *text, enum health_action *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (streq(text, actions[i])) {
			*ret = (enum health_action)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		       "invalid on-failure action '%s': use none, kill, restart or stop", text);
}

const char *health_action_name(enum health_action action)
{
	return actions[action];
}

const char *health_status_name(enum health_status status)
{
	return statuses[status];
}

json_t *health_check_to_json(const struct health_check *h)
{
	json_t *j = json_object();

	js_set_strv(j, "test", &h->test);
	js_set_int(j, "interval", h->interval);
	js_set_int(j, "timeout", h->timeout);
	js_set_int(j, "start_period", h->start_period);
	js_set_int(j, "retries", h->retries);
	js_set_str(j, "action", actions[h->action]);
	return j;
}

void health_check_from_json(const json_t *j, struct health_check *ret)
{
	*ret = (struct health_check){
		.interval = js_int(j, "interval"),
		.timeout = js_int(j, "timeout"),
		.start_period = js_int(j, "start_period"),
		.retries = (int)js_int(j, "retries"),
	};
	js_strv(j, "test", &ret->test);
	health_action_parse(js_str(j, "action") ?: "none", &ret->action, NULL);
}

static json_t *result_to_json(const struct health_result *r)
{
	CLEAN(clean_free) char *text = xstrndup(r->output, r->len);
	json_t *j = json_object();

	js_set_int(j, "Start", r->start);
	js_set_int(j, "End", r->end);
	js_set_int(j, "ExitCode", r->exit_code);
	/* Not all that a program writes is UTF-8, which JSON has to be. */
	if (json_object_set_new(j, "Output", json_string(text)) < 0)
		js_set_str_take(j, "Output", str_printable(text));
	return j;
}

json_t *health_to_json(const struct health *h)
{
	json_t *j = json_object(), *log = json_array();

	js_set_str(j, "Status", statuses[h->status]);
	js_set_int(j, "FailingStreak", h->failing_streak);
	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(log, result_to_json(&h->log[i]));
	json_object_set_new(j, "Log", log);
	return j;
}

bool health_judge(struct health *h, const struct health_check *check,
		  const struct health_result *result, bool starting)
{
	enum health_status before = h->status;

	if (h->n == HEALTH_LOG_MAX)
		memmove(&h->log[0], &h->log[1], --h->n * sizeof(h->log[0]));
	h->log[h->n++] = *result;
	if (result->exit_code == 0) {
		h->failing_streak = 0;
		h->status = HEALTH_HEALTHY;
	} else if (!starting || h->status != HEALTH_STARTING) {
		h->failing_streak++;
		if (h->failing_streak >= check->retries)
			h->status = HEALTH_UNHEALTHY;
	}
	return h->status != before;
}
