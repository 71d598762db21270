#include "storage/usage.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* What vanishes while we look is not there. */
static bool is_trouble(const FTSENT *e)
{
	return (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS) &&
	       e->fts_errno != ENOENT;
}

int tree_usage(const char *path, int64_t *ret, struct err *err)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL);
	int64_t sum = 0;
	int sys = 0;
	FTSENT *e;

	if (!fts)
		return err_sys(err, "cannot read '%s'", path);
	while (!sys && (e = fts_read(fts))) {
		if (is_trouble(e))
			sys = e->fts_errno;
		else if (e->fts_info == FTS_F || e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE)
			/* Of several names each counts for its part. */
			sum += e->fts_statp->st_size / (int64_t)(e->fts_statp->st_nlink ?: 1);
	}
	if (!sys)
		sys = errno;
	fts_close(fts);
	if (sys) {
		errno = sys;
		return err_sys(err, "cannot read all of '%s'", path);
	}
	*ret = sum;
	return 0;
}
