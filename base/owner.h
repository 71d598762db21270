/*
 * The owner of a file, where its file system can't hold it: with one ID mapped every file is the
 * caller's, and who it is to belong to in the container is an extended attribute beside it.
 *
 * Name and value are those that umoci, rootlesskit and PRoot use (user.rootlesscontainers, a
 * protobuf message of two numbers: rootlesscontaine.rs), so that they, too, see whom a file belongs
 * to. Only files and directories can have it: xattr(7).
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNER_XATTR "user.rootlesscontainers"
#define OWNER_MAX   12 /* bytes of a value */

struct owner {
	uint32_t uid, gid;
};

size_t owner_encode(struct owner o, unsigned char ret[OWNER_MAX]);
/*
 * False: it is none, for the value is anybody's. A number that is not there is 0; UINT32_MAX is no
 * ID.
 */
bool owner_decode(const unsigned char *value, size_t len, struct owner *ret);

/*
 * Of what has no attributes (symlinks, FIFOs, sockets), a list in a file tells: text, a line each.
 * Its key is the inode, and when that was made (nanoseconds; 0: the file system does not say):
 * numbers are used again.
 */
#define OWNERS_NAME "owners" /* of the file: beside a layer's tree, and in a container's directory */
struct owner_entry {
	uint64_t ino;
	int64_t born;
	struct owner owner;
	size_t line; /* in a list that was read */
};
#define OWNER_LINE_MAX 80
/* What dirfd/name is (not followed; "": dirfd), but for its owner. -1 with errno. */
int owner_identify(int dirfd, const char *name, struct owner_entry *ret);
size_t owner_print(const struct owner_entry *e, char ret[OWNER_LINE_MAX]);
/* A list that was read: by inode, and of two lines of one the later. */
struct owner_list {
	struct owner_entry *v;
	size_t n;
};
/* The text is anybody's: what follows a line that does not read well is left out. */
void owner_list_parse(const char *text, struct owner_list *ret);
void owner_list_done(struct owner_list *l);
/* False: it is not in it, and root's. */
bool owner_list_find(const struct owner_list *l, const struct owner_entry *key, struct owner *ret);

/* Of an open file. 0: read; -1 with errno, ENODATA where none is recorded. */
int owner_read(int fd, struct owner *ret);
/* Root's are not recorded: what was is removed. */
int owner_write(int fd, struct owner o);

#endif
