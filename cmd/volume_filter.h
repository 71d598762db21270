/*
 * --filter of the commands that list volumes: same key OR, different keys AND, labels all of them.
 */
#ifndef CMD_VOLUME_FILTER_H
#define CMD_VOLUME_FILTER_H

#include <stdbool.h>

#include "cmd/command.h"
#include "storage/volume.h"

struct volume_filter {
	const struct strv *texts; /* borrowed */
	int64_t *times;		  /* of those that name one, or a volume */
};

void volume_filter_done(struct volume_filter *f);
/* known: the keys that the command takes; NULL ends them. ERR_USAGE in podman's words. */
int volume_filter_parse(const struct tiffin *t, const struct strv *texts, const char *const *known,
			struct volume_filter *ret, struct err *err);
/* users: of volume_users. */
bool volume_filter_passes(const struct volume_filter *f, const struct volume *v,
			  const json_t *users);
/* Is there one with that key and a value that says yes? */
bool volume_filter_says(const struct volume_filter *f, const char *key);

#endif
