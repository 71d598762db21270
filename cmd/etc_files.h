/*
 * The files under /etc that are the container's own rather than the image's: hosts, hostname and
 * resolv.conf, as docker makes them.
 */
#ifndef CMD_ETC_FILES_H
#define CMD_ETC_FILES_H

#include "base/err.h"
#include "runtime/spec.h"

/* Writes them into a directory. */
int etc_files_write(int dir, const struct container_spec *spec, struct err *err);

#endif
