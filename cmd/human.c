#include "cmd/human.h"

#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"

char *human_duration(int64_t seconds)
{
	int64_t minutes = seconds / 60, hours = (seconds + 1800) / 3600;

	if (seconds < 1)
		return xstrdup("Less than a second");
	if (seconds == 1)
		return xstrdup("1 second");
	if (seconds < 60)
		return xasprintf("%lld seconds", (long long)seconds);
	if (minutes == 1)
		return xstrdup("About a minute");
	if (minutes < 60)
		return xasprintf("%lld minutes", (long long)minutes);
	if (hours == 1)
		return xstrdup("About an hour");
	if (hours < 48)
		return xasprintf("%lld hours", (long long)hours);
	if (hours < 24 * 7 * 2)
		return xasprintf("%lld days", (long long)(hours / 24));
	if (hours < 24 * 30 * 2)
		return xasprintf("%lld weeks", (long long)(hours / 24 / 7));
	if (hours < 24 * 365 * 2)
		return xasprintf("%lld months", (long long)(hours / 24 / 30));
	return xasprintf("%lld years", (long long)(seconds / 3600 / 24 / 365));
}

char *human_size(int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 999.5 && unit < ARRAY_SIZE(units) - 1) {
		n /= 1000;
		unit++;
	}
	return xasprintf("%.3g%s", n, units[unit]);
}

char *human_time(int64_t seconds)
{
	time_t t = seconds;
	char text[64];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		return xstrdup("");
	return xstrdup(text);
}

char *rfc3339_nano(int64_t nanoseconds)
{
	time_t t = nanoseconds / 1000000000;
	char text[32], fraction[16] = "";
	struct tm tm;
	size_t n;

	if (nanoseconds <= 0 || !gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		return xstrdup("0001-01-01T00:00:00Z");
	snprintf(fraction, sizeof(fraction), ".%09d", (int)(nanoseconds % 1000000000));
	for (n = strlen(fraction); fraction[n - 1] == '0';)
		n--;
	return xasprintf("%s%.*sZ", text, n > 1 ? (int)n : 0, fraction);
}
