/*
 * What the "local" driver's options may say of a volume. It is a directory of the store; or one of
 * the host's, with docker's "type=none", "o=bind", "device=/dir". What else docker and podman pass
 * on to mount(8) takes root.
 */
#ifndef CMD_VOLUME_DRIVER_H
#define CMD_VOLUME_DRIVER_H

#include "base/err.h"
#include "base/str.h"

/* driver may be NULL: local. USAGE, UNSUPPORTED: what it is that can't be had. */
int volume_driver_check(const char *driver, const struct strv *options, struct err *err);

#endif
