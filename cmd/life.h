/*
 * What several commands do to a container that may run.
 */
#ifndef CMD_LIFE_H
#define CMD_LIFE_H

#include "cmd/command.h"
#include "storage/container.h"

/* "TERM", "SIGTERM", "15", "SIGRTMIN+3". ERR_USAGE: no such signal. */
int parse_signal(const char *text, int *ret, struct err *err);

/*
 * Sends sig to the first process, waits for its end up to timeout seconds (-1: for ever), then
 * kills it; returns when its monitor has recorded that and gone. One that does not run is no error.
 */
int life_stop(struct tiffin *t, const struct container *c, int sig, int timeout, struct err *err);

/* The same, with the signal and time that it was created with; timeout overrides, or NULL. */
int life_stop_as_configured(struct tiffin *t, const struct container *c, const char *timeout,
			    struct err *err);

/*
 * To its monitor. One that is starting listens in a moment, later than its container runs, or
 * nobody has the lock; ERR_NOT_FOUND where there is none, ERR_BUSY where it hangs.
 */
int life_connect(struct tiffin *t, const struct container *c, int *ret_sock, struct err *err);

/* Waits until its program runs, where it is being started: its monitor listens from then on. */
int life_await_start(struct tiffin *t, const struct container *c, struct err *err);

/*
 * Starts one that was only prepared (CONTAINER_INITIALIZED); as start_container, but for whose
 * monitor it is.
 */
int life_go(struct tiffin *t, const struct container *c, bool attached, int *ret_client,
	    int *ret_exit_code, struct err *err);

/* Does it run, or is it about to run again? */
bool life_is_up(const struct container *c);

/* Whatever its restart policy says, this run is its last; returns when its monitor knows. */
void life_forbid_restart(struct tiffin *t, const struct container *c);

/* Its monitor starts what carries its network anew. ERR_BUSY: a port of its is taken meanwhile. */
int life_reload_network(struct tiffin *t, const struct container *c, struct err *err);

/* Waits for the end of its last run; EXIT_UNKNOWN where nobody was left to tell. */
int life_wait(struct tiffin *t, const struct container *c, int *ret_status, struct err *err);

/* The first process, by a pidfd; ERR_BUSY, in podman's words, where it does not run. */
int life_open_init(const struct container *c, const char *what, int *ret_pidfd, struct err *err);

/*
 * Removes it; a running one is killed first where force says so, else ERR_BUSY. Its anonymous
 * volumes go with it where it was to vanish at its end.
 */
int life_remove(struct tiffin *t, const struct container *c, bool force, struct err *err);
/* It has been removed: so are its anonymous volumes that nobody else uses. */
void life_release_volumes(struct tiffin *t, const struct container *c);

#endif
