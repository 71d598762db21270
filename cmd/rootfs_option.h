/*
 * --rootfs: a directory in the place of an image.
 */
#ifndef CMD_ROOTFS_OPTION_H
#define CMD_ROOTFS_OPTION_H

#include "cmd/start.h"

/*
 * "DIR", or "DIR:O": what is written is the container's own. Sets the directory, absolute, and the
 * driver. ERR_USAGE, ERR_NOT_FOUND.
 */
int rootfs_option(const char *text, struct start *s, struct err *err);
/* For the record, and back from it. */
void rootfs_to_json(const struct start *s, json_t *record);
void rootfs_from_json(const json_t *record, struct start *s);

#endif
