#include "image/progress_text.h"

#include <stdio.h>
#include <string.h>

#define BAR_MIN	    10
#define BAR_MAX	    40
#define SIZE_TEXT   16
#define SIZES_WIDTH 15 /* "123.4MB/567.8MB" */
#define SPEED_WIDTH 9  /* "123.4MB/s" */
#define LEFT_WIDTH  6  /* "59m59s" */

/* "12.3MB": powers of 1000, as docker and podman have them. */
static void size_text(double bytes, char ret[SIZE_TEXT])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	size_t unit = 0;

	/* What would be rounded to 1000 has the next unit, too. */
	while (bytes >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1000;
		unit++;
	}
	snprintf(ret, SIZE_TEXT, "%.*f%s", unit ? 1 : 0, bytes, units[unit]);
}

static void sizes_text(const struct progress_row *row, char ret[2 * SIZE_TEXT + 1])
{
	char done[SIZE_TEXT], total[SIZE_TEXT];

	size_text((double)row->done, done);
	size_text((double)row->total, total);
	snprintf(ret, 2 * SIZE_TEXT + 1, "%s%s%s", done, row->total ? "/" : "",
		 row->total ? total : "");
}

static void speed_text(const struct progress_row *row, char ret[SIZE_TEXT + 2])
{
	char size[SIZE_TEXT];

	size_text(row->speed, size);
	snprintf(ret, SIZE_TEXT + 2, "%s%s", row->speed >= 1 ? size : "",
		 row->speed >= 1 ? "/s" : "");
}

/* "59s", "1m05s", "2h03m"; nothing where nobody knows, or it is days. */
static void left_text(const struct progress_row *row, char ret[SIZE_TEXT])
{
	const double left = row->speed >= 1 ? (double)(row->total - row->done) / row->speed : -1;
	const int s = left >= 0 && left < 99 * 3600 ? (int)(left + 0.999) : -1;

	*ret = '\0';
	if (s >= 3600)
		snprintf(ret, SIZE_TEXT, "%dh%02dm", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(ret, SIZE_TEXT, "%dm%02ds", s / 60, s % 60);
	else if (s >= 0 && row->total)
		snprintf(ret, SIZE_TEXT, "%ds", s);
}

static double share(const struct progress_row *row)
{
	if (row->total <= 0 || row->done <= 0)
		return 0;
	return row->done >= row->total ? 1 : (double)row->done / (double)row->total;
}

static void bar_text(double part, int width, char *ret)
{
	const int inner = width - 2, full = (int)(part * inner);

	ret[0] = '[';
	memset(ret + 1, ' ', (size_t)inner);
	memset(ret + 1, '=', (size_t)full);
	if (full < inner)
		ret[1 + full] = '>';
	ret[width - 1] = ']';
	ret[width] = '\0';
}

/*
 * What there is room for, the most telling first: the share, the sizes, the speed, the time, a bar.
 */
static void counted_text(const struct progress_row *row, int room, char ret[PROGRESS_LINE])
{
	char sizes[2 * SIZE_TEXT + 1], speed[SIZE_TEXT + 2], left[SIZE_TEXT];
	char bar[BAR_MAX + 2] = "", percent[8] = "";
	size_t len;

	sizes_text(row, sizes);
	speed_text(row, speed);
	left_text(row, left);
	if (row->total > 0)
		snprintf(percent, sizeof(percent), "%d%%", (int)(share(row) * 100));
	len = (size_t)snprintf(ret, PROGRESS_LINE, " %4s", percent);
	room -= (int)len;
	if (room >= SIZES_WIDTH + 2) {
		len += (size_t)snprintf(ret + len, PROGRESS_LINE - len, "  %*s", SIZES_WIDTH,
					sizes);
		room -= SIZES_WIDTH + 2;
	}
	if (room >= SPEED_WIDTH + 2) {
		len += (size_t)snprintf(ret + len, PROGRESS_LINE - len, "  %*s", SPEED_WIDTH,
					speed);
		room -= SPEED_WIDTH + 2;
	}
	if (room >= LEFT_WIDTH + 2) {
		len += (size_t)snprintf(ret + len, PROGRESS_LINE - len, "  %*s", LEFT_WIDTH, left);
		room -= LEFT_WIDTH + 2;
	}
	if (room > BAR_MIN && row->total > 0) {
		const int width = room - 1 < BAR_MAX ? room - 1 : BAR_MAX;

		bar_text(share(row), width, bar);
		memmove(ret + width + 1, ret, len + 1);
		ret[0] = ' ';
		memcpy(ret + 1, bar, (size_t)width);
	}
}

void progress_text(const struct progress_row *row, int columns, char ret[PROGRESS_LINE])
{
	const int most = columns - 1 < PROGRESS_LINE - 1 ? columns - 1 : PROGRESS_LINE - 1;
	char rest[PROGRESS_LINE];

	if (row->word)
		snprintf(rest, sizeof(rest), " %s", row->word);
	else
		counted_text(row, most - PROGRESS_NAME, rest);
	snprintf(ret, PROGRESS_LINE, "%-*.*s%.100s", PROGRESS_NAME, PROGRESS_NAME, row->name, rest);
	ret[most > 0 ? most : 0] = '\0';
	for (size_t len = strlen(ret); len && ret[len - 1] == ' '; len--)
		ret[len - 1] = '\0';
}
