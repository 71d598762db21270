#include "runtime/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#define TIME_LEN 30 /* "2026-11-21T09:30:00.123456789Z" */

static void format_now(char ret[TIME_LEN + 1])
{
	int64_t now = now_realtime();
	time_t seconds = (time_t)(now / 1000000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, TIME_LEN + 1 - n, ".%09uZ", (unsigned int)(now % 1000000000));
}

void log_append(int fd, const char *stream, const char *data, size_t len)
{
	CLEAN(buf_done) struct buf out = { 0 };
	char time[TIME_LEN + 1];

	format_now(time);
	while (len) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline ? (size_t)(newline - data) : len;

		buf_addf(&out, "%s %s %c ", time, stream, newline ? 'F' : 'P');
		buf_add(&out, data, n);
		buf_add(&out, "\n", 1);
		n += newline != NULL;
		data += n;
		len -= n;
	}
	write_all(fd, buf_str(&out), out.len, NULL);
}

static bool parse_time(const char *text, int64_t *ret)
{
	char copy[TIME_LEN + 1];
	struct tm tm = { 0 };
	const char *rest;
	int fraction;

	memcpy(copy, text, TIME_LEN);
	copy[TIME_LEN] = '\0';
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || rest[0] != '.' || strspn(rest + 1, "0123456789") != 9 || !streq(rest + 10, "Z") ||
	    sscanf(rest + 1, "%9d", &fraction) != 1)
		return false;
	*ret = (int64_t)timegm(&tm) * 1000000000 + fraction;
	return true;
}

bool log_parse(const char *line, size_t len, struct log_record *ret)
{
	/* "TIME stdout F TEXT": both streams' names are of one length. */
	const size_t head = TIME_LEN + strlen(" stdout F ");
	struct log_record r = { 0 };
	const char *stream = line + TIME_LEN;

	if (len < head || !parse_time(line, &r.time))
		return false;
	r.is_stderr = memcmp(stream, " stderr ", 8) == 0;
	r.partial = line[head - 2] == 'P';
	if ((!r.is_stderr && memcmp(stream, " stdout ", 8) != 0) ||
	    (!r.partial && line[head - 2] != 'F') || line[head - 1] != ' ')
		return false;
	r.text = line + head;
	r.len = len - head;
	*ret = r;
	return true;
}
