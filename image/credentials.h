/*
 * Credentials: who we are to one registry, and how that is handed from tiffin, which reads the
 * files and asks the helpers, to tiffin-image, which talks to the registry.
 *
 * They are passed in an anonymous file (memfd) as one JSON object, never in an argument or the
 * environment, where others could read them; and no message quotes them. Needs nothing but base.
 */
#ifndef IMAGE_CREDENTIALS_H
#define IMAGE_CREDENTIALS_H

#include <stdbool.h>

#include "base/err.h"

struct credentials {
	char *username, *password;
	char *identity_token; /* an OAuth2 refresh token in place of the two, or NULL */
};

/* Wipes and frees. */
void credentials_done(struct credentials *c);
bool credentials_are_set(const struct credentials *c);
/* "user:password", "user" (with an empty password): ERR_USAGE where there is no user. */
int credentials_parse(const char *text, struct credentials *ret, struct err *err);

/* An anonymous file that holds them, to be read from its beginning. The caller closes. */
int credentials_to_fd(const struct credentials *c, int *ret_fd, struct err *err);
int credentials_from_fd(int fd, struct credentials *ret, struct err *err);

#endif
