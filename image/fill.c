#include "image/fill.h"

#include "base/cleanup.h"
#include "image/decompress.h"
#include "image/unpack.h"

int fill_tree(int root, int fd, bool single_id, const struct cancel *cancel, struct err *err)
{
	const struct unpack_options options = { .single_id = single_id, .plain = true };
	CLEAN(clean_decompress) struct decompress *source = NULL;
	int64_t bytes;

	if (decompress_new(fd, cancel, &source, err) < 0 ||
	    unpack_tar(root, decompress_next, source, &options, &bytes, err) < 0)
		return err_wrap(err, "cannot import");
	return 0;
}
