/*
 * Credential helpers: programs "docker-credential-NAME" that keep secrets in a key ring, for docker
 * and everybody else (docker-credential-helpers, "Development"): a verb as their argument, the
 * question on standard input, the answer on standard output.
 *
 * They are run by tiffin, in the user's own environment, never by tiffin-image, which may execute
 * nothing. Their names come from the user's files, and are of letters, digits, '.', '_' and '-'.
 */
#ifndef IMAGE_CREDENTIAL_HELPER_H
#define IMAGE_CREDENTIAL_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "image/credentials.h"

/* *ret_found: it has any for the server. */
int credential_helper_get(const char *name, const char *server, struct credentials *ret,
			  bool *ret_found, struct err *err);
int credential_helper_store(const char *name, const char *server, const struct credentials *c,
			    struct err *err);
int credential_helper_erase(const char *name, const char *server, struct err *err);

/* What it answers to "get", where it ended well; pure. ERR_CORRUPT: not JSON. */
int credential_helper_read(const char *text, size_t len, struct credentials *ret, bool *ret_found,
			   struct err *err);

#endif
