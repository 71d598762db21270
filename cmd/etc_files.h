/*
 * The files under /etc that are the container's own rather than the image's: hosts, hostname and
 * resolv.conf, as docker makes them.
 */
#ifndef CMD_ETC_FILES_H
#define CMD_ETC_FILES_H

#include "base/err.h"
#include "cmd/etc_options.h"
#include "net/config.h"
#include "runtime/spec.h"

/* Writes them into a directory. ERR_UNSUPPORTED: there is no host-gateway for --add-host. */
int etc_files_write(int dir, const struct container_spec *spec,
		    const struct network_config *network, const struct etc_options *options,
		    struct err *err);

/*
 * Copies the three files of another container, whose directory is id below containers. What is in
 * them may be that container's own.
 */
int etc_files_copy(int containers, const char *id, int dir, struct err *err);

#endif
