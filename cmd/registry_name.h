/*
 * The registry that login and logout are told: "localhost:5000", "quay.io/team", "https://host/".
 */
#ifndef CMD_REGISTRY_NAME_H
#define CMD_REGISTRY_NAME_H

#include "base/err.h"

/*
 * *ret_key is what credentials are kept for ("quay.io/team"), *ret_host its registry. text NULL:
 * Docker Hub. ERR_USAGE. The caller frees both.
 */
int registry_name_parse(const char *text, char **ret_key, char **ret_host, struct err *err);

#endif
