#include "image/base64.h"

#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const unsigned char *in = data;
	char *out = xmalloc((len + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; i < len; i += 3) {
		const size_t n = len - i < 3 ? len - i : 3;
		const uint32_t bits = (uint32_t)in[i] << 16 |
				      (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
				      (n > 2 ? in[i + 2] : 0);

		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = '=';
		*p++ = '=';
		if (n > 1)
			p[-2] = digits[bits >> 6 & 63];
		if (n > 2)
			p[-1] = digits[bits & 63];
	}
	*p = '\0';
	return out;
}

/* Four digits to up to three bytes: how many, or 0 where they are none. */
static size_t decode_group(const char *text, unsigned char *out)
{
	const size_t padding = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *digit = i < 4 - padding ? strchr(digits, text[i]) : digits;

		if (!digit || !*digit)
			return 0;
		bits = bits << 6 | (uint32_t)(digit - digits);
	}
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	return 3 - padding;
}

char *base64_decode(const char *text, size_t *ret_len)
{
	const size_t len = strlen(text);
	CLEAN(clean_free) char *out = xmalloc(len / 4 * 3 + 1);
	size_t at = 0;

	if (len % 4)
		return NULL;
	for (size_t i = 0; i < len; i += 4) {
		const size_t n = decode_group(text + i, (unsigned char *)out + at);

		if (n == 0 || (n < 3 && i + 4 < len))
			return NULL;
		at += n;
	}
	out[at] = '\0';
	*ret_len = at;
	return ptr_take(&out);
}
