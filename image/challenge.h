/*
 * WWW-Authenticate: how a registry says what it wants to be shown (RFC 9110, section 11; RFC 6750,
 * section 3; distribution's "Token Authentication Specification").
 *
 * The header is a stranger's. Text that is no list of challenges, and a parameter that is there
 * twice, so that two readers might take different ones, are ERR_CORRUPT. Pure function on bytes;
 * nothing but base.
 */
#ifndef IMAGE_CHALLENGE_H
#define IMAGE_CHALLENGE_H

#include <stdbool.h>

#include "base/err.h"

struct challenge {
	bool basic;	      /* a Basic challenge is among them */
	bool bearer;	      /* a Bearer challenge, the first of which says: */
	char *realm;	      /* where tokens are given out, unchecked; NULL where absent */
	char *service, *scope, *error;
};

void challenge_done(struct challenge *c);
/*
 * Several header fields are given as one, with commas between them. Other schemes are passed over.
 */
int challenge_parse(const char *header, struct challenge *ret, struct err *err);

#endif
