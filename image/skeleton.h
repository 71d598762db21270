/*
 * Skeletons: of a layer's tar stream all that is not in its unpacked tree (headers, padding, the
 * contents of what was left out), so that the stream can be had again, bit for bit, for save and
 * push. Kept beside the tree as one zstd frame, some hundredth of the layer.
 *
 *	"tiffin-skeleton-1\n"
 *	'R' len[4] bytes			bytes of the stream
 *	'F' len[2] path offset[8] len[8]	so many bytes of that file of the tree
 *	'S' len[2] path				what was at that path in the tree up to here was put
 *						out of sight, under the next number (image/shadow.h)
 *	'E' len[8]				the end: the stream's length
 *
 * Numbers are little-endian. Whether what comes of it is the layer is for its diff ID to say.
 */
#ifndef IMAGE_SKELETON_H
#define IMAGE_SKELETON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/owner.h"
#include "storage/store.h"

#define SKELETON_NAME  "skeleton"
#define SKELETON_MAGIC "tiffin-skeleton-1\n"

enum {
	SKELETON_RAW = 'R',
	SKELETON_FILE = 'F',
	SKELETON_SHADOW = 'S',
	SKELETON_END = 'E',
};

struct skeleton;

/*
 * Writes one into a directory, which is borrowed. What goes wrong on the way is told by
 * skeleton_finish.
 */
int skeleton_new(int dir, struct skeleton **ret, struct err *err);
void skeleton_free(struct skeleton *s);
void clean_skeleton(struct skeleton **s);

/*
 * The next bytes of the stream, which stay valid until skeleton_hold says that they are about to
 * go.
 */
void skeleton_feed(struct skeleton *s, const void *data, size_t len);
void skeleton_hold(struct skeleton *s);
/*
 * The bytes of the stream from at on, among those fed, went into that file of the tree, from the
 * offset on. In the order of the stream.
 */
void skeleton_content(struct skeleton *s, int64_t at, size_t len, const char *path, int64_t offset);
/*
 * What is at that path, dirfd/name, is about to make way: moves it out of sight. False where that
 * can't be (it is neither a file nor a directory, or there are too many of them): whoever asks
 * removes it.
 */
bool skeleton_shadow(struct skeleton *s, const char *path, int dirfd, const char *name);
/*
 * An owner that can't be recorded at the file itself: a line of the list beside the tree
 * (base/owner.h).
 */
void skeleton_list_owner(struct skeleton *s, const struct owner_entry *e);
int skeleton_finish(struct skeleton *s, struct err *err);

typedef int skeleton_sink(void *arg, const void *data, size_t len, struct err *err);

/*
 * The stream of a layer in the store, to the sink. NOT_FOUND: the layer has no skeleton. CORRUPT:
 * what comes of it has not the diff ID; the sink has had some of it by then.
 */
int skeleton_replay(const struct store *s, const char *diff_id, skeleton_sink *sink, void *arg,
		    struct err *err);
/* How many bytes it is going to be. */
int skeleton_size(const struct store *s, const char *diff_id, int64_t *ret, struct err *err);

#endif
