/*
 * Theory of operation
 *
 * libarchive parses (tar in all its dialects: ustar, PAX, GNU, sparse files) and writes nothing: of
 * its reading side only the tar format is enabled and no filter, as a layer comes inflated (the
 * archives that a user loads are another matter, and have four); of its writing side, which works
 * on path strings, nothing is used. It hands us an entry, and
 *
 *   layer_path	 turns the entry's name into a path of plain components: a leading "/" and every "."
 *		 fall away, ".." is refused, for no tool that writes layers writes it;
 *   apply	 looks at the last component for a whiteout, then at the entry's type, and calls the
 *		 function of tree.c that makes such a thing, beneath the root and by descriptor;
 *   copy_data	 writes a file's content straight out of the buffer that the stream arrives in.
 *
 * Names stay the bytes that they are. libarchive would convert the UTF-8 of PAX headers to the
 * locale's encoding, and normalise it on the way (NFD to NFC: another name). In the "C" locale,
 * where a program is that never calls setlocale, it keeps the bytes of whatever is not ASCII.
 *
 * Which extended attributes are taken over is a list of what may be, not of what may not: user.*
 * without user.overlay.*, with which a layer could dress up as overlayfs' metadata, and
 * security.capability, which the kernel binds to our user namespace.
 */
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "base/str.h"
#include "image/layer_path.h"
#include "image/tree.h"
#include "storage/stack.h"

#define BLOCK	    512 /* of an archive */
#define ENTRY_BYTES 2048 /* of an entry's headers, on average, at most */
#define LOOK_BYTES  ((int64_t)16 << 20) /* written without a look at what is free */
#define SPARE_BYTES ((int64_t)128 << 20) /* left free, or a hundredth of a small disk */

struct unpack {
	struct archive *archive;
	struct tree tree;
	unpack_source *source;
	void *arg;
	struct skeleton *skeleton;
	struct err source_err; /* why the source failed, where it did */
	bool source_failed, source_ended;
	bool whole; /* the last file's content is all there: its padding may lack */
	bool plain; /* no filter is between the source and the parser */
	int64_t bytes, max_bytes, entries, max_entries;
	int64_t stream, max_stream; /* of the archive, whatever is in it */
	int64_t unseen;		    /* written since the last look at what is free */
};

/* What the parser gets to see, the skeleton sees as well. */
static int next_piece(struct unpack *u, const void **ret, size_t *ret_len, struct err *err)
{
	int n;

	/* The source takes the last piece back first. */
	if (u->skeleton)
		skeleton_hold(u->skeleton);
	n = u->source(u->arg, ret, ret_len, err);
	u->stream += n > 0 ? (int64_t)*ret_len : 0;
	if (u->stream > u->max_stream)
		return err_set(err, ERR_CORRUPT, "it is a larger archive than any layer may be");
	if (n > 0 && u->skeleton)
		skeleton_feed(u->skeleton, *ret, *ret_len);
	return n;
}

/*
 * An archive whose writer never closed it (umoci insert) ends with its last file's last byte. Go's
 * reader, which is docker's and podman's, takes that for an end; libarchive is shown the zeros that
 * lack.
 */
static la_ssize_t pad(const struct unpack *u, const void **ret)
{
	static const char zeros[BLOCK];
	const size_t rest = (size_t)(u->stream % BLOCK);

	*ret = zeros;
	return u->plain && u->whole && rest ? (la_ssize_t)(BLOCK - rest) : 0;
}

static la_ssize_t read_source(struct archive *a, void *arg, const void **ret)
{
	struct unpack *u = arg;
	size_t len = 0;
	int n;

	if (u->source_ended)
		return 0;
	n = next_piece(u, ret, &len, &u->source_err);
	if (n < 0) {
		u->source_failed = true;
		archive_set_error(a, EIO, "the stream broke off");
		return -1;
	}
	u->source_ended = n == 0;
	return n ? (la_ssize_t)len : pad(u, ret);
}

static void clean_archive(struct archive **a)
{
	archive_read_free(*a);
}

static int archive_err(const struct unpack *u, struct err *err)
{
	CLEAN(clean_free) char *safe = str_printable(archive_error_string(u->archive) ?: "damaged");

	if (u->source_failed) {
		if (err)
			*err = u->source_err;
		return -1;
	}
	return err_set(err, ERR_CORRUPT, "it is not a valid tar archive: %.200s", safe);
}

