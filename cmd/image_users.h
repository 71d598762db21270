/*
 * Which containers an image is in use by.
 */
#ifndef CMD_IMAGE_USERS_H
#define CMD_IMAGE_USERS_H

#include <stdbool.h>

#include "storage/container.h"

/* Was it made from the image (an ID), or does it mount that (--mount type=image)? */
bool container_uses_image(const struct container *c, const char *id);

#endif
