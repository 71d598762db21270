/*
 * What storage/transfer.c's two sides say to each other. A directory is followed by what is in it
 * and LEAVE; END is the last of all, without which something broke off.
 */
#ifndef STORAGE_TRANSFER_MESSAGE_H
#define STORAGE_TRANSFER_MESSAGE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum transfer_kind {
	TRANSFER_HEAD, /* contents: whether what is in the directory that follows is meant */
	TRANSFER_DIRECTORY,
	TRANSFER_LEAVE,
	TRANSFER_FILE, /* with its descriptor */
	TRANSFER_SYMLINK,
	TRANSFER_FIFO,
	TRANSFER_END,
};

struct transfer_message {
	enum transfer_kind kind;
	int contents;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	char name[NAME_MAX + 1];
	char target[PATH_MAX]; /* of a symlink; sent as long as it is, with its NUL */
};

#endif
