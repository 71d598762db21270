#include "image/compression.h"

#include "base/cleanup.h"
#include "base/str.h"

static const char *const names[] = {
	[COMPRESSION_NONE] = "none",
	[COMPRESSION_GZIP] = "gzip",
	[COMPRESSION_ZSTD] = "zstd",
};

const char *compression_name(enum compression c)
{
	return names[c];
}

int compression_parse(const char *text, enum compression *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!streq(text, names[i]))
			continue;
		*ret = (enum compression)i;
		return 0;
	}
	return err_set(err, ERR_USAGE, "'%.80s' is no compression that is known: gzip, zstd", text);
}

enum compression compression_of_type(const char *media_type)
{
	if (media_type && ends_with(media_type, "gzip"))
		return COMPRESSION_GZIP;
	return media_type && ends_with(media_type, "zstd") ? COMPRESSION_ZSTD : COMPRESSION_NONE;
}
