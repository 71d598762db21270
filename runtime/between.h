/*
 * Containers whose IDs are not the store's: their user namespace is one within the store's, of
 * which the caller is root. From there the file system is mounted, and the container born.
 *
 * Only so can the caller, to whom the store belongs, be without an ID in the container; and as the
 * file system belongs to a user namespace above the container's, its setuid programs and file
 * capabilities mean something in it.
 */
#ifndef RUNTIME_BETWEEN_H
#define RUNTIME_BETWEEN_H

#include "runtime/launch.h"

/*
 * Parent: as birth() (runtime/birth.h), for a launch with a mapping. The IDs are mapped afterwards.
 */
int between_birth(const struct launch *l, const int socks[2], struct launched *ret,
		  struct err *err);

/*
 * The root file system for a container that is born in a user namespace which is there (donor: a
 * pidfd of a process in it): mounted in the one above that, which this process enters, never to
 * return.
 */
int between_mount(const struct launch *l, int donor, int *ret_tree, struct err *err);

#endif
