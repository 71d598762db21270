/*
 * What is shown of a volume: "volume ls" and "volume inspect", in docker's and podman's shape.
 */
#ifndef CMD_VOLUME_ROW_H
#define CMD_VOLUME_ROW_H

#include <jansson.h>

#include "cmd/format.h"
#include "storage/volume.h"

extern const struct heading volume_headings[];

/* All about it: labels and options are maps. */
json_t *volume_json(const struct volume *v);
/* A row of a list: labels are one text, as docker has it. */
json_t *volume_row(const struct volume *v);
/* {{.Label "key"}}: for format_row. */
json_t *volume_row_methods(const struct volume *v);

#endif
