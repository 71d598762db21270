/*
 * --change of import and commit: an instruction of a Dockerfile that changes what an image says
 * about how it is to be run: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER,
 * VOLUME, WORKDIR. As podman takes them, "ENV=A=b" is "ENV A=b".
 */
#ifndef CMD_IMAGE_CHANGE_H
#define CMD_IMAGE_CHANGE_H

#include <jansson.h>

#include "base/err.h"

/* Changes the object "config" of an image's configuration. ERR_USAGE. */
int image_change(json_t *config, const char *instruction, struct err *err);

#endif
