/*
 * --filter of the commands that take containers: ps, rm, stop, container prune and their like.
 *
 * Several values of one key: one of them has to fit; of label, label! and until, all. Several keys:
 * all of them.
 */
#ifndef CMD_CONTAINER_FILTER_H
#define CMD_CONTAINER_FILTER_H

#include <regex.h>

#include "cmd/command.h"
#include "storage/container.h"

/* What "--help" says behind --filter, which is repeatable. */
#define CONTAINER_FILTER_KEYS                                                                      \
	"ancestor, before, exited, health, id, label, label!, name, network, restart-policy, " \
	"should-start-on-boot, since, status, until, volume"

struct container_filter {
	struct container_filter_row {
		const struct filter_key *key;
		char *value;
		int64_t time; /* before, since, until: nanoseconds */
		regex_t name;
		bool has_name;
		char *image_id;	     /* ancestor: where it is one of the store's, */
		struct strv layers;  /* and what it is made of */
	} *rows;
	size_t n;
	bool has_status; /* or exited is among them: who asks for it means stopped ones too */
};
void container_filter_done(struct container_filter *f);

/* ERR_USAGE: no such filter, or a value that it can't have; NOT_FOUND: before or since nobody. */
int container_filter_parse(const struct tiffin *t, const struct strv *filters,
			   struct container_filter *ret, struct err *err);
bool container_filter_passes(const struct container_filter *f, const struct container *c);

#endif
