#include "image/retry.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"

#define FIRST_MS       1000
#define MOST_MS	       (60 * 1000)
#define RETRY_AFTER_MAX 60

static int random_ms(int below)
{
	char hex[9];

	random_hex(hex, 4);
	return below > 0 ? (int)(strtoul(hex, NULL, 16) % (unsigned int)below) : 0;
}

static int delay_ms(const struct retries *r, const struct err *why, int64_t retry_after)
{
	int delay = FIRST_MS;

	if (retry_after >= 0) {
		delay = (int)(retry_after < RETRY_AFTER_MAX ? retry_after : RETRY_AFTER_MAX) * 1000;
		return delay + random_ms(FIRST_MS / 4);
	}
	if (r->policy.seconds >= 0)
		return r->policy.seconds < INT32_MAX / 1000 ? r->policy.seconds * 1000 : INT32_MAX;
	if (why->sys == ETIMEDOUT)
		return 0;
	for (int i = 0; i < r->made && delay < MOST_MS; i++)
		delay *= 2;
	return delay + random_ms(delay / 2);
}

int retries_wait(struct retries *r, const struct err *why, int64_t retry_after, struct err *err)
{
	if (why->kind != ERR_NETWORK || r->made >= r->policy.most)
		return 0;
	if (cancel_sleep(r->cancel, delay_ms(r, why, retry_after)))
		return cancel_err(err);
	r->made++;
	return 1;
}

void retries_reset(struct retries *r)
{
	r->made = 0;
}
