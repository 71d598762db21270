#include "image/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/cleanup.h"

struct shift {
	const struct crew *crew;
	size_t n;
	atomic_size_t next;    /* for the threads to take */
	pthread_mutex_t mutex; /* guards the two below */
	bool failed;
	struct err err;
};

static void fail(struct shift *s, const struct err *err)
{
	pthread_mutex_lock(&s->mutex);
	if (!s->failed)
		s->err = *err;
	s->failed = true;
	pthread_mutex_unlock(&s->mutex);
	cancel_now(s->crew->cancel);
}

static void *worker(void *arg)
{
	struct shift *s = arg;
	const struct crew *crew = s->crew;
	CLEAN(clean_http) struct http *h = registry_connect(crew->registry);
	struct err err = { 0 };
	size_t job;

	while ((job = atomic_fetch_add(&s->next, 1)) < s->n) {
		if (crew->work(crew->arg, job, h, &err) == 0)
			continue;
		fail(s, &err);
		break;
	}
	return NULL;
}

int crew_run(const struct crew *crew, size_t n, struct err *err)
{
	struct shift s = { .crew = crew, .n = n, .mutex = PTHREAD_MUTEX_INITIALIZER };
	const size_t most = crew->most < CREW_MOST ? crew->most : CREW_MOST;
	const size_t want = n < most ? n : most;
	pthread_t threads[CREW_MOST];
	size_t started = 0;

	while (started < want && pthread_create(&threads[started], NULL, worker, &s) == 0)
		started++;
	if (want && !started)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (s.failed)
		*err = s.err;
	return s.failed ? -1 : 0;
}
