/*
 * The container's first process, from its birth to the execution of the container's program.
 *
 * Child only. Nothing here prints or returns to the parent's code: child_main reports through the
 * sync socket and ends the process.
 */
#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include "runtime/launch.h"
#include "runtime/user.h"

/* What the steps hand on to each other. */
struct child {
	const struct launch *launch;
	const struct container_spec *spec;
	int sync;
	int root; /* the root file system, mounted, not yet entered */
	/* The roots of mounts of our own making: what is reached through them is surely theirs. */
	int proc, sys, dev;
	int tree; /* the root file system, attached nowhere yet, or -1: it is to be mounted */
	int shm; /* another container's /dev/shm, detached, or -1 */
	int init; /* tiffin-init, to be executed, or -1 */
	int program, report; /* what executes the container's program, and says why not */
	bool slave; /* our mounts follow what happens to the host's */
	int *sources; /* for each mount its source, opened, or -1; NULL: none has been */
	/* For each mount, and file under /etc, what is to be attached there, or -1; NULL: none. */
	int *opened;
	int *chowns; /* directories that are to belong to the user; NULL: none */
	size_t n_chowns;
	int terminal; /* the pseudo-terminal's own side, or -1 */
	int terminal_number; /* as in /dev/pts */
	struct user user;
	uid_t uid; /* the kernel's: user's, or root, where that is emulated (runtime/emulate.h) */
	gid_t gid;
	bool supervised; /* our calls are */
	struct strv env;
};

/* What a helper has made for it, as in struct child. */
struct handed {
	int shm, tree;
	int *opened;
};
#define HANDED_INIT { .shm = -1, .tree = -1 }

/* handed is taken over; NULL: nothing was. */
_Noreturn void child_main(const struct launch *l, int sync, const struct handed *handed);

/*
 * The steps, by the files that they are in; those of runtime/child.c itself are its own. Each
 * returns 0 where it does not apply.
 */
/* runtime/child_user.c */
/* No step: is the supervisor to know who the users are? */
bool emulates_users(const struct child *c);
int become_root(struct child *c, struct err *err);
int resolve_user(struct child *c, struct err *err);
int bound_caps(struct child *c, struct err *err);
int switch_user(struct child *c, struct err *err);
int become_user(struct child *c, struct err *err);
/* runtime/child_calls.c */
int forbid_new_privileges(struct child *c, struct err *err);
int supervise_early(struct child *c, struct err *err);
int supervise_late(struct child *c, struct err *err);
int install_seccomp_early(struct child *c, struct err *err);
int install_seccomp(struct child *c, struct err *err);
/* runtime/mounts.c */
int privatise_mounts(struct child *c, struct err *err);
int mount_system(struct child *c, struct err *err);
int set_sysctls(struct child *c, struct err *err);
int enter_root(struct child *c, struct err *err);
/* runtime/devices.c */
int bind_devices(struct child *c, struct err *err);
/* runtime/masks.c */
int mask_paths(struct child *c, struct err *err);
int mask_own_paths(struct child *c, struct err *err);
/* runtime/identity.c */
int add_identity(struct child *c, struct err *err);
/* runtime/init.c */
int open_init(struct child *c, struct err *err);
int part_from_init(struct child *c, struct err *err);
/* runtime/volumes.c */
int open_sources(struct child *c, struct err *err);
int open_binds(struct child *c, struct err *err);
/*
 * Root of the user namespace between: mounts of those that the store has to be asked about,
 * attached nowhere, as struct child has them; NULL: there are none. root is the container's.
 */
int open_volumes(const struct launch *l, int root, int **ret, struct err *err);
int bind_volumes(struct child *c, struct err *err);
/* runtime/chown.c */
int chown_volumes(struct child *c, struct err *err);
/* runtime/terminal.c */
int find_terminals(struct child *c, struct err *err);
int open_terminal(struct child *c, struct err *err);
int bind_console(struct child *c, struct err *err);
int attach_stdio(struct child *c, struct err *err);

#endif
