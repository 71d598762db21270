/*
 * A container as a row of ps: docker's fields, and those of podman's that docker has no other name
 * for.
 */
#ifndef CMD_CONTAINER_ROW_H
#define CMD_CONTAINER_ROW_H

#include "cmd/format.h"
#include "cmd/container_size.h"
#include "storage/container.h"

extern const struct heading container_headings[];

/* "created", "running", "paused", "exited". */
const char *container_status_word(const struct container *c);
/* "none", "starting", "healthy", "unhealthy". */
const char *container_health_word(const struct container *c);
/* whole: IDs, commands and mounts are not cut. The caller decrefs. */
json_t *container_row(const struct container *c, bool whole);
/* NULL: nobody asked. */
void container_row_set_size(json_t *row, const struct container_size *size);
/* The numbers of the namespaces of one that runs. */
void container_row_set_namespaces(json_t *row, const struct container *c);
/* { "Label": { key: value } } */
json_t *container_row_methods(const struct container *c);

#endif
