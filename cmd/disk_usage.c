#include <sys/mman.h>

#include "base/cleanup.h"
#include "cmd/system.h"
#include "runtime/userns.h"
#include "storage/usage.h"

struct task {
	const struct strv *paths;
	int64_t *sizes; /* shared with the child that measures */
};

static int measure(void *arg)
{
	const struct task *task = arg;

	for (size_t i = 0; i < task->paths->n; i++)
		if (tree_blocks(task->paths->v[i], &task->sizes[i], NULL) < 0)
			return 1;
	return 0;
}

/* In a child in any case: who measures changes the working directory. */
int disk_usage(const struct tiffin *t, const struct strv *paths, int64_t *ret, struct err *err)
{
	const size_t size = (paths->n + 1) * sizeof(int64_t);
	struct task task = { .paths = paths };
	int code, result;

	task.sizes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (task.sizes == MAP_FAILED)
		return err_sys(err, "cannot share memory");
	result = userns_call(&t->ids, measure, &task, &code, err);
	if (result == 0 && code != 0)
		result = err_set(err, ERR_SYSTEM, "cannot read all of the store");
	for (size_t i = 0; result == 0 && i < paths->n; i++)
		ret[i] = task.sizes[i];
	munmap(task.sizes, size);
	return result;
}
