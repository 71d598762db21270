/*
 * --userns keep-id, nomap, auto, --uidmap, --gidmap: which of the caller's IDs a container's are,
 * as podman 4.3 has it for ordinary users (podman-run(1)).
 */
#ifndef CMD_USERNS_MODE_H
#define CMD_USERNS_MODE_H

#include <stdbool.h>

#include "base/id_range.h"
#include "cmd/command.h"

enum userns_kind {
	USERNS_USUAL, /* root is the caller, the subordinate IDs follow; or another container's */
	USERNS_KEEP_ID,
	USERNS_NOMAP,
	USERNS_AUTO,
	USERNS_MAPS,
};

/* What was asked for. */
struct userns_mode {
	enum userns_kind kind;
	const char *text;	 /* borrowed: as it was typed; NULL with USERNS_MAPS */
	int64_t uid, gid;	 /* keep-id: as whom the caller is seen; -1: as themselves */
	uint32_t size;		 /* auto: so many; 0: as many as the image has use for */
	struct id_mapping asked; /* maps; of auto: those that are settled */
};

/*
 * text: of --userns, may be NULL. USERNS_USUAL where it is none of ours. ERR_USAGE: malformed, or
 * both a mode and maps.
 */
int userns_mode_parse(const char *text, const struct strv *uid_maps, const struct strv *gid_maps,
		      struct userns_mode *ret, struct err *err);

/* What a mapping is made for. */
struct userns_image {
	const char *id; /* "": there is none, but a directory */
	const struct strv *layers;
	const char *user; /* --user, or the image's; may be NULL */
};

/*
 * The mapping, to be freed; NULL: the container's IDs are the store's. *ret_lock, with auto: until
 * the container is in the store, nobody else chooses. ERR_DENIED: the caller has not so many IDs.
 */
int userns_mode_resolve(struct tiffin *t, const struct userns_mode *mode,
			const struct userns_image *image, struct id_mapping **ret, int *ret_lock,
			struct err *err);

#endif
