/*
 * What has changed in a file system: of a writable layer, or the topmost layer of an image, against
 * the layers beneath it; or of one tree against another.
 *
 * A directory comes before what is in it, and entries in the order of their bytes. A directory with
 * a change in it is itself a changed one, as docker has it. What was in a directory that is gone,
 * or has become something else, is not told of one by one.
 *
 * As root of a user namespace that has the owners. What is told is borrowed until the visitor
 * returns. The tree may change meanwhile: what vanishes is passed over.
 */
#ifndef STORAGE_CHANGE_H
#define STORAGE_CHANGE_H

#include "storage/stack.h"

enum change_kind {
	CHANGE_ADDED = 'A',
	CHANGE_MODIFIED = 'C',
	CHANGE_DELETED = 'D',
};

struct change {
	enum change_kind kind;
	const char *path; /* "etc/passwd"; "": the root, whose owner or mode has changed */
	/* Of what is there now; not of what is gone. */
	int dir;
	const char *name; /* in dir */
	struct stat st;
	bool opaque;  /* a directory in which nothing is left of what was there but what is told of next */
	bool implied; /* it went with all that was in its directory, which is opaque */
};

typedef int change_visitor(void *arg, const struct change *c, struct err *err);

/* upper: a layer's directory. */
int changes_of_layer(int upper, const struct stack *below, change_visitor *visit, void *arg,
		     struct err *err);
/*
 * Neither of the two is told of as opaque. Of files, size, time of change and attributes are
 * compared.
 */
int changes_between(const struct stack *now, const struct stack *before, change_visitor *visit,
		    void *arg, struct err *err);

/*
 * Is it a place that something was mounted on: an empty file or directory that was made for that?
 * places are paths of such.
 */
bool change_is_place(const struct change *c, const struct strv *places);

#endif
