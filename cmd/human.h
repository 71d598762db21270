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

#endif
