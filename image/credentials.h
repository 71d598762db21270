/*
 * Credentials: who we are to one registry, and how that is handed from tiffin, which reads the
 * files and asks the helpers, to tiffin-image, which talks to the registry (image/source.h).
 *
 * No message quotes them. Needs nothing but base.
 */
#ifndef IMAGE_CREDENTIALS_H
#define IMAGE_CREDENTIALS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct credentials {
	char *username, *password;
	char *identity_token; /* an OAuth2 refresh token in place of the two, or NULL */
};

/* Wipes and frees. */
void credentials_done(struct credentials *c);
bool credentials_are_set(const struct credentials *c);
void credentials_copy(const struct credentials *c, struct credentials *ret);
/* "user:password", "user" (with an empty password): ERR_USAGE where there is no user. */
int credentials_parse(const char *text, struct credentials *ret, struct err *err);

/* An object, and back. */
json_t *credentials_to_json(const struct credentials *c);
void credentials_from_json(const json_t *j, struct credentials *ret);

#endif
