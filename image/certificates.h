/*
 * Certificates for one registry, as containers-certs.d(5) keeps them: authorities to trust besides
 * the system's, and a certificate of ours to show.
 *
 * tiffin reads the files and hands their text on (image/source.h), so that tiffin-image needs no
 * way to them. Needs nothing but base.
 */
#ifndef IMAGE_CERTIFICATES_H
#define IMAGE_CERTIFICATES_H

#include <jansson.h>

#include "base/err.h"

struct certificates {
	char *authorities;	 /* PEM, one after the other; NULL: none */
	char *certificate, *key; /* PEM; both or neither */
};

/* Wipes and frees. */
void certificates_done(struct certificates *c);

/*
 * Those for a registry ("host", "host:port"): directory's own (--cert-dir), or where that is NULL
 * those of the first directory that is there of
 *	$XDG_CONFIG_HOME/containers/certs.d/REGISTRY (~/.config)
 *	/etc/containers/certs.d/REGISTRY
 *	/etc/docker/certs.d/REGISTRY
 * Of it: each NAME.crt is an authority, the first NAME.cert with its NAME.key is ours. Errors:
 * NOT_FOUND where one of such a pair is missing, or directory; DENIED, CORRUPT.
 */
int certificates_find(const char *directory, const char *registry, struct certificates *ret,
		      struct err *err);

/* An object, or NULL where there are none; and back. PEM files may hold any bytes: base64. */
json_t *certificates_to_json(const struct certificates *c);
void certificates_from_json(const json_t *j, struct certificates *ret);

#endif
