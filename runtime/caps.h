/*
 * Capabilities (capabilities(7)): sets as bit masks, bit n being capability n.
 */
#ifndef RUNTIME_CAPS_H
#define RUNTIME_CAPS_H

#include <stdint.h>

#include "base/err.h"

/*
 * What a container has unless told otherwise: less than docker's fourteen. NET_BIND_SERVICE is not
 * needed where every port may be bound (runtime/mounts.c), AUDIT_WRITE, MKNOD and NET_RAW are of no
 * use in a user namespace or too much of one, and of SETPCAP no image was found to need it.
 */
uint64_t caps_default(void);
/* "CHOWN", "cap_chown" or "ALL" to a mask. ERR_USAGE: no such capability. */
int caps_parse(const char *name, uint64_t *ret, struct err *err);
/* "CHOWN" for 0; NULL for one that is not known. */
const char *caps_name(unsigned int capability);

/* Child: what is not in keep leaves the bounding set, for good. Takes CAP_SETPCAP. */
int caps_bound(uint64_t keep, struct err *err);
/* Child: permitted and effective become keep, inheritable and ambient empty (CVE-2022-27649). */
int caps_limit(uint64_t keep, struct err *err);

#endif
