/*
 * One file of a mapped tree (storage/mapped_tree.h): made as it is in its layer, with the owner
 * that the mapping says, its content redirected to the layer's or copied.
 *
 * Root of the user namespace that the mapping leads to.
 */
#ifndef STORAGE_MAPPED_FILE_H
#define STORAGE_MAPPED_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/copy_file.h"
#include "base/err.h"
#include "base/id_range.h"

struct mapped_maker {
	const struct id_mapping *mapping; /* borrowed */
	bool copy;			  /* the contents; else they are redirected */
	uint32_t no_uid, no_gid;	  /* of whose IDs are not mapped */
	int links;			  /* the directory of those with several names; -1: not yet */
	char *names, *value;		  /* of extended attributes */
	struct copier copier;
};

/* A file of the directory that is being filled. Borrowed. */
struct mapped_entry {
	int from, to;		/* the directory, in its layer and here */
	const char *hex;	/* of that layer */
	const char *dir, *name; /* the directory's path from the root; the file's name, "." for the root */
	struct stat st;
};

void mapped_maker_init(const struct id_mapping *mapping, bool copy, struct mapped_maker *ret);
void mapped_maker_done(struct mapped_maker *m);

/*
 * Anything but a directory. What has several names is found by one more in links, its inode's
 * number, and gets the others then.
 */
int mapped_make(struct mapped_maker *m, const struct mapped_entry *e, struct err *err);
/* The owner, mode and attributes of a directory that is there, open as fd. */
int mapped_dress(struct mapped_maker *m, const struct mapped_entry *e, int fd, struct err *err);

/* -1: "cannot VERB 'PATH'", with errno's text. */
int mapped_fail(struct err *err, const char *verb, const struct mapped_entry *e);

#endif
