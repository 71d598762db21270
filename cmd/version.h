/*
 * What version this is, for version and info.
 */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

#include <jansson.h>

/* docker's and podman's fields of one side, client or server. The caller decrefs. */
json_t *version_document(void);

#endif
