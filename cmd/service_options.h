/*
 * What a service manager, or a script, hands to a container and wants to hear of it: descriptors,
 * the processes' numbers in files, and readiness (sd_notify(3)).
 */
#ifndef CMD_SERVICE_OPTIONS_H
#define CMD_SERVICE_OPTIONS_H

#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"
#include "cmd/each.h"
#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise. */
struct service_options {
	char *pidfile, *conmon_pidfile; /* of the first process; of the monitor */
	char *sdnotify;			/* NULL: ignore */
	int preserve_fds;		/* of a client's: not in the record */
	int listen_fds;			/* the first of those, a service manager's sockets */
};

/* The rows of a struct service_options; and of an int, --preserve-fds alone. */
extern const struct opt service_opts[], preserve_opts[];

void service_options_done(struct service_options *o);
/* Checks what a command line said, and makes its paths absolute: ERR_USAGE. */
int service_options_check(struct service_options *o, struct err *err);

json_t *service_options_to_json(const struct service_options *o);
void service_options_from_json(const json_t *j, struct service_options *ret);

/*
 * The caller's descriptors from 3 on are to be the container's: are they there? From now on no
 * other program gets them. ERR_USAGE, in podman's words.
 */
int preserve_fds_claim(int n, struct err *err);
/*
 * The sockets that a service manager hands to us, and to nobody else (sd_listen_fds(3)): their
 * number. They are preserved, as if the user had said so.
 */
void service_take_sockets(struct service_options *o);
/*
 * The same for commands that start what was made before, and claims them: it must be one container
 * that is named. ERR_USAGE.
 */
int service_claim_sockets(struct service_options *o, const struct each *each,
			  const struct strv *operands, struct err *err);
/* to starts with those descriptors. */
void service_hand_sockets(const struct service_options *from, struct service_options *to);
/* The container has them: closes ours. */
void preserve_fds_release(int n);

/* Before the start: with "container", the service manager's socket is bound into it. */
int service_prepare(const struct service_options *o, struct container_spec *spec, struct err *err);
/* In the monitor, as soon as there is a first process: the files. */
int service_write_pids(const struct service_options *o, pid_t first, struct err *err);
/* In the monitor, when the program runs. */
void service_notify(const struct service_options *o);

#endif
