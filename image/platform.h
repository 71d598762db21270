/*
 * Platforms: which of the images in an index fits this machine (OCI image specification,
 * image-index.md, "platform"; the order of preference is containerd's platforms.Only).
 */
#ifndef IMAGE_PLATFORM_H
#define IMAGE_PLATFORM_H

#include "base/err.h"

struct platform {
	char os[24], arch[24], variant[16]; /* variant: "" where there is none */
};

/* This machine. */
void platform_host(struct platform *ret);
/* "linux/arm64", "linux/arm/v7". ERR_USAGE where it is none. */
int platform_parse(const char *text, struct platform *ret, struct err *err);
/* How well an image for have runs on want: 0 exactly, more is worse, -1 not at all. */
int platform_rank(const struct platform *want, const struct platform *have);
/* "linux/arm/v7"; the buffer is big enough for any. */
#define PLATFORM_TEXT_MAX 72
const char *platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX]);

#endif
