/* runtime: restart policies and their back-off, and what health checks conclude. */
#include "tests/unit/test.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "runtime/health.h"
#include "runtime/restart.h"

#define MS 1000000LL

static struct restart_policy policy(const char *text)
{
	struct restart_policy p = { 0 };

	CHECK(restart_policy_parse(text, &p, NULL) == 0);
	return p;
}

TEST(a_policy_is_one_of_four_words_and_on_failure_may_have_a_limit)
{
	static const char *const bad[] = { "",		  "Always",	   "on-failure:",   "on-failure:x",
					   "on-failure:-1", "always:1",	   "no:0",	    "on-failure:1:2",
					   "on-failur",	  "on-failure:99999999999" };
	struct restart_policy p = { .kind = RESTART_ALWAYS };
	struct err err = { 0 };

	CHECK(policy("no").kind == RESTART_NO);
	CHECK(policy("always").kind == RESTART_ALWAYS);
	CHECK(policy("unless-stopped").kind == RESTART_UNLESS_STOPPED);
	CHECK(policy("on-failure").kind == RESTART_ON_FAILURE && policy("on-failure").max == 0);
	CHECK(policy("on-failure:7").max == 7);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(restart_policy_parse(bad[i], &p, &err) < 0 && err.kind == ERR_USAGE &&
		      p.kind == RESTART_ALWAYS);
}

TEST(the_delay_doubles_up_to_a_minute_and_begins_anew_after_a_good_run)
{
	const struct restart_policy always = policy("always");
	struct restarts r = { 0 };
	int64_t last = 0;

	CHECK(restart_delay(&always, &r, 1, 0) == 100 * MS);
	CHECK(restart_delay(&always, &r, 1, 0) == 200 * MS);
	CHECK(restart_delay(&always, &r, 0, 9999 * MS) == 400 * MS);
	for (int i = 0; i < 100; i++)
		last = restart_delay(&always, &r, 1, 0);
	CHECK(last == 60000 * MS);
	CHECK(restart_delay(&always, &r, 1, 10000 * MS) == 100 * MS);
	CHECK(r.count == 104);
}

TEST(on_failure_counts_and_leaves_success_alone)
{
	const struct restart_policy p = policy("on-failure:2"), endless = policy("on-failure"),
				    no = policy("no");
	struct restarts r = { 0 }, other = { 0 };

	CHECK(restart_delay(&no, &other, 1, 0) == -1);
	CHECK(restart_delay(&p, &r, 0, 0) == -1);
	CHECK(restart_delay(&p, &r, 137, 0) > 0 && restart_delay(&p, &r, 137, 0) > 0);
	CHECK(restart_delay(&p, &r, 137, 0) == -1);
	for (int i = 0; i < 1000; i++)
		CHECK(restart_delay(&endless, &other, 1, 0) > 0);
}

static bool judge(struct health *h, const struct health_check *check, int exit_code, bool starting)
{
	const struct health_result r = { .exit_code = exit_code };

	return health_judge(h, check, &r, starting);
}

TEST(health_needs_so_many_failures_in_a_row)
{
	const struct health_check check = { .retries = 3 };
	struct health h = { 0 };

	CHECK(!judge(&h, &check, 1, false) && !judge(&h, &check, 1, false));
	CHECK(judge(&h, &check, 0, false) && h.status == HEALTH_HEALTHY && h.failing_streak == 0);
	CHECK(!judge(&h, &check, -1, false) && !judge(&h, &check, 1, false));
	CHECK(judge(&h, &check, 2, false) && h.status == HEALTH_UNHEALTHY && h.failing_streak == 3);
	CHECK(!judge(&h, &check, 2, false));
	CHECK(judge(&h, &check, 0, false) && h.status == HEALTH_HEALTHY);
	CHECK(h.n == HEALTH_LOG_MAX && h.log[HEALTH_LOG_MAX - 1].exit_code == 0);
}

TEST(failures_while_it_starts_do_not_count_until_something_succeeded)
{
	const struct health_check check = { .retries = 1 };
	struct health h = { 0 };

	for (int i = 0; i < 10; i++)
		CHECK(!judge(&h, &check, 1, true) && h.status == HEALTH_STARTING && !h.failing_streak);
	CHECK(judge(&h, &check, 0, true) && h.status == HEALTH_HEALTHY);
	CHECK(judge(&h, &check, 1, true) && h.status == HEALTH_UNHEALTHY);
}

TEST(health_is_told_in_dockers_shape_whatever_a_test_wrote)
{
	struct health h = { .n = 1, .log[0] = { .exit_code = 1, .len = 4, .output = "\xff\n" } };
	CLEAN(clean_json) json_t *j = health_to_json(&h);
	const json_t *result = json_array_get(json_object_get(j, "Log"), 0);

	CHECK(strcmp(json_string_value(json_object_get(j, "Status")), "starting") == 0);
	CHECK_STR(json_string_value(json_object_get(result, "Output")), "\\xff\\x0a");
}

int main(void)
{
	RUN(a_policy_is_one_of_four_words_and_on_failure_may_have_a_limit);
	RUN(the_delay_doubles_up_to_a_minute_and_begins_anew_after_a_good_run);
	RUN(on_failure_counts_and_leaves_success_alone);
	RUN(health_needs_so_many_failures_in_a_row);
	RUN(failures_while_it_starts_do_not_count_until_something_succeeded);
	RUN(health_is_told_in_dockers_shape_whatever_a_test_wrote);
	return test_summary();
}
