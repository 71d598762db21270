/*
 * What commands, and the monitors that they leave behind, write into the journal
 * (storage/journal.h). The actions have podman's names.
 */
#ifndef CMD_EVENT_H
#define CMD_EVENT_H

#include <jansson.h>

#include "storage/store.h"

/*
 * Something happened to a container, whose record this is (struct container's config). Keys and
 * values of attributes follow, such as "signal", "15"; NULL ends them.
 */
void event_container(const struct store *s, const json_t *record, const char *action, ...)
	__attribute__((sentinel));

/* Something happened to an image; name may be NULL. */
void event_image(const struct store *s, const char *action, const char *id, const char *name);
/* Something happened to a volume. */
void event_volume(const struct store *s, const char *action, const char *name);
/* Things of a type ("image") were pruned, and so many bytes came free. */
void event_pruned(const struct store *s, const char *type, long long reclaimed);

#endif
