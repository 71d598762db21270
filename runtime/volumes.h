/*
 * The volumes of a container that does not run, to look at them in their places.
 *
 * As root of a user namespace, in a mount namespace of its own.
 */
#ifndef RUNTIME_VOLUMES_H
#define RUNTIME_VOLUMES_H

#include "base/err.h"
#include "runtime/spec.h"

/* As struct launch's open_source. */
typedef int volume_opener(void *arg, size_t index, int root, int *ret_fd, struct err *err);

/*
 * Mounts what the container has mounted and what is there between its runs: no tmpfs, no devices,
 * no overlays. What has gone from the host is left out.
 */
int volumes_attach(int root, const struct container_spec *spec, volume_opener *open_source,
		   void *arg, struct err *err);

#endif
