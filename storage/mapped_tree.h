/*
 * Making one tree of an image's layers, with other owners: what storage/mapped.h keeps.
 */
#ifndef STORAGE_MAPPED_TREE_H
#define STORAGE_MAPPED_TREE_H

#include "base/err.h"
#include "base/id_range.h"
#include "storage/store.h"

struct mapped_tree {
	const struct store *store;
	const struct strv *layers; /* diff IDs, the lowest first; the base layer, which is there, is beneath */
	int to;			   /* its root; empty */
	int scratch; /* on the file system of to; what is made there is gone afterwards */
	const struct id_mapping *mapping;
	bool copy; /* the files' contents are copied; else they are those of the store's layers/ */
};

/*
 * Root of the user namespace that the mapping leads to. Names, kinds, modes, times, extended
 * attributes and hard links are kept. What can't be redirected (a path of more than the kernel
 * looks up, attributes for which the file system has no room) is copied.
 */
int mapped_tree_make(const struct mapped_tree *tree, struct err *err);

#endif
