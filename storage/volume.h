/*
 * Volumes: directories that outlive the containers that use them.
 *
 *	volumes/<name>/volume.json	JSON: labels, options, time of creation; immutable
 *	volumes/<name>/_data		what containers see
 *	volumes/<name>/fresh		empty; there until a container has used it, and it has taken what
 *					the image has in its place (storage/volume_use.h)
 *	volumes/<name>/copying		a copy of that in the making; another one starts anew
 *	volumes/<name>/lock		held meanwhile
 *
 * A volume is made whole in tmp/ and renamed into place; its removal begins with a rename to tmp/.
 * No other command touches it, or looks into _data, whose content is whatever containers left
 * there.
 *
 * Which containers use a volume is what their records say (spec.mounts, of kind "volume"). Who
 * makes a container holds the lock on volumes, shared, from when it finds them until the record is
 * there; who removes a volume takes it exclusively, looks who uses it, and moves it away.
 */
#ifndef STORAGE_VOLUME_H
#define STORAGE_VOLUME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "storage/store.h"

#define VOLUME_ID_LEN 64 /* of a name that nobody chose, in hex */

struct volume {
	char *name;
	char *path;	 /* absolute: its _data, or where its options say that it is (device=) */
	bool elsewhere;	 /* the latter */
	struct strv labels, options; /* "key=value", "key" */
	int64_t created; /* nanoseconds since the epoch */
	bool anonymous;	 /* made for a container, and to go with it */
	bool fresh;	 /* no container has used it yet */
};

void volume_done(struct volume *v);
void volume_list_done(struct volume *list, size_t n);

struct volume_new {
	const char *name; /* NULL: one is made up */
	const struct strv *labels, *options; /* as above, checked; may be NULL */
	bool anonymous; /* and not synced: it does not matter more than the container */
};

bool volume_name_valid(const char *name);

/*
 * Makes one. *ret_name is its name, to be freed. EXISTS, in podman's words: there is one; USAGE:
 * the name is not well-formed.
 */
int volume_create(const struct store *s, const struct volume_new *new, char **ret_name,
		  struct err *err);
/*
 * Finds one by its name, or by the first digits of one that nobody chose. NOT_FOUND in podman's
 * words; USAGE: the digits fit several.
 */
int volume_find(const struct store *s, const char *name, struct volume *ret, struct err *err);
/* By that very name. */
bool volume_exists(const struct store *s, const char *name);
/* All of them, by name. The caller frees with volume_list_done. */
int volume_list(const struct store *s, struct volume **ret, size_t *ret_n, struct err *err);

/* The lock on volumes, shared: until it is closed none is removed. */
int volume_hold(const struct store *s, int *ret_lock, struct err *err);

/*
 * Who uses which volumes, found out once for any number of questions: a JSON object of arrays of
 * container IDs by volume name. The caller decrefs.
 */
int volume_users(const struct store *s, json_t **ret, struct err *err);

/*
 * Moves one that no container uses to tmp/, as *ret_trash, for the caller to delete
 * (helper_remove_trash); the name is free. BUSY, in podman's words, names the containers. What lies
 * elsewhere stays as it is.
 */
int volume_remove(const struct store *s, const char *name, char ret_trash[STAGE_NAME_MAX],
		  struct err *err);

/*
 * A container has been removed whose record this is: so are the volumes that were made for it
 * alone, and that nobody else uses. trash: names in tmp/ are appended to it.
 */
void volume_release(const struct store *s, const json_t *record, struct strv *trash);
/* The same of the container that lies in tmp/ under that name. */
void volume_release_trash(const struct store *s, const char *name, struct strv *trash);

#endif
