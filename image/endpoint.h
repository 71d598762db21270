/*
 * Where the configuration of registries says that a name leads: a short one to full ones, and a
 * full one to the places that have it. Needs nothing but base; in tiffin only.
 */
#ifndef IMAGE_ENDPOINT_H
#define IMAGE_ENDPOINT_H

#include <stdbool.h>

#include "base/err.h"
#include "image/reference.h"
#include "image/registries_conf.h"

/*
 * The names that a user's text may stand for, in full ("docker.io/library/alpine:latest"), in the
 * order in which they are to be tried: for a full one itself; for a short one its alias, or what
 * the unqualified-search-registries make of it, or Docker Hub's where there are none. ERR_USAGE
 * where it is no reference; where short names are enforced to be clear, and this one is not.
 */
int short_name_expand(const struct registries_conf *c, const char *text, struct strv *ret,
		      struct err *err);

struct endpoint {
	struct reference at; /* tag and digest are those of the name */
	bool insecure;
	bool is_mirror;
};
void endpoint_list_done(struct endpoint *list, size_t n);

/*
 * The places to look for an image, in order: mirrors, then the registry itself. DENIED where it is
 * blocked. The caller frees with endpoint_list_done.
 */
int endpoints_find(const struct registries_conf *c, const struct reference *name,
		   struct endpoint **ret, size_t *ret_n, struct err *err);

/*
 * The rule for one place, as it is: may it be talked to (DENIED), and is it insecure? repository
 * may be NULL.
 */
int endpoint_check(const struct registries_conf *c, const char *registry, const char *repository,
		   bool *ret_insecure, struct err *err);

#endif
