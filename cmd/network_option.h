/*
 * --network: which mode it names, and the options behind its colon, as podman has them.
 */
#ifndef CMD_NETWORK_OPTION_H
#define CMD_NETWORK_OPTION_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "net/config.h"
#include "runtime/spec.h"

/*
 * NULL is the default. *ret_fast: some connections go past the interface (net/fast.h). *ret_container: whose network is joined, else NULL; the caller frees it, and the
 * options. ERR_USAGE, ERR_UNSUPPORTED.
 */
int network_option_parse(const char *text, enum network_mode *ret, bool *ret_fast, char **ret_container,
			 struct strv *ret_options, struct err *err);

/* By its name, of a recorded specification. Lent. */
const char *network_option_name(const json_t *spec);

/* What a container of this specification has: the defaults, and what its options say. */
int network_option_config(const struct container_spec *spec, struct network_config *ret,
			  struct err *err);

#endif