/* With one ID mapped, an owner that we have recorded is not the layer's to say. */
static bool xattr_wanted(const struct unpack *u, const char *name)
{
	if (u->tree.single_id && streq(name, OWNER_XATTR))
		return false;
	return (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
	       streq(name, "security.capability");
}

/* Whatever the file system or the namespace can't hold is left out. */
static int set_xattrs(const struct unpack *u, int fd, const char *path, struct archive_entry *e,
		      struct err *err)
{
	const char *name;
	const void *value;
	size_t len;

	if (archive_entry_xattr_reset(e) == 0)
		return 0;
	while (archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !xattr_wanted(u, name) || fsetxattr(fd, name, value, len, 0) == 0)
			continue;
		if (errno != ENOTSUP && errno != EPERM && errno != EINVAL && errno != ERANGE)
			return tree_err(err, "set the extended attributes of", path);
	}
	return 0;
}

static int count_bytes(struct unpack *u, int64_t n, const char *path, struct err *err)
{
	if (n < 0)
		return layer_refuse(err, path, "has a negative size");
	if (n > u->max_bytes - u->bytes)
		return layer_refuse(err, path, "would make the layer larger than any may be");
	u->bytes += n;
	return 0;
}

/* Room for so many bytes more, and some to spare for everybody else. */
static int check_room(struct unpack *u, int64_t wanted, const char *path, struct err *err)
{
	struct statvfs v;
	int64_t room, spare;

	u->unseen = 0;
	if (fstatvfs(u->tree.root, &v) < 0)
		return tree_err(err, "write", path);
	if (v.f_blocks == 0)
		return 0; /* one that keeps no count: ramfs */
	room = (int64_t)(v.f_bavail * v.f_frsize);
	spare = (int64_t)(v.f_blocks / 100 * v.f_frsize);
	if (wanted <= room - (spare < SPARE_BYTES ? spare : SPARE_BYTES))
		return 0;
	errno = ENOSPC;
	return tree_err(err, "write", path);
}

static int write_at(int fd, const void *data, size_t len, int64_t at)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Blocks come in order, holes between them are those of a sparse file. */
static int copy_data(struct unpack *u, int fd, const char *path, int64_t size, struct err *err)
{
	int64_t end = 0, at;
	const void *data;
	size_t len;
	int n;

	while ((n = archive_read_data_block(u->archive, &data, &len, &at)) == ARCHIVE_OK) {
		if (at < 0 || at > size || (int64_t)len > size - at)
			return layer_refuse(err, path, "is larger than it says");
		u->unseen += (int64_t)len;
		if (u->unseen > LOOK_BYTES && check_room(u, (int64_t)len, path, err) < 0)
			return -1;
		if (write_at(fd, data, len, at) < 0)
			return tree_err(err, "write", path);
		/* The block is not consumed before the next one is asked for. */
		if (u->skeleton && len)
			skeleton_content(u->skeleton, archive_filter_bytes(u->archive, 0), len,
					 path, at);
		end = at + (int64_t)len;
		u->whole = end == size;
	}
	u->whole = false;
	if (n != ARCHIVE_EOF)
		return archive_err(u, err);
	if (end < size && ftruncate(fd, size) < 0)
		return tree_err(err, "write", path);
	return 0;
}

static int unpack_file(struct unpack *u, const char *path, struct archive_entry *e,
		       const struct tree_meta *m, struct err *err)
{
	int64_t size = archive_entry_size(e);
	/* A hole takes no room. */
	const bool large = size > LOOK_BYTES && archive_entry_sparse_count(e) == 0;
	CLEAN(clean_fd) int fd = -1;

	if (count_bytes(u, size, path, err) < 0 ||
	    (large && check_room(u, size, path, err) < 0) ||
	    tree_file(&u->tree, path, m, &fd, err) < 0)
		return -1;
	if (size && copy_data(u, fd, path, size, err) < 0)
		return -1;
	if (tree_finish_file(&u->tree, fd, path, m, err) < 0)
		return -1;
	return set_xattrs(u, fd, path, e, err);
}

static int unpack_directory(struct unpack *u, const char *path, struct archive_entry *e,
			    const struct tree_meta *m, struct err *err)
{
	int fd;

	if (tree_directory(&u->tree, path, m, &fd, err) < 0)
		return -1;
	return set_xattrs(u, fd, path, e, err);
}

static int unpack_hardlink(struct unpack *u, const char *path, const char *link, struct err *err)
{
	CLEAN(clean_free) char *target = NULL;

	if (layer_path(link, &target, err) < 0)
		return -1;
	return tree_hardlink(&u->tree, path, target, err);
}

/* ".wh.x" hides x of the layers below: 1; 0 where the entry is not of that kind; -1. */
static int apply_whiteout(struct unpack *u, char *path, struct err *err)
{
	char *base = path + (path_base(path) - path);
	char *hidden = base + strlen(MARK_PREFIX);
	bool opaque = streq(base, MARK_OPAQUE);

	if (opaque)
		base[base > path ? -1 : 0] = '\0';
	if (layer_path_is_meta(path))
		return 1;
	if (opaque)
		return tree_opaque(&u->tree, path, err) < 0 ? -1 : 1;
	if (!starts_with(base, MARK_PREFIX))
		return 0;
	if (!*hidden || streq(hidden, ".") || streq(hidden, ".."))
		return layer_refuse(err, path, "is not a valid whiteout");
	memmove(base, hidden, strlen(hidden) + 1);
	return tree_whiteout(&u->tree, path, err) < 0 ? -1 : 1;
}

