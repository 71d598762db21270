/*
 * The places in a container's tree that something is mounted on, whatever the image has there: of
 * those that had to be made, diff and commit know nothing.
 */
#ifndef CMD_CONTAINER_PLACES_H
#define CMD_CONTAINER_PLACES_H

#include "base/err.h"
#include "base/str.h"
#include "storage/container.h"

/* Paths without a slash in front, as struct change has them. */
int container_places(const struct container *c, struct strv *ret, struct err *err);

#endif
