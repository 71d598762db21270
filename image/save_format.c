/* Apart from image/save.c, so that tiffin can tell formats without all that saving takes. */
#include "base/cleanup.h"
#include "image/save.h"

int save_format_parse(const char *text, enum save_format *ret, struct err *err)
{
	static const char *const names[] = {
		[SAVE_DOCKER_ARCHIVE] = "docker-archive",
		[SAVE_OCI_ARCHIVE] = "oci-archive",
		[SAVE_OCI_DIR] = "oci-dir",
		[SAVE_DOCKER_DIR] = "docker-dir",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!streq(text, names[i]))
			continue;
		*ret = (enum save_format)i;
		return 0;
	}
	return err_set(err, ERR_USAGE, "unknown format '%s': it is docker-archive, oci-archive, "
				       "oci-dir or docker-dir", text);
}
