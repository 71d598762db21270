/*
 * Pulling from an archive or a directory (image/transport.h), as podman does.
 */
#ifndef CMD_PULL_PATH_H
#define CMD_PULL_PATH_H

#include "cmd/command.h"
#include "image/transport.h"

/*
 * from has a path. *ret_ids: of the images, each once: all that an archive has, where it names
 * none.
 */
int pull_path(struct tiffin *t, const struct transport *from, struct strv *ret_ids,
	      struct err *err);

#endif
