/*
 * The options of run that mount something (a table of their own), and what becomes of them: mounts
 * of the specification, volumes that are found or made, images that are found.
 */
#ifndef CMD_VOLUME_OPTIONS_H
#define CMD_VOLUME_OPTIONS_H

#include "cmd/command.h"
#include "image/config.h"
#include "runtime/spec.h"

struct volume_options {
	struct strv volumes, mounts, tmpfs, from;
	char *image_volume, *driver;
};

extern const struct opt volume_opts[];
void volume_options_done(struct volume_options *o);

/* Those that the command line tells all of. Not sorted yet. */
int volume_options_apply(const struct volume_options *o, struct container_spec *spec,
			 struct err *err);

/*
 * With the store: adds the volumes of other containers (--volumes-from) and the image's, where
 * nothing else is mounted; finds the images that are mounted. Sorts.
 */
int volume_options_complete(struct tiffin *t, const struct volume_options *o,
			    const struct image_config *image, struct container_spec *spec,
			    struct err *err);

/*
 * Finds the volumes, and makes those that are not there. *ret_lock is held until the container's
 * record names them (storage/volume.h), or -1 where there are none. *ret_made are those that were
 * made for the container alone, also where this fails.
 */
int volume_options_make(struct tiffin *t, struct container_spec *spec, int *ret_lock,
			struct strv *ret_made, struct err *err);
/* The container came to nothing: so do they. The lock is free. */
void volume_options_unmake(struct tiffin *t, const struct strv *made);

#endif
