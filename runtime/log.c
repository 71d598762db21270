#include "runtime/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static const char *const names[] = {
	[LOG_K8S_FILE] = "k8s-file",
	[LOG_JSON_FILE] = "json-file",
	[LOG_NONE] = "none",
};

const char *log_driver_name(enum log_driver driver)
{
	return names[driver];
}

bool log_driver_find(const char *name, enum log_driver *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (streq(name, names[i])) {
			*ret = (enum log_driver)i;
			return true;
		}
	}
	return false;
}

void log_time(int64_t nanoseconds, char ret[LOG_TIME_LEN + 1])
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, LOG_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, LOG_TIME_LEN + 1 - n, ".%09uZ", (unsigned int)(nanoseconds % 1000000000));
}

static bool parse_time(const char *text, int64_t *ret)
{
	char copy[LOG_TIME_LEN + 1];
	struct tm tm = { 0 };
	const char *rest;
	int fraction;

	memcpy(copy, text, LOG_TIME_LEN);
	copy[LOG_TIME_LEN] = '\0';
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || rest[0] != '.' || strspn(rest + 1, "0123456789") != 9 ||
	    !streq(rest + 10, "Z") || sscanf(rest + 1, "%9d", &fraction) != 1)
		return false;
	*ret = (int64_t)timegm(&tm) * 1000000000 + fraction;
	return true;
}

static const char *stream_name(bool is_stderr)
{
	return is_stderr ? "stderr" : "stdout";
}

/* --- UTF-8 in JSON --- */

/*
 * The length of the character at p (RFC 3629: nothing overlong, no surrogates). 0: there is none;
 * -1: there may be one, if more bytes follow.
 */
static int utf8_length(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	int len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
		  p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;

	for (int i = 1; i < len; i++) {
		unsigned char low = 0x80, high = 0xbf;

		if ((size_t)i == n)
			return -1;
		if (i == 1) {
			low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
			high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
		}
		if (p[i] < low || p[i] > high)
			return 0;
	}
	return len;
}

size_t log_unfinished_utf8(const char *data, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++)
		if (utf8_length(data + len - n, n) < 0)
			return n;
	return 0;
}

static void add_escaped(struct buf *out, const char *text, size_t len)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

	while (len) {
		int n = utf8_length(text, len);
		const char *found = n == 1 && *text ? strchr(plain, *text) : NULL;

		if (n <= 0)
			buf_adds(out, "\\ufffd");
		else if (found)
			buf_add(out, (char[]){ '\\', letters[found - plain] }, 2);
		else if (n == 1 && ((unsigned char)*text < ' ' || *text == 0x7f))
			buf_addf(out, "\\u%04x", (unsigned int)(unsigned char)*text);
		else
			buf_add(out, text, (size_t)n);
		n = n > 0 ? n : 1;
		text += n;
		len -= (size_t)n;
	}
}

/* Four hex digits. */
static bool read_unit(const char **p, const char *end, unsigned int *ret)
{
	char digits[5] = "";

	if (end - *p < 4)
		return false;
	memcpy(digits, *p, 4);
	*p += 4;
	return strspn(digits, "0123456789abcdefABCDEF") == 4 && sscanf(digits, "%4x", ret) == 1;
}

/* What stands behind "\u": a character, or the first half of one whose second half follows. */
static bool read_escaped(const char **p, const char *end, char **to)
{
	unsigned int c, low;
	unsigned char *out = (unsigned char *)*to;

	if (!read_unit(p, end, &c))
		return false;
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c > 0xdbff || end - *p < 2 || memcmp(*p, "\\u", 2) != 0)
			return false;
		*p += 2;
		if (!read_unit(p, end, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c < 0x80) {
		*out++ = (unsigned char)c;
	} else {
		int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

		*out++ = (unsigned char)((0xff00 >> (more + 1)) | (c >> (6 * more)));
		while (more--)
			*out++ = (unsigned char)(0x80 | ((c >> (6 * more)) & 0x3f));
	}
	*to = (char *)out;
	return true;
}

/* A JSON string, from behind its opening quote to its closing one, unescaped in place. */
static bool unescape(char *text, const char *end, char **ret_end, const char **ret_rest)
{
	static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	const char *p = text;
	char *to = text;

	while (p < end && *p != '"') {
		const char *found;

		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		if (++p == end)
			return false;
		found = *p ? strchr(letters, *p) : NULL;
		if (*p == 'u') {
			p++;
			if (!read_escaped(&p, end, &to))
				return false;
			continue;
		}
		if (!found)
			return false;
		*to++ = plain[found - letters];
		p++;
	}
	*ret_end = to;
	*ret_rest = p + 1;
	return p < end;
}

/* --- records --- */

void log_format(enum log_driver driver, const struct log_record *r, struct buf *out)
{
	char time[LOG_TIME_LEN + 1];

	log_time(r->time, time);
	if (driver == LOG_JSON_FILE) {
		buf_adds(out, "{\"log\":\"");
		add_escaped(out, r->text, r->len);
		buf_addf(out, "%s\",\"stream\":\"%s\",\"time\":\"%s\"}\n", r->partial ? "" : "\\n",
			 stream_name(r->is_stderr), time);
	} else {
		buf_addf(out, "%s %s %c ", time, stream_name(r->is_stderr), r->partial ? 'P' : 'F');
		buf_add(out, r->text, r->len);
		buf_add(out, "\n", 1);
	}
}

/* "TIME stdout F TEXT": both streams' names are of one length. */
static bool parse_k8s(const char *line, size_t len, struct log_record *r)
{
	const size_t head = LOG_TIME_LEN + strlen(" stdout F ");
	const char *stream = line + LOG_TIME_LEN;

	if (len < head || !parse_time(line, &r->time))
		return false;
	r->is_stderr = memcmp(stream, " stderr ", 8) == 0;
	r->partial = line[head - 2] == 'P';
	if ((!r->is_stderr && memcmp(stream, " stdout ", 8) != 0) ||
	    (!r->partial && line[head - 2] != 'F') || line[head - 1] != ' ')
		return false;
	r->text = line + head;
	r->len = len - head;
	return true;
}

/* Our own form: these three members, in this order. */
static bool parse_json(char *line, size_t len, struct log_record *r)
{
	static const char before[] = "{\"log\":\"", stream[] = ",\"stream\":\"stdXXX\",\"time\":\"";
	const size_t tail = strlen(stream) + LOG_TIME_LEN + strlen("\"}");
	const char *end = line + len, *rest;
	char *text = line + strlen(before), *text_end;

	if (len < strlen(before) || memcmp(line, before, strlen(before)) != 0 ||
	    !unescape(text, end, &text_end, &rest) || (size_t)(end - rest) != tail ||
	    memcmp(end - 2, "\"}", 2) != 0 || !parse_time(rest + strlen(stream), &r->time))
		return false;
	r->is_stderr = memcmp(rest, ",\"stream\":\"stderr\",\"time\":\"", strlen(stream)) == 0;
	if (!r->is_stderr &&
	    memcmp(rest, ",\"stream\":\"stdout\",\"time\":\"", strlen(stream)) != 0)
		return false;
	r->partial = text_end == text || text_end[-1] != '\n';
	r->text = text;
	r->len = (size_t)(text_end - text) - !r->partial;
	return true;
}

bool log_parse(enum log_driver driver, char *line, size_t len, struct log_record *ret)
{
	struct log_record r = { 0 };

	if (!(driver == LOG_JSON_FILE ? parse_json(line, len, &r) : parse_k8s(line, len, &r)))
		return false;
	*ret = r;
	return true;
}
