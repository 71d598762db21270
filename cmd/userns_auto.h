/*
 * --userns auto: a container has IDs that no other container made so has, as many as its image has
 * use for, out of the caller's subordinate ones.
 */
#ifndef CMD_USERNS_AUTO_H
#define CMD_USERNS_AUTO_H

#include "cmd/userns_mode.h"

/* As userns_mode_resolve. */
int userns_auto(struct tiffin *t, const struct userns_mode *mode, const struct userns_image *image,
		struct id_mapping *ret, int *ret_lock, struct err *err);

#endif
