/*
 * Containers: a directory each, with a record that does not change and a state that does.
 *
 *	containers/<id>/lock	held by whoever makes, runs or removes it (see below)
 *	containers/<id>/config	JSON: image, name, time of creation, how to run it; immutable but for
 *				the name
 *	containers/<id>/state	JSON, replaced atomically: the processes, times and exit status
 *	containers/<id>/upper, work	the writable layer
 *	containers/<id>/root	all its files, with the driver "copy", from its first start on
 *	containers/<id>/health	JSON, replaced atomically: docker's State.Health, where it is checked
 *	containers/<id>/log, log.1 …	what it wrote
 *	containers/<id>/paused	JSON: which run is paused, and who of it was stopped before
 *	containers/<id>/pausing	the lock on that
 *	containers/<id>/attach	the socket of its monitor, while it runs
 *	names/<name>		a symlink to <id>; one that leads nowhere is free to take. It is
 *				taken away under the lock on names only.
 *
 * "Running" is not stored: the state names the processes by pid, start time and boot id, and they
 * are alive or not. The lock belongs to the container's monitor as long as it lives, so that its
 * death is known to everybody at once; a directory without a config whose lock is free was never
 * finished, and is swept.
 */
#ifndef STORAGE_CONTAINER_H
#define STORAGE_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/proc.h"
#include "storage/store.h"

#define CONTAINER_ID_LEN 64

enum container_status {
	CONTAINER_CREATED, /* never started */
	CONTAINER_INITIALIZED, /* prepared, and waiting for its start */
	CONTAINER_RUNNING,
	CONTAINER_RESTARTING, /* it has ended, and its monitor is about to start it again */
	CONTAINER_EXITED,
};

/* The exit status that a container is given whose monitor died before it could tell. */
#define EXIT_UNKNOWN 255

struct container_state {
	struct proc_id init;	/* the container's first process, as the host sees it */
	struct proc_id monitor; /* ours, that stays with it */
	int64_t started, finished; /* nanoseconds since the epoch; 0: not yet */
	int exit_code;
	int restarts;	   /* how often its policy has brought it back since it was started */
	bool initialized;  /* it has been prepared, and not been started */
	bool restarting;   /* its policy is about to bring it back, if its monitor lives */
	bool stopped;	   /* it ended because a user stopped it */
	bool network_lost; /* what carried its network has ended, and it has not */
	bool unsupervised; /* its calls were to be answered by a supervisor, and can't be here */
	json_t *ports; /* where its ports are, as cmd/ports.h has them; NULL: it has none */
};

struct container {
	char id[CONTAINER_ID_LEN + 1];
	char *name;
	char *image;	  /* as the user named it, canonical */
	char *image_id;	  /* 64 hex digits */
	int64_t created;  /* nanoseconds since the epoch */
	json_t *health;	  /* docker's State.Health; NULL: nothing is checked */
	json_t *config;	  /* the whole record; how to run it is under "spec" */
	struct container_state state;
	enum container_status status;
	json_t *pause_note; /* that this run is paused, or was to be; NULL: neither */
	bool paused;
};

void container_done(struct container *c);

/* A container in the making, and afterwards the way to its directory. */
struct container_dir {
	char id[CONTAINER_ID_LEN + 1];
	int fd;	  /* containers/<id> */
	int lock; /* exclusive */
};
#define CONTAINER_DIR_INIT { .fd = -1, .lock = -1 }
void container_dir_done(struct container_dir *d);

/* A fresh directory with upper and work; nobody else sees a container in it yet. */
int container_dir_make(const struct store *s, struct container_dir *ret, struct err *err);
/*
 * Makes it a container: takes the name (ERR_EXISTS names the holder), adds "id", "name" and
 * "created" to the config and writes it. Not synced: call container_sync where it is to last.
 */
int container_publish(const struct store *s, struct container_dir *d, const char *name,
		      json_t *config, struct err *err);
/*
 * Gives it another name, whether it runs or not. ERR_EXISTS names the holder. Whoever has the record
 * in memory, as its monitor has, knows the old one.
 */
int container_rename(const struct store *s, const struct container *c, const char *name,
		     struct err *err);
int container_sync(const struct container_dir *d, struct err *err);
/* Removes a directory that was not published, as far as we can. */
void container_dir_discard(const struct store *s, struct container_dir *d);

/* Is the name well-formed: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
bool container_name_valid(const char *name);
/* Is it 64 lower-case hex digits? */
bool container_id_valid(const char *name);

/*
 * Finds one by name, ID or a prefix of the ID. ERR_NOT_FOUND in podman's words; ERR_USAGE where a
 * prefix fits several.
 */
int container_find(const struct store *s, const char *name_or_id, struct container *ret,
		   struct err *err);
/* All of them, the newest first. The caller frees with container_list_done. */
int container_list(const struct store *s, struct container **ret, size_t *ret_n, struct err *err);
void container_list_done(struct container *list, size_t n);

/*
 * Opens its directory and takes the lock. Without wait, ERR_BUSY while somebody has it: the monitor
 * of one that runs, most of the time.
 */
int container_dir_lock(const struct store *s, const char *id, bool wait, struct container_dir *ret,
		       struct err *err);
/* Has somebody the lock? Without taking it. */
bool container_is_busy(const struct store *s, const char *id);
int container_save_state(const struct container_dir *d, const struct container_state *state,
			 struct err *err);
/* What its health check has found in this run. */
void container_save_health(const struct container_dir *d, const json_t *health);
/*
 * That this run of it is to be paused, or is (whole); stopped are the processes that were stopped
 * before. Done by whoever has the lock "pausing".
 */
int container_save_pause(const struct store *s, const struct container *c, json_t *stopped,
			 bool whole, struct err *err);
void container_clear_pause(const struct store *s, const struct container *c);
/* Is the note about the run that its state is about? */
bool container_is_of_run(const struct container *c, const json_t *note);
/* Back to never having been started. */
void container_clear_state(const struct container_dir *d);
/*
 * Its sockets are files in its directory: that by which clients attach, made by its monitor, and that
 * of its supervisor. (The path through /proc/self/fd is short whatever the store's is: unix(7).)
 */
#define CONTAINER_ATTACH "attach"
#define CONTAINER_CALLS	 "calls"
int container_listen(const struct container_dir *d, const char *which, int *ret_sock, struct err *err);
/* It is another container's. */
int container_link_socket(const struct container_dir *d, const char *which, const char *other,
			  struct err *err);
int container_connect(const struct store *s, const char *id, const char *which, int *ret_sock,
		      struct err *err);
/* Its directory, where its log is. */
int container_open_dir(const struct store *s, const char *id, int *ret_fd, struct err *err);

/*
 * Removes a container whose lock we hold: the name is free and the container gone when this
 * returns; the name that it was given last. Its directory is in tmp/ now, as *ret_trash, for the caller to delete; what it does not
 * (files of subordinate users) store_sweep will.
 */
int container_remove(const struct store *s, struct container_dir *d, const char *name,
		     char ret_trash[STAGE_NAME_MAX], struct err *err);
/* Points the name that its record has to it again. EXISTS: it is another's by now. */
int container_restore_name(const struct store *s, const struct container *c, struct err *err);
/* Does the name lead to it? */
bool container_has_name(const struct store *s, const char *id, const char *name);
/* The name in the record of dirfd/id: -1 where there is none. The caller frees. */
int container_read_name(int dirfd, const char *id, char **ret);
/* Removes directories that never became containers. */
void container_sweep(const struct store *s);

#endif
