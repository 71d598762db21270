/*
 * Layers as one tree, without a mount: a directory of it is the directory of each layer that has a
 * part in it, the uppermost first. Whiteouts and opaque directories (storage/layer.h) mean what
 * they mean to overlayfs, and no symlink is followed.
 *
 * Where the store's file system can have neither 0:0 devices nor user extended attributes, its
 * layers have the marks of their archives instead: empty files ".wh.NAME" and ".wh..wh..opq", a
 * name that nothing else in a layer has but directories. In what a container wrote they are files
 * as others.
 *
 * To be read as root of a user namespace that has the layers' owners: directories may be closed.
 */
#ifndef STORAGE_STACK_H
#define STORAGE_STACK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"
#include "storage/store.h"

#define MARK_PREFIX ".wh."
#define MARK_OPAQUE ".wh..wh..opq"

struct stack {
	int *fds;   /* owned */
	size_t n;   /* 0: there is no such directory */
	size_t own; /* so many of the first are a container's */
	bool marks; /* there may be marks in the others */
};

void stack_done(struct stack *s);
/* Takes the descriptor of a container's own directory over, which is uppermost. */
void stack_add_own(struct stack *s, int fd);
/* The first n of these layers (diff IDs, the lowest first), beneath what is there already. */
int stack_add_layers(struct stack *s, const struct store *store, const struct strv *layers,
		     size_t n, struct err *err);

/* The layer below all others, which is no image's: the places that mounts are made on. */
int stack_add_base(struct stack *s, const struct store *store, struct err *err);

/* Is there such a thing in the directory, and which of its parts is it in? */
bool stack_find(const struct stack *s, const char *name, size_t *ret_part, struct stat *ret);
/* The directory of that name; one without parts where there is none. */
int stack_enter(const struct stack *s, const char *name, struct stack *ret, struct err *err);
/* All that is in it, in the order of their bytes. */
int stack_list(const struct stack *s, struct strv *ret, struct err *err);

/* What is in one directory, in that order. fd is borrowed. */
int dir_list(int fd, struct strv *ret, struct err *err);
bool stat_is_whiteout(const struct stat *st);
bool dir_is_opaque(int fd);

#endif
