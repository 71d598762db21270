/*
 * Points in time as --since, --until and the filters named so take them.
 */
#ifndef CMD_WHEN_H
#define CMD_WHEN_H

#include <stdint.h>

#include "base/err.h"

/*
 * "2026-11-21T09:30:00.5Z" (or with an offset, or neither: local time; or a date alone), Unix
 * seconds, or how long ago: "10s", "1h30m". Nanoseconds since the epoch.
 */
int parse_when(const char *text, int64_t *ret, struct err *err);

#endif
