/*
 * TOML (toml.io, version 1.0), as much of it as containers-registries.conf(5) takes: tables, arrays
 * of tables, inline tables, dotted and quoted keys, strings of one line, whole numbers, booleans,
 * arrays. Dates, fractions and strings of several lines have no use there, and are refused.
 *
 * Strict: a key or table given twice is an error, as it is for podman. Needs nothing but base.
 */
#ifndef IMAGE_TOML_H
#define IMAGE_TOML_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* Of any bytes, an object; ERR_CORRUPT "line 3: …". The caller decrefs. */
int toml_parse(const char *data, size_t len, json_t **ret, struct err *err);

#endif
