/*
 * Sources: where an image, or a registry's answer, can be had, and all that it takes to talk to it.
 *
 * tiffin finds out (configuration, credentials, certificates are the user's files); tiffin-image
 * does the talking. Between them goes one JSON object in an anonymous file (memfd), never in an
 * argument or the environment, where others could read the secrets. Needs nothing but base.
 */
#ifndef IMAGE_SOURCE_H
#define IMAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "image/certificates.h"
#include "image/credentials.h"

struct source {
	char *registry;	  /* "docker.io", "localhost:5000" */
	char *repository; /* "library/alpine"; NULL: the registry itself is meant */
	bool insecure;	  /* any certificate will do, and plain HTTP */
	struct credentials credentials;
	struct certificates certificates;
};

/* In the order in which they are to be tried. Owns them. Zero-initialise. */
struct source_list {
	struct source *v;
	size_t n;
};

/* Appends an empty one, to be filled: valid until the next is added. */
struct source *source_list_add(struct source_list *list, const char *registry,
			       const char *repository);
/* Wipes and frees. */
void source_list_done(struct source_list *list);

/* An anonymous file that holds them, to be read from its beginning. The caller closes. */
int source_list_to_fd(const struct source_list *list, int *ret_fd, struct err *err);
int source_list_from_fd(int fd, struct source_list *ret, struct err *err);

#endif
