/*
 * Numbers and times as docker prints them for people. The callers free.
 */
#ifndef CMD_HUMAN_H
#define CMD_HUMAN_H

#include <stdint.h>

/* "3 seconds", "About a minute", "2 weeks": go-units' HumanDuration. */
char *human_duration(int64_t seconds);
/* "1.5MB": powers of 1000, three significant digits: go-units' HumanSize. */
char *human_size(int64_t bytes);
/* "2006-01-02 15:04:05 -0700 MST", in the local time zone. */
char *human_time(int64_t seconds);
/*
 * "2006-01-02T15:04:05.999999999Z", without zeros at its end; 0 is Go's zero time, in the year 1.
 */
char *rfc3339_nano(int64_t nanoseconds);

#endif
