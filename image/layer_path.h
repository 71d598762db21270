/*
 * Names in layers: an archive's entry may have any, and a path has plain components, "" being the
 * root.
 */
#ifndef IMAGE_LAYER_PATH_H
#define IMAGE_LAYER_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The name of an entry as a path without empty, "." and ".." components. CORRUPT: it leads out, or
 * is too long. The caller frees.
 */
int layer_path(const char *name, char **ret, struct err *err);
/* An entry of AUFS' metadata, or beneath a directory of it (".wh..wh.plnk/…"). */
bool layer_path_is_meta(const char *path);
/* ERR_CORRUPT: "the entry '<name>' <why>". Returns -1. */
int layer_refuse(struct err *err, const char *name, const char *why);

/* Of a path: its last component, and the length of what is before that, without the slash. */
const char *path_base(const char *path);
size_t path_parent_len(const char *path);

#endif
