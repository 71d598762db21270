/*
 * A container as a row of ps: docker's fields, and those of podman's that docker has no other name
 * for.
 */
#ifndef CMD_CONTAINER_ROW_H
#define CMD_CONTAINER_ROW_H

#include "cmd/format.h"
#include "storage/container.h"

extern const struct heading container_headings[];

/* "created", "running", "exited". */
const char *container_status_word(const struct container *c);
/* whole: IDs, commands and mounts are not cut. The caller decrefs. */
json_t *container_row(const struct container *c, bool whole);
/* { "Label": { key: value } } */
json_t *container_row_methods(const struct container *c);

#endif
