/*
 * Which of a container's system calls are answered by its supervisor (runtime/supervisor.h), and by
 * whom: here the network and the user namespace, which both want some, meet.
 */
#ifndef CMD_SUPERVISE_H
#define CMD_SUPERVISE_H

#include "base/owner.h"
#include "cmd/command.h"
#include "cmd/ports.h"
#include "runtime/spec.h"
#include "runtime/supervisor.h"
#include "storage/container.h"
#include "storage/store.h"

#define SUPERVISE_PARTS 2

/* Lent to the launch, at one place: supervision points into it. */
struct supervise {
	const struct container_spec *spec;
	bool single_id;			 /* users and groups are emulated */
	const struct strv *layers;	 /* of the container's image; may be NULL */
	const struct port_list *ports;	 /* NULL with exec */
	struct tiffin *t;		 /* whose title the supervisor takes */
	char *const *name;		 /* of the container; it may get another */
	const struct store *store;
	const char *id;			 /* of the container */
	struct supervision supervision;
	struct notify_call *calls;
	int keep[3];
	struct owner_list owners;	 /* recorded ones (base/owner.h), where a container is started, */
	int owners_fd;			 /* and where more are written to, or -1 */
	int upper;			 /* the container's own layer, or -1 */
	int box[2];			 /* net/fast_box.h, where it is wanted; or -1 */
	size_t n_spare;			 /* so many sockets of a family are in it: struct fast_options */
	void *shared[SUPERVISE_PARTS]; /* memory that outlives a supervisor; NULL: not wanted */
};
#define SUPERVISE_INIT { .supervision.door = -1, .owners_fd = -1, .upper = -1, .box = { -1, -1 } }
void supervise_done(struct supervise *s);

/*
 * NULL: a container of this specification, of --network fast, has what makes TCP fast, unless its calls
 * turn out not to be supervised; or why it has not. single_id: its users are emulated.
 */
const char *supervise_why_not_fast(const struct container_spec *spec, bool single_id);

/*
 * What stands before supervision is filled in. dir: of the container that is started, where its
 * supervisor's door is to be; NULL with exec. *ret is what the launch is to be given: NULL, where nothing
 * is to be answered.
 */
int supervise_prepare(struct supervise *s, const struct container_dir *dir,
		      const struct supervision **ret, struct err *err);

#endif
