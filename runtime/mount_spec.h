/*
 * One mount of a container's: what was asked for by -v, --mount, --tmpfs, --volumes-from, the
 * image's VOLUME, or what tiffin adds on its own.
 *
 * Ownership: a struct mount_spec owns its strings; mount_spec_done frees them.
 */
#ifndef RUNTIME_MOUNT_SPEC_H
#define RUNTIME_MOUNT_SPEC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum mount_kind {
	MOUNT_BIND,   /* source: a path on the host, made absolute */
	MOUNT_TMPFS,  /* source: mount options ("size=64m,mode=1777"), checked */
	MOUNT_VOLUME, /* name: the volume's, or NULL as long as it has none */
	MOUNT_IMAGE,  /* source: the image's name, as typed; name: its ID; layers */
};

/*
 * Whether what is mounted beneath it later, on the host or in the container, is seen on both sides.
 */
enum mount_propagation {
	PROPAGATION_PRIVATE,
	PROPAGATION_SLAVE,  /* from the host to the container */
	PROPAGATION_SHARED, /* the same, and among those who share it in the container */
};

struct mount_spec {
	enum mount_kind kind;
	char *source, *target; /* target: absolute, in the container */
	char *name;
	bool read_only, no_exec, no_suid, no_dev;
	bool alone; /* without what is mounted beneath the source */
	bool chown; /* what is in it is to belong to the container's user */
	bool no_copy; /* a fresh volume does not take what the image has there */
	bool copy_up; /* a tmpfs does */
	bool anonymous; /* a volume that was made for the container */
	bool said; /* on the command line or by the image: not tiffin's own */
	bool shared; /* with --volumes-from: the user's or the image's, and no tmpfs */
	bool overlay; /* what is written goes to a layer above the source, dropped at the end */
	char *upper, *work; /* or, both absolute, to this one, which stays */
	enum mount_propagation propagation;
	bool spread; /* the propagation is that of what is mounted beneath it, too */
	struct strv layers; /* of an image: diff IDs, the lowest first */
	struct strv labels, options; /* of a volume that is still to be made; not recorded */
};

void mount_spec_done(struct mount_spec *m);
/* A copy with strings of its own. */
struct mount_spec mount_spec_copy(const struct mount_spec *m);

/* To and from a container's record, which names volumes by "kind" and "name" (storage/volume.h). */
json_t *mount_spec_to_json(const struct mount_spec *m);
int mount_spec_from_json(const json_t *j, struct mount_spec *ret, struct err *err);

#endif
