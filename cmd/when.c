#include "cmd/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/proc.h"
#include "base/str.h"
#include "cmd/opt.h"

#define SECOND	 INT64_C(1000000000)
#define FURTHEST 9.2e9 /* seconds: what int64_t holds of nanoseconds */

/* RFC 3339, and what docker takes of it: without the zone, or the time of day. */
static bool parse_date(const char *text, int64_t *ret)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	int hours, minutes, used = 0;
	double fraction = 0;
	char *end, sign;

	if (rest && (*rest == 'T' || *rest == ' '))
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
	if (!rest)
		return false;
	if (*rest == '.') {
		fraction = strtod(rest, &end);
		rest = end;
	}
	if (streq(rest, "Z"))
		*ret = timegm(&tm);
	else if (!*rest)
		*ret = mktime(&tm);
	else if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) == 3 && !rest[used] &&
		 (sign == '+' || sign == '-'))
		*ret = timegm(&tm) - (sign == '-' ? -60 : 60) * (hours * 60 + minutes);
	else
		return false;
	if (*ret > (int64_t)FURTHEST || *ret < -(int64_t)FURTHEST)
		return false;
	*ret = *ret * SECOND + (int64_t)(fraction * 1e9);
	return true;
}

int parse_when(const char *text, int64_t *ret, struct err *err)
{
	long long ago;
	double n;
	char *end;

	if (parse_date(text, ret))
		return 0;
	n = strtod(text, &end);
	if (end != text && !*end && n > -FURTHEST && n < FURTHEST) {
		*ret = (int64_t)n * SECOND + (int64_t)((n - (double)(int64_t)n) * 1e9);
		return 0;
	}
	if (parse_duration(text, &ago, NULL) == 0) {
		*ret = now_realtime() - ago;
		return 0;
	}
	return err_set(err, ERR_USAGE, "'%s' is not a time", text);
}
