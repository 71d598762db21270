#include "image/plan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "image/crew.h"
#include "storage/image.h"
#include "storage/layer.h"

#define PARALLEL     4 /* layers at a time */
#define LOCK_POLL_MS 50

void plan_init(struct plan *p, const struct store *s, struct progress *progress,
	       const struct cancel *cancel)
{
	*p = (struct plan){ .store = s, .progress = progress, .cancel = cancel };
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->jobs[i].ended)
			progress_end(p->jobs[i].fetch.progress, NULL);
		clean_fd(&p->jobs[i].lock);
	}
	free(p->jobs);
}

static bool is_planned(const struct plan *p, const char *diff_id)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->jobs[i].fetch.diff_id, diff_id))
			return true;
	return false;
}

void plan_add(struct plan *p, const struct registry *r, const struct descriptor *blob,
	      const char *diff_id)
{
	if (layer_exists(p->store, diff_id) || is_planned(p, diff_id))
		return;
	p->jobs = xrealloc(p->jobs, (p->n + 1) * sizeof(*p->jobs));
	p->jobs[p->n++] = (struct job){
		.fetch = { p->store, r, blob, diff_id,
			   progress_add(p->progress, "Copying blob", blob->digest, blob->size) },
		.lock = -1,
	};
}

static int by_diff_id(const void *a, const void *b)
{
	return strcmp(((const struct job *)a)->fetch.diff_id,
		      ((const struct job *)b)->fetch.diff_id);
}

static int largest_first(const void *a, const void *b)
{
	int64_t x = ((const struct job *)a)->fetch.blob->size;
	int64_t y = ((const struct job *)b)->fetch.blob->size;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Waits with an ear for Ctrl-C, which a blocking lock does not have. */
static int lock_layer(const struct plan *p, struct job *job, struct err *err)
{
	const char *diff_id = job->fetch.diff_id;
	struct err why = { 0 };
	bool told = false;

	while (layer_lock(p->store, diff_id, false, &job->lock, &why) < 0) {
		if (why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		if (!told)
			progress_line(p->progress, "Waiting for another pull of layer %.12s",
				      digest_hex(diff_id));
		told = true;
		if (cancel_sleep(p->cancel, LOCK_POLL_MS))
			return cancel_err(err);
	}
	job->needed = !layer_exists(p->store, diff_id);
	return 0;
}

int plan_lock(struct plan *p, struct err *err)
{
	if (p->n)
		qsort(p->jobs, p->n, sizeof(*p->jobs), by_diff_id);
	for (size_t i = 0; i < p->n; i++)
		if (lock_layer(p, &p->jobs[i], err) < 0)
			return -1;
	return 0;
}

static int run_job(void *arg, size_t at, struct http *h, struct err *err)
{
	struct plan *p = arg;
	struct job *job = &p->jobs[at];
	struct layer_info info;

	if (job->needed && fetch_layer(&job->fetch, h, &info, err) < 0)
		return -1;
	job->committed = job->needed;
	job->ended = true;
	progress_end(job->fetch.progress, job->needed ? "done" : "skipped: already there");
	return 0;
}

int plan_fetch(struct plan *p, struct err *err)
{
	struct crew crew = { .cancel = p->cancel, .most = PARALLEL, .work = run_job, .arg = p };
	int result;

	if (p->n) {
		qsort(p->jobs, p->n, sizeof(*p->jobs), largest_first);
		crew.registry = p->jobs[0].fetch.registry;
	}
	result = crew_run(&crew, p->n, err);
	cancel_reset(p->cancel);
	if (result < 0)
		return -1;
	/* Before the image appears: what was asked to stop must not. */
	return cancel_from_outside(p->cancel) ? cancel_err(err) : 0;
}

static bool is_used(const struct image_record *list, size_t n, const char *diff_id)
{
	for (size_t i = 0; i < n; i++)
		if (strv_has(&list[i].layers, diff_id))
			return true;
	return false;
}

/*
 * The image will never be: its layers go, but for those that another image has taken up meanwhile.
 * Nobody can do so while we hold the lock on images.
 */
void plan_drop(struct plan *p)
{
	const struct store *s = p->store;
	struct image_record *list = NULL;
	CLEAN(clean_fd) int lock = -1;
	size_t n = 0;

	if (image_lock(s, true, &lock, NULL) < 0 || image_list(s, &list, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct job *job = &p->jobs[i];

		if (!job->committed || is_used(list, n, job->fetch.diff_id))
			continue;
		close(fd_take(&job->lock));
		layer_remove(s, job->fetch.diff_id, NULL);
	}
	image_list_done(list, n);
	store_sweep(s, NULL, NULL);
}
