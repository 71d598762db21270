/*
 * Copying a directory tree: what an image has goes into a volume, or a tmpfs.
 *
 * The source may be a stranger's (an image), but does not change meanwhile. Everything is opened by
 * descriptor and one name, which is not followed. Hardlinks are kept, and what base/copy_file.h
 * keeps.
 *
 * Runs where the owners are mapped, as root there.
 */
#ifndef BASE_TREE_COPY_H
#define BASE_TREE_COPY_H

#include "base/err.h"

/*
 * from: a directory, open for reading; to: an empty one of ours, open for reading (or O_PATH),
 * which gets from's own owner, mode, times and attributes, too. Where it fails, what was copied so
 * far is left. Errors name the file, or the path beneath from.
 */
int tree_copy(int from, int to, struct err *err);

#endif
