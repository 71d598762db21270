/*
 * "--mount type=bind|volume|tmpfs|image,source=…,destination=…[,…]", with docker's and podman's
 * keys.
 */
#ifndef CMD_MOUNT_OPTION_H
#define CMD_MOUNT_OPTION_H

#include "base/err.h"
#include "runtime/spec.h"

/*
 * Appends one mount; of an image, source is its name as typed, and the rest still to be found out.
 * Errors have podman's words, where podman has the case.
 */
int mount_option_add(const char *text, struct container_spec *spec, struct err *err);

#endif
