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

/* What ls -l shows. */
static int64_t length_of(const FTSENT *e)
{
	return e->fts_info == FTS_F || e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE ?
		       e->fts_statp->st_size :
		       0;
}

/* Directories come twice. */
static int64_t blocks_of(const FTSENT *e)
{
	return e->fts_info == FTS_DP || e->fts_info == FTS_DC ?
		       0 :
		       (int64_t)e->fts_statp->st_blocks * 512;
}

static int sum_up(const char *path, int64_t (*count)(const FTSENT *e), int64_t *ret,
		  struct err *err)
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
		else if (e->fts_info == FTS_D || e->fts_info == FTS_DP)
			sum += count(e);
		else if (e->fts_info != FTS_NS && e->fts_info != FTS_ERR && e->fts_info != FTS_DNR)
			/* Of several names each counts for its part. */
			sum += count(e) / (int64_t)(e->fts_statp->st_nlink ?: 1);
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

int tree_usage(const char *path, int64_t *ret, struct err *err)
{
	return sum_up(path, length_of, ret, err);
}

int tree_blocks(const char *path, int64_t *ret, struct err *err)
{
	return sum_up(path, blocks_of, ret, err);
}
