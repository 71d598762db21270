/*
 * Exporting: a container's file system becomes a tar archive.
 *
 * The tree is the container's, which may change while we read: everything is opened by descriptor
 * and name, no symlink is followed, nothing is executed, and what goes away meanwhile is left out.
 * Owners, modes, times, hardlinks and extended attributes (user.*, security.capability) are kept;
 * sockets and devices are left out.
 */
#ifndef IMAGE_EXPORT_H
#define IMAGE_EXPORT_H

#include "base/err.h"
#include "base/id_range.h"
#include "base/owner.h"
#include "image/cancel.h"

/*
 * root: an open directory, the whole of one file system. owners, mapping: as of struct tar_tree.
 * Errors begin with "cannot export: ".
 */
int export_tree(int root, int out, const struct owner_list *owners,
		const struct id_mapping *mapping, const struct cancel *cancel, struct err *err);
/* One entry of a directory, under a name; a directory's content alone where the name is "". */
int export_entry(int dir, const char *entry, const char *name, int out,
		 const struct owner_list *owners, const struct id_mapping *mapping,
		 const struct cancel *cancel, struct err *err);

#endif
