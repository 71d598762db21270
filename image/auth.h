/*
 * Authentication at one registry: what to put into the Authorization header, and what to do when
 * the registry answers 401.
 *
 * Basic (RFC 7617), and tokens: anonymous ones, ones for a user and password, and ones for an
 * identity token (distribution's "Token Authentication Specification", "OAuth2 Token
 * Authentication"). Credentials go to the registry's own origin, and to a realm that
 * origin_may_have allows (CVE-2020-15157); any other realm is asked for an anonymous token. TLS is
 * never left for plain HTTP.
 *
 * Shared by the threads of a pull: a token that has run out is fetched anew by the first who
 * notices, while the others wait for it. Errors: DENIED, NETWORK, CORRUPT. They never quote a
 * secret. Only in tiffin-image.
 */
#ifndef IMAGE_AUTH_H
#define IMAGE_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/certificates.h"
#include "image/credentials.h"

struct auth;

struct auth_options {
	const char *registry; /* its name, for messages */
	const char *url;      /* of the registry: its origin is where credentials belong */
	const char *scope;    /* "repository:library/x:pull …", or NULL for none */
	/* Both borrowed as long as it lives; NULL: anonymous, and the system's alone. */
	const struct credentials *credentials;
	const struct certificates *certificates;
	bool verify;			       /* certificates */
	const struct cancel *cancel;
};

struct auth *auth_new(const struct auth_options *options);
void auth_free(struct auth *a);

/*
 * The header's value for the next request, or NULL. *ret_turn is for auth_answer. The caller frees.
 */
char *auth_header(struct auth *a, unsigned int *ret_turn);

enum auth_result {
	AUTH_NOTHING, /* there is nothing to show: the 401 stands */
	AUTH_FRESH,   /* auth_header gives something that was just had for it */
	AUTH_OTHER,   /* another thread has seen to it meanwhile: likewise */
};
/*
 * After a 401 with that challenge (NULL: it had none), to a request that had the header of that
 * turn. -1: a challenge or a token server that can't be made sense of, or that refuses us.
 */
int auth_answer(struct auth *a, const char *challenge, unsigned int turn, enum auth_result *ret,
		struct err *err);

/* Were there credentials that a realm elsewhere wanted, and did not get? */
bool auth_withheld(struct auth *a);
/* After an answer of 401 or 403 that stands: what the user can do. Returns -1. */
int auth_hint(struct auth *a, struct err *err);

#endif
