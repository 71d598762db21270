/*
 * Where an image comes from or goes to, as podman and skopeo write it (containers-transports(5)):
 * "docker://REFERENCE", "docker-archive:PATH[:REFERENCE]", "oci-archive:PATH[:REFERENCE]",
 * "oci:PATH[:REFERENCE]", "dir:PATH"; what begins with none of them is a reference.
 *
 * Linked into tiffin; needs nothing but base.
 */
#ifndef IMAGE_TRANSPORT_H
#define IMAGE_TRANSPORT_H

#include <stdbool.h>

#include "base/err.h"

enum transport_kind {
	TRANSPORT_REGISTRY,
	TRANSPORT_DOCKER_ARCHIVE,
	TRANSPORT_OCI_ARCHIVE,
	TRANSPORT_OCI,
	TRANSPORT_DIR,
};

struct transport {
	enum transport_kind kind;
	char *path;	 /* NULL for a registry */
	char *reference; /* NULL where there is none */
};

void transport_done(struct transport *t);
/* ERR_USAGE; ERR_UNSUPPORTED where it is a transport of podman's that we do not have. */
int transport_parse(const char *text, struct transport *ret, struct err *err);

#endif
