/*
 * Unpacking: the tar stream of a layer (OCI image specification, layer.md) into a tree, with
 * whiteouts as overlayfs wants them.
 *
 * The stream is hostile. What can't be in an honest layer ends it with ERR_CORRUPT and the entry's
 * name; what a layer may hold but a container must not get (device nodes, sockets, overlayfs' own
 * extended attributes) is left out in silence, as the other tools do.
 */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/skeleton.h"

/*
 * What one layer may grow to, so that 10 MB of bomb end before the disk does: several times what
 * the largest images of this world have; and, beyond some size, what gzip can make of zeros at
 * most, which zstd outdoes by far. Nor is the disk filled to its last byte.
 */
#define UNPACK_BYTES_MAX   ((int64_t)64 << 30)
#define UNPACK_ENTRIES_MAX ((int64_t)4 << 20)
#define UNPACK_BYTES_FREE  ((int64_t)4 << 30) /* to that size nobody asks for the ratio */
#define UNPACK_RATIO	   1032

struct unpack_options {
	bool single_id;	     /* owners are not set; recorded, with a skeleton */
	bool compressed;     /* the stream may be: gzip, zstd, xz, bzip2 */
	/*
	 * No layer: root may have content, which stays where no entry takes its place; nothing is a
	 * whiteout; with one ID mapped, owners are recorded where that takes no skeleton.
	 */
	bool plain;
	struct skeleton *skeleton; /* is told what went where; NULL: none is wanted */
	int64_t packed;	     /* bytes of the blob that the stream comes of; 0: not known */
	int64_t max_bytes;   /* of files' content, holes included; 0: UNPACK_BYTES_MAX */
	int64_t max_entries; /* 0: UNPACK_ENTRIES_MAX */
};

/*
 * Where the stream comes from: 1 and some bytes, which stay valid until the next call; 0 at its
 * end; -1 and err.
 */
typedef int unpack_source(void *arg, const void **ret_data, size_t *ret_len, struct err *err);

/*
 * Unpacks into root, an empty directory. Reads the source to its end, past the archive's own. The
 * process must have umask 0. *ret_bytes: of files' content.
 */
int unpack_tar(int root, unpack_source *source, void *arg, const struct unpack_options *options,
	       int64_t *ret_bytes, struct err *err);

#endif
