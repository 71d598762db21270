/*
 * References: what a user types for an image, and the one canonical form of it.
 *
 * "alpine" is docker.io/library/alpine:latest; "localhost:5000/x@sha256:…" stays as it is. The
 * grammar is that of the distribution project's reference package: lower-case repository of at most
 * 255 bytes, tag of at most 128, digest "sha256:" and 64 lower-case hex digits. The first component
 * is a registry where it holds a dot or a colon or is "localhost".
 *
 * Linked into tiffin as well as tiffin-image; needs nothing but base.
 */
#ifndef IMAGE_REFERENCE_H
#define IMAGE_REFERENCE_H

#include <stdbool.h>

#include "base/err.h"

struct reference {
	char *registry;	  /* "docker.io", "localhost:5000" */
	char *repository; /* "library/alpine" */
	char *tag;	  /* "latest", or NULL where only a digest was given */
	char *digest;	  /* "sha256:…", or NULL */
};

void reference_done(struct reference *r);
/* ERR_USAGE: "invalid reference format", with what is wrong with it. */
int reference_parse(const char *text, struct reference *ret, struct err *err);

/* Does it leave its registry to be guessed? Any text will do. */
bool reference_is_short(const char *text);

/* "docker.io/library/alpine:latest", "…@sha256:…"; without tag and digest. The callers free. */
char *reference_canonical(const struct reference *r);
char *reference_name(const struct reference *r);

#endif
