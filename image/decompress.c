#include "image/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define CHUNK (256u << 10)

struct decompress {
	struct archive *archive;
	int fd;
	const struct cancel *cancel;
	char *in, *out;
	struct err err; /* why reading failed */
};

static la_ssize_t read_file(struct archive *a, void *arg, const void **ret)
{
	struct decompress *d = arg;
	ssize_t n;

	if (cancel_wanted(d->cancel)) {
		cancel_err(&d->err);
		archive_set_error(a, EINTR, "interrupted");
		return -1;
	}
	do
		n = read(d->fd, d->in, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		err_sys(&d->err, "cannot read the archive");
		archive_set_error(a, EIO, "cannot read");
	}
	*ret = d->in;
	return n;
}

static int archive_err(const struct decompress *d, struct err *err)
{
	CLEAN(clean_free) char *safe = str_printable(archive_error_string(d->archive) ?: "damaged");

	if (!d->err.kind)
		return err_set(err, ERR_CORRUPT, "it cannot be decompressed: %.200s", safe);
	if (err)
		*err = d->err;
	return -1;
}

int decompress_new(int fd, const struct cancel *cancel, struct decompress **ret, struct err *err)
{
	CLEAN(clean_decompress) struct decompress *d = xcalloc(1, sizeof(*d));
	struct archive_entry *entry;
	int n;

	d->fd = fd;
	d->cancel = cancel;
	d->in = xmalloc(CHUNK);
	d->out = xmalloc(CHUNK);
	d->archive = archive_read_new();
	/* "raw": the one entry that there is in any file is what the filters leave of it. */
	archive_read_support_format_raw(d->archive);
	archive_read_support_format_empty(d->archive);
	archive_read_support_filter_gzip(d->archive);
	archive_read_support_filter_zstd(d->archive);
	archive_read_support_filter_xz(d->archive);
	archive_read_support_filter_bzip2(d->archive);
	if (archive_read_open(d->archive, d, NULL, read_file, NULL) != ARCHIVE_OK)
		return archive_err(d, err);
	n = archive_read_next_header(d->archive, &entry);
	if (n == ARCHIVE_EOF)
		return err_set(err, ERR_CORRUPT, "the archive is empty");
	if (n != ARCHIVE_OK)
		return archive_err(d, err);
	*ret = ptr_take(&d);
	return 0;
}

void decompress_free(struct decompress *d)
{
	if (!d)
		return;
	archive_read_free(d->archive);
	free(d->in);
	free(d->out);
	free(d);
}

void clean_decompress(struct decompress **d)
{
	decompress_free(*d);
}

int decompress_next(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct decompress *d = arg;
	const la_ssize_t n = archive_read_data(d->archive, d->out, CHUNK);

	if (n < 0)
		return archive_err(d, err);
	*ret_data = d->out;
	*ret_len = (size_t)n;
	return n > 0;
}
