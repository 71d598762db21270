/*
 * What inspect says of a container and of an image: docker's documents, with what podman's scripts
 * look for where docker has nothing (ImageName, Digest, History). The callers decref.
 *
 * What is not known, because tiffin has nothing like it, is left out, so that a template which asks
 * for it fails rather than acting on a default. A list or map that is empty is there, and empty.
 */
#ifndef CMD_INSPECT_H
#define CMD_INSPECT_H

#include "cmd/command.h"
#include "storage/container.h"
#include "runtime/spec.h"
#include "storage/image.h"
#include "storage/rootfs.h"

/* Name has no leading slash, as in podman; docker has one. */
json_t *inspect_container(const struct tiffin *t, const struct container *c);
/* ERR_CORRUPT: the store's copy of its configuration is broken. */
int inspect_image(const struct tiffin *t, const struct image_record *image, json_t **ret,
		  struct err *err);

/* What HostConfig says of limits, and of what is in /etc and /proc/sys. */
void inspect_add_limits(json_t *host_config, const struct container *c,
			const struct container_spec *spec);
/* NetworkSettings. mode is the name of its network. */
json_t *inspect_network(const struct container *c, const struct container_spec *spec,
			const char *mode);
/*
 * What ports lead where, by "80/tcp", of ports as they are recorded. published: those alone that
 * lead to the container; else of the others the keys too.
 */
json_t *inspect_port_map(const json_t *ports, bool published);
/* The keys of such a map, as a set. */
json_t *inspect_exposed_ports(const json_t *ports);
/* The directories of layers as docker names them, in an object with Name and Data. */
json_t *inspect_graph_driver(const struct store *s, const struct rootfs_driver *driver,
			     const struct strv *layers, const char *container_id);
/* Config.Healthcheck: the first word of its test says what the rest is. */
json_t *inspect_health_check(const struct health_check *h);
/* A set as Go's map[string]struct{}: { "80/tcp": {} }. The key's member is made an empty object. */
void inspect_add_key(json_t *set, const char *key);

#endif
