/*
 * The files in which the user's credentials are kept, as podman, docker and skopeo read and write
 * them: containers-auth.json(5), and docker's config.json.
 *
 * They are looked through in the order
 *	--authfile or $REGISTRY_AUTH_FILE (no other, where one of them is given)
 *	$XDG_RUNTIME_DIR/containers/auth.json
 *	$XDG_CONFIG_HOME/containers/auth.json (~/.config)
 *	$DOCKER_CONFIG/config.json (~/.docker)
 * and in each for the most specific key: host/a/b/c, host/a/b, host/a, host. A helper of
 * credHelpers comes before "auths", the one of credsStore after it. Docker Hub has several names,
 * all of which are "docker.io" here.
 *
 * A file that is there but can't be made sense of is an error that names it. In tiffin only.
 */
#ifndef IMAGE_AUTH_FILE_H
#define IMAGE_AUTH_FILE_H

#include <stdbool.h>

#include "base/err.h"
#include "image/credentials.h"

/* repository may be NULL. authfile: --authfile, or NULL. Where there are none, *ret stays unset. */
int auth_file_find(const char *authfile, const char *registry, const char *repository,
		   struct credentials *ret, struct err *err);

/*
 * Keeps them for a key ("host", "host/a"), in the first file of the list that can be written,
 * which is made where there is none, 0600; or with the helper that it names.
 */
int auth_file_put(const char *authfile, const char *key, const struct credentials *c,
		  struct err *err);
/* Removes what is kept for the key, in that same file. *ret_found: there was something. */
int auth_file_remove(const char *authfile, const char *key, bool *ret_found, struct err *err);
/* Removes what is kept for all keys. */
int auth_file_clear(const char *authfile, struct err *err);

#endif
