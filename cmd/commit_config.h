/*
 * The configuration of an image that a container becomes: its image's, with what the container was
 * told instead (docker's commit), and a line of history more.
 */
#ifndef CMD_COMMIT_CONFIG_H
#define CMD_COMMIT_CONFIG_H

#include "cmd/command.h"
#include "storage/container.h"

struct commit_words {
	const struct strv *changes; /* --change */
	const char *message, *author; /* may be NULL */
	bool volumes; /* what is mounted in the container is a volume of the image's */
	bool squash;  /* nothing is said of the layers beneath, nor of what made them */
};

/* See struct commit_options' config. The caller frees *ret. */
int commit_config(const struct tiffin *t, const struct container *c,
		  const struct commit_words *words, char **ret, struct err *err);

#endif
