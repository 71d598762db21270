/*
 * Starting a container that has a record: the monitor is forked, and the functions that the launch
 * calls give the runtime its root file system out of the store, and its network. Here the modules
 * meet. What the monitor calls from then on is in cmd/start_monitor.c.
 */
#ifndef CMD_START_H
#define CMD_START_H

#include "cmd/command.h"
#include "cmd/etc_options.h"
#include "cmd/log_options.h"
#include "cmd/network_option.h"
#include "cmd/ports.h"
#include "cmd/service_options.h"
#include "cmd/start_network.h"
#include "runtime/spec.h"
#include "storage/container.h"
#include "storage/rootfs.h"

/* A container about to run. The monitor gets a copy with the fork, and works on that. */
struct start {
	struct tiffin *t;
	struct container_spec spec;
	struct container_dir dir; /* its lock is the monitor's from the start on */
	char *name;
	json_t *record; /* the container's: for the journal */
	struct strv layers; /* diff IDs, the lowest first */
	char *image;	    /* its ID, or "" or NULL */
	char *rootfs;	    /* a directory in the place of layers, or NULL */
	bool discard;	    /* and what is written is not written to it */
	struct port_list ports;
	struct network_config network;
	struct etc_options etc;
	struct log_options log;
	struct service_options service;
	struct strv labels; /* "key=value": the image's, then those of the command line */
	const struct rootfs_driver *driver;
	struct id_mapping *mapping; /* NULL: its IDs are the store's */
	struct id_map ids;	    /* by that */
	bool attached;	    /* the streams are ours, until the container's end */
	bool hold;	    /* it is only prepared, and waits for its start (tiffin init) */
	bool remove_failed; /* it was made to run at once: nothing is to stay of it if it can't */

	/* The monitor's own. */
	struct container_state state;
	char trash[STAGE_NAME_MAX]; /* what is left of the container in tmp/ */
	struct strv more_trash;	    /* and of its anonymous volumes and overlays */
	struct start_network net;
	int box[2]; /* of struct supervise, lent; or -1 */
	size_t n_spare; /* of struct supervise */
};
#define START_INIT { .dir = CONTAINER_DIR_INIT, .net = START_NETWORK_INIT, .box = { -1, -1 } }
void start_done(struct start *s);

/*
 * Loads a container that has a record and does not run, with its lock. The IDs are those that it
 * was created with. ERR_BUSY: it runs.
 */
int start_load(struct tiffin *t, const struct container *c, struct start *ret, struct err *err);

/* Makes s->ids of s->mapping. */
int start_map_ids(struct start *s, struct err *err);

/* Removes a container that is not to run after all (cmd/start_monitor.c). */
void start_discard(struct start *s);

/*
 * Starts it. *ret_client is the socket to its monitor (runtime/attach.h), with the news of the
 * start already read from it. Where it fails, *ret_exit_code is what to exit with.
 */
int start_container(struct start *s, int *ret_client, int *ret_exit_code, struct err *err);

#endif
