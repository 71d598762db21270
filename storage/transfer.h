/*
 * Files on their way from one tree to another, between two processes that each see one of the two:
 * what one reads comes to the other through a socket, of regular files the descriptor, so that the
 * kernel can copy (or share) their contents.
 *
 * Either tree may be a container's, which changes while we are at it: everything is opened by
 * directory and name, no symlink is followed, nothing but regular files is opened for what is in
 * it, and what goes away meanwhile is left out (CVE-2018-15664). Names that are received are single
 * components. Sockets and devices are left out; modes and times are kept, hardlinks become files.
 */
#ifndef STORAGE_TRANSFER_H
#define STORAGE_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A pair of sockets, close-on-exec. */
int transfer_pair(int *ret_from, int *ret_to, struct err *err);

/* Where it comes from: an entry of a directory. */
struct transfer_source {
	int dir; /* borrowed */
	const char *name; /* "." for dir itself */
	const char *as;   /* what it is called where it goes, unless it is told otherwise there */
	bool contents;	  /* it is what is in the directory that is to be copied */
	bool recorded;	  /* whose it is, is recorded (base/owner.h) */
	/* What a user (kind "uid") or group ("gid") of ours is there; NULL: the same. */
	unsigned int (*id_there)(void *arg, const char *kind, unsigned int id);
	void *arg;
};
int transfer_send(int sock, const struct transfer_source *from, struct err *err);

/* Where it goes. */
struct transfer_target {
	int dir; /* borrowed */
	const char *name; /* there, or to be made; "." for dir itself */
	const char *text; /* for errors: the path as the user has it */
	bool slash;	  /* it has to be a directory */
	bool special;	  /* a file's content is written to it, as it is */
	bool owners;	  /* are kept; else all is root's */
	bool record;	  /* whose things are, which can't be set: one ID is mapped */
	bool overwrite;	  /* directories by what is none, and the other way round */
	bool host;	  /* no setuid, no setgid, no owners: it is not a container's */
};
/* NETWORK: the other side broke off, and knows why. */
int transfer_receive(int sock, const struct transfer_target *to, struct err *err);

#endif
