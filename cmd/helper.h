/*
 * Work that is done by a helper in the user namespace: what talks to registries (tiffin-image), and
 * removing what belongs to subordinate users.
 */
#ifndef CMD_HELPER_H
#define CMD_HELPER_H

#include "cmd/access.h"
#include "cmd/command.h"
#include "image/retry.h"

struct pull_options {
	bool quiet;
	char *platform;	  /* NULL: this machine's */
	bool newer;	  /* only where the registry has another than the store */
	struct access_options access;
	struct retry retry;
};

#define PULL_OPTIONS_INIT { .retry = RETRY_DEFAULT }

/* Pulls by tiffin-image. reference is as the user typed it. *ret_id is the image's, to be freed. */
int helper_pull(struct tiffin *t, const char *reference, const struct pull_options *options,
		char **ret_id, struct err *err);
/* The tags of a source's repository, by name. */
int helper_tags(struct tiffin *t, const struct source_list *sources, const struct retry *retry,
		struct strv *ret, struct err *err);
/* What the registry of a source finds: objects of image/catalog.h. The caller decrefs. */
int helper_search(struct tiffin *t, const struct source_list *source, const char *term, int limit,
		  json_t **ret, struct err *err);
/* Are a source's credentials good for its registry? DENIED where it says that they are not. */
int helper_login(struct tiffin *t, const struct source_list *source, struct err *err);
struct push_options {
	bool quiet;
	struct retry retry;
	struct access_options access;
	char *format;	   /* "oci", "v2s2"; NULL: as it came */
	char *compression; /* "gzip", "zstd"; NULL: as each layer came */
};
/*
 * Pushes an image ("ID[,NAME]") to a reference. *ret_text: "DIGEST SIZE", of the manifest, to be
 * freed.
 */
int helper_push(struct tiffin *t, const char *image, const char *reference,
		const struct push_options *options, char **ret_text, struct err *err);
/*
 * Writes images ("ID[,NAME…]", image/save.h) in a format to a descriptor, of an archive or of a
 * directory.
 */
int helper_save(struct tiffin *t, const struct strv *images, const char *format, bool compress,
		int fd, struct err *err);
/*
 * Loads what is in an archive or directory: all, or the one image only, under a name, which may be
 * NULL (image/load.h). *ret_names: a line for each.
 */
int helper_load(struct tiffin *t, int fd, bool directory, const char *only, const char *name,
		char **ret_names, struct err *err);
/*
 * Compiles a seccomp profile (image/seccomp_profile.h) that fd reads, for a container with these
 * capabilities. *ret is a struct sock_filter[] in hex; the caller frees.
 */
int helper_seccomp(struct tiffin *t, int fd, const struct strv *caps, char **ret, struct err *err);
/*
 * Makes an image of an archive, or of what a URL leads to (then fd is -1). config: JSON, see
 * image/import.h; name: canonical, or NULL.
 */
int helper_import(struct tiffin *t, int fd, const char *url, const char *config, const char *name,
		  char **ret_id, struct err *err);
/*
 * Commits (image/commit.h). tree: the whole of it, or -1. format: "oci", "v2s2"; name may be
 * NULL.
 */
struct commit_request {
	const char *config, *name, *format, *driver, *container;
	const struct strv *places;
	const struct id_mapping *mapping; /* of the container, or NULL */
	int tree;
};
int helper_commit(struct tiffin *t, const struct commit_request *request, char **ret_id,
		  struct err *err);
/* Checks images and layers against their digests: findings, as image/check.h has them. */
int helper_check(struct tiffin *t, char **ret_lines, struct err *err);
/*
 * Writes the tree beneath a descriptor to another, as a tar archive; or (entry) one entry of it,
 * under a name, a directory's content alone where that is "". A tree of the host's is opened
 * O_PATH. owners: recorded ones (base/owner.h), mapping: the container's; or NULL.
 */
int helper_export(struct tiffin *t, int root, const char *entry, const char *name,
		  const struct buf *owners, const struct id_mapping *mapping, int out,
		  struct err *err);
/* Unpacks the archive that fd reads beneath a directory (image/fill.h); tree: opened O_PATH. */
int helper_fill(struct tiffin *t, int tree, int fd, struct err *err);
/* Deletes one entry of tmp/, in a user namespace where it takes one. */
void helper_remove_trash(const struct store *store, const struct id_map *ids, const char *name);
/*
 * Sweeps the store: what was left in tmp/ by removals and by processes that died. What belongs to
 * subordinate users is removed in a user namespace, which is made only where there is any.
 */
void helper_sweep(const struct store *store, const struct id_map *ids);

#endif
