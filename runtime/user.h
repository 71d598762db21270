/*
 * Users as a container knows them: "name|uid[:group|gid]" looked up in its own /etc/passwd and
 * /etc/group.
 *
 * Both files are the image's, hence hostile: they are read line by line, up to a bound, and only
 * where they are regular files (CVE-2024-9676). IDs beyond 2^31-1 are refused wherever they stand
 * (CVE-2024-40635).
 */
#ifndef RUNTIME_USER_H
#define RUNTIME_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define USER_GROUPS_MAX 64

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* supplementary, and the primary one (CVE-2022-2989) */
	size_t n_groups;
	char home[256]; /* "/" where nothing says */
	bool in_passwd;
};

/*
 * root is the directory that /etc is looked up in, never left. A NULL or empty text is root.
 * ERR_NOT_FOUND: no such user or group; ERR_USAGE: an ID out of range.
 */
int user_resolve(int root, const char *text, struct user *ret, struct err *err);
/* Adds groups to the user's, by name or number. */
int user_add_groups(int root, const struct strv *groups, struct user *u, struct err *err);
/* Does /etc/group have this number? */
bool user_group_known(int root, gid_t gid);

/* The name that the container's files have for an ID (group: of a group); -1: there is none. */
#define USER_NAME_MAX 256
int user_name_of(int root, bool group, unsigned int id, char ret[USER_NAME_MAX]);

#endif
