/*
 * Images: a configuration and a manifest, byte for byte as they came, by the SHA-256 of the
 * configuration (the image ID), and the references (names) that point to them.
 *
 * The references are one JSON file under one lock ("images"): shared for who needs an image to
 * stay while it is looked at, exclusive for who adds or removes. Neither is held for long.
 */
#ifndef STORAGE_IMAGE_H
#define STORAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"
#include "base/str.h"

#define IMAGE_ID_LEN 64 /* hex digits */

struct image_record {
	char id[IMAGE_ID_LEN + 1];
	char manifest_digest[72]; /* "sha256:…" */
	struct strv names;	  /* canonical references: "docker.io/library/alpine:latest" */
	struct strv name_digests; /* of each name's manifest: "sha256:…", or "" */
	struct strv digests;	  /* "docker.io/library/alpine@sha256:…" */
	struct strv layers;	  /* diff IDs, the lowest first */
	int64_t size;		  /* of all layers, unpacked, bytes */
	int64_t created;	  /* seconds since the epoch, as the image says; 0 unknown */
};

void image_record_done(struct image_record *r);

/* What a pull (load, import, commit) hands over, every byte of it verified. Borrowed. */
struct image_new {
	const char *id;		     /* 64 hex digits: SHA-256 of config */
	const void *config;
	size_t config_len;
	const char *manifest_digest; /* "sha256:…" of manifest */
	const void *manifest;
	size_t manifest_len;
	const struct strv *layers;   /* diff IDs, the lowest first; each in the store, locked */
	int64_t size, created;
	const char *name;	     /* canonical reference with a tag, or NULL */
	const char *repository;	     /* "docker.io/library/alpine", for its repo digest, or NULL */
	const char *index_digest;    /* of the index that led to the manifest, likewise, or NULL */
};

/*
 * Stores it, durably, and points the name to it last. What is there already stays; another manifest
 * of an image that is there is kept beside the first.
 */
int image_put(const struct store *s, const struct image_new *image, struct err *err);

/*
 * Finds an image by canonical reference ("…:tag" or "…@sha256:…") or, where that is none, by ID or
 * a prefix of it. ERR_NOT_FOUND; ERR_USAGE where a prefix fits several.
 */
int image_find(const struct store *s, const char *canonical, const char *id_or_prefix,
	       struct image_record *ret, struct err *err);
/* All of them, the newest first. The caller frees with image_list_done. */
int image_list(const struct store *s, struct image_record **ret, size_t *ret_n, struct err *err);
/*
 * The same. *ret_whole: none was passed over, but such as are being removed; where it is false
 * nobody can tell which layers are in use.
 */
int image_list_all(const struct store *s, struct image_record **ret, size_t *ret_n, bool *ret_whole,
		   struct err *err);
void image_list_done(struct image_record *list, size_t n);
/* The configuration's bytes, and the manifest's. */
int image_read_config(const struct store *s, const char *id, struct buf *ret, struct err *err);
int image_read_manifest(const struct store *s, const char *id, struct buf *ret, struct err *err);
/*
 * The manifest that a name of the image came with, or the image's own, where name is NULL or has
 * none.
 */
int image_read_manifest_of(const struct store *s, const char *id, const char *name, struct buf *ret,
			   struct err *err);

/*
 * Under the exclusive lock: removes the image, all names of it, and the layers that no other image
 * has. The caller made sure that no container uses it.
 */
int image_remove(const struct store *s, const struct image_record *image, struct strv *ret_layers,
		 struct err *err);

/* Names: storage/image_names.c. */

/* The lock on names; see above. */
int image_lock(const struct store *s, bool exclusive, int *ret_lock, struct err *err);
/* Those that lead to no image. CORRUPT: the list of names can't be read. */
int image_find_dangling(const struct store *s, struct strv *ret, struct err *err);
/* Under the exclusive lock: drops such names; a list that can't be read is begun anew. */
int image_drop_dangling(const struct store *s, struct err *err);
/* Under the exclusive lock: points a name to the image, whatever it stood for before. */
int image_tag(const struct store *s, const struct image_record *image, const char *canonical,
	      struct err *err);
/*
 * A registry has it in the repository by that digest, too: where a tag of the repository is the
 * image's, the digest becomes one of its names.
 */
int image_add_digest(const struct store *s, const char *id, const char *repository,
		     const char *digest, struct err *err);
/*
 * Under the exclusive lock: drops a tag, and with the last of a repository the image's digests of
 * it.
 */
int image_untag(const struct store *s, const char *canonical, struct err *err);

#endif