static int apply(struct unpack *u, struct archive_entry *e, struct err *err)
{
	const char *link = archive_entry_hardlink(e);
	const mode_t type = archive_entry_filetype(e);
	const struct tree_meta m = {
		.mode = archive_entry_perm(e) & 07777,
		.uid = archive_entry_uid(e),
		.gid = archive_entry_gid(e),
		.mtime = { archive_entry_mtime(e), archive_entry_mtime_nsec(e) },
	};
	CLEAN(clean_free) char *path = NULL;
	int whiteout;

	if (layer_path(archive_entry_pathname(e), &path, err) < 0)
		return -1;
	/* A directory is never a whiteout: what is in ".wh.x/" has ordinary names. */
	whiteout = u->tree.keeps	      ? 0 :
		   type == AE_IFDIR && !link ? layer_path_is_meta(path) :
					       apply_whiteout(u, path, err);
	if (whiteout)
		return whiteout < 0 ? -1 : 0;
	if (link)
		return unpack_hardlink(u, path, link, err);
	switch (type) {
	case AE_IFREG:
		return unpack_file(u, path, e, &m, err);
	case AE_IFDIR:
		return unpack_directory(u, path, e, &m, err);
	case AE_IFLNK:
		return tree_symlink(&u->tree, path, archive_entry_symlink(e) ?: "", &m, err);
	case AE_IFIFO:
		return tree_fifo(&u->tree, path, &m, err);
	default:
		return 0; /* devices and sockets */
	}
}

/* What follows the archive counts in the layer's digest, and in nothing else. */
static int drain(struct unpack *u, struct err *err)
{
	const void *data;
	size_t len;

	while (!u->source_ended) {
		int n = next_piece(u, &data, &len, err);

		if (n < 0)
			return -1;
		u->source_ended = n == 0;
	}
	return 0;
}

static int unpack_entries(struct unpack *u, struct err *err)
{
	struct archive_entry *e;

	for (;;) {
		int n = archive_read_next_header(u->archive, &e);

		if (n == ARCHIVE_EOF)
			return drain(u, err);
		/* A warning is about a name that is not UTF-8, which is no business of ours. */
		if (n != ARCHIVE_OK && n != ARCHIVE_WARN)
			return archive_err(u, err);
		u->entries++;
		if (apply(u, e, err) < 0)
			return -1;
		if (u->entries + u->tree.implied > u->max_entries)
			return err_set(err, ERR_CORRUPT, "it has more than %lld entries",
				       (long long)u->max_entries);
	}
}

static void set_limits(struct unpack *u, const struct unpack_options *o)
{
	u->max_bytes = o->max_bytes ?: UNPACK_BYTES_MAX;
	if (o->packed && o->packed < (u->max_bytes - UNPACK_BYTES_FREE) / UNPACK_RATIO)
		u->max_bytes = UNPACK_BYTES_FREE + o->packed * UNPACK_RATIO;
	u->max_entries = o->max_entries ?: UNPACK_ENTRIES_MAX;
	u->max_stream = u->max_bytes + ENTRY_BYTES * u->max_entries;
}

int unpack_tar(int root, unpack_source *source, void *arg, const struct unpack_options *options,
	       int64_t *ret_bytes, struct err *err)
{
	CLEAN(clean_archive) struct archive *a = archive_read_new();
	struct unpack u = {
		.archive = a,
		.source = source,
		.arg = arg,
		.skeleton = options->skeleton,
		.plain = !options->compressed,
	};
	int result;

	set_limits(&u, options);
	archive_read_support_format_tar(a);
	if (options->compressed) {
		archive_read_support_filter_gzip(a);
		archive_read_support_filter_zstd(a);
		archive_read_support_filter_xz(a);
		archive_read_support_filter_bzip2(a);
	}
	archive_read_support_format_empty(a);
	if (tree_init(&u.tree, root, options->single_id, options->plain, err) < 0)
		return -1;
	u.tree.skeleton = options->skeleton;
	if (archive_read_open(a, &u, NULL, read_source, NULL) != ARCHIVE_OK)
		result = archive_err(&u, err);
	else
		result = unpack_entries(&u, err);
	/* Where it failed, the tree goes to the bin: what leaving it says does not matter. */
	if (tree_done(&u.tree, result < 0 ? NULL : err) < 0)
		result = -1;
	if (result == 0)
		*ret_bytes = u.bytes;
	return result;
}
