/*
 * Which paths of /proc and /sys a container does not see, or can't write to; the masking itself is
 * the child's (runtime/child.h).
 */
#ifndef RUNTIME_MASKS_H
#define RUNTIME_MASKS_H

#include "runtime/spec.h"

/*
 * Appends the paths: those that are hidden, the caller's own among them, and those made read-only.
 */
void mask_lists(const struct container_spec *spec, struct strv *ret_hidden,
		struct strv *ret_read_only);

#endif
