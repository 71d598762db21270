/*
 * Health checks: a command that is run in the container now and then, and what is concluded from
 * it.
 *
 * As docker has them (the Dockerfile reference, HEALTHCHECK): 0 is healthy, everything else is a
 * failure, and so is one that takes too long; so many failures in a row make the container
 * unhealthy. In its first time, as long as nothing has succeeded yet, failures do not count.
 *
 * Monitor only, but for the configuration and the record.
 */
#ifndef RUNTIME_HEALTH_H
#define RUNTIME_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct container_spec;
struct id_map;
struct launched;

enum health_action { HEALTH_NONE, HEALTH_KILL, HEALTH_RESTART, HEALTH_STOP };

/* What is asked, and how often. It owns test. */
struct health_check {
	struct strv test; /* what is executed; none: nothing is checked */
	int64_t interval, timeout, start_period; /* nanoseconds */
	int retries;
	enum health_action action; /* once it is unhealthy */
};

#define HEALTH_OUTPUT_MAX 4096
#define HEALTH_LOG_MAX	  5

struct health_result {
	int64_t start, end; /* nanoseconds since the epoch */
	int exit_code;	    /* -1: it took too long, or could not be started: output says which */
	size_t len;
	char output[HEALTH_OUTPUT_MAX];
};

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* Zero-initialise. What is known of a run. */
struct health {
	enum health_status status;
	int failing_streak;
	struct health_result log[HEALTH_LOG_MAX]; /* the oldest first */
	size_t n;
};

void health_check_done(struct health_check *h);
json_t *health_check_to_json(const struct health_check *h);
void health_check_from_json(const json_t *j, struct health_check *ret);
/* "none", "kill", "restart", "stop". */
int health_action_parse(const char *text, enum health_action *ret, struct err *err);
const char *health_action_name(enum health_action action);

/* "starting", "healthy", "unhealthy". */
const char *health_status_name(enum health_status status);
/* Docker's State.Health: Status, FailingStreak, Log. The caller decrefs. */
json_t *health_to_json(const struct health *h);

/* Takes a result into account. starting: the start period is not over. True: the status changed. */
bool health_judge(struct health *h, const struct health_check *check,
		  const struct health_result *result, bool starting);

/*
 * What goes on during a run (runtime/health_probe.c): a probe every interval, in a process of its
 * own, which ends with us.
 */
struct health_watch {
	const struct container_spec *spec;
	const struct id_map *ids;
	struct health *health; /* NULL: nothing is checked, or no run is on */
	int64_t began, next; /* on the monotonic clock; next: of the next probe, INT64_MAX: none */
	int fd;		     /* where a result will be readable, or -1 */
	pid_t pid;
};

enum health_news {
	HEALTH_NO_NEWS,
	HEALTH_RESULT,	/* there is a result, and the status is as it was */
	HEALTH_CHANGED, /* the status changed */
};

/* A run begins. */
void health_watch_start(struct health_watch *w, const struct container_spec *spec,
			const struct id_map *ids);
/* To be called when fd is readable, or next has come. */
enum health_news health_watch_tick(struct health_watch *w, const struct launched *run);
/* The run has ended. */
void health_watch_stop(struct health_watch *w);

#endif
