/* What the parts of runtime/emulate*.c have in common: the supervisor's state, and its answers. */
#ifndef RUNTIME_EMULATE_PARTS_H
#define RUNTIME_EMULATE_PARTS_H

#include <limits.h>
#include <sys/types.h>

#include "runtime/credentials.h"
#include "runtime/emulate.h"
#include "runtime/view.h"

/*
 * Owners of what has no extended attributes: symlinks, sockets, terminals, pipes. The oldest of
 * those that share a place make way. A number is another file's after a while: it was born at
 * another time.
 */
#define ODD_PLACES 1024
#define ODD_WAYS   8
struct odd_owner {
	uint64_t dev;
	struct owner_entry file; /* ino 0: none */
};
struct odd_owners {
	bool any;
	struct {
		uint32_t next;
		struct odd_owner ways[ODD_WAYS];
	} places[ODD_PLACES];
};

struct emulate_shared {
	struct credential_sets sets;
	struct odd_owners odd;
	bool rooted; /* as of struct view */
};

/* What is about to be made, and whose it is to be: emulate_create.c. */
#define EXPECTED_MAX 32
struct expected {
	pid_t maker; /* a thread */
	int parent;  /* where, and under which name */
	char name[NAME_MAX + 1];
	struct owner owner;
	int waits;
};

struct emulation {
	struct view view;
	int timer;
	struct expected expected[EXPECTED_MAX];
	size_t n_expected;
	uint64_t caps;
	struct emulate how;
	struct emulate_shared *shared;
};

/* Each answers the call. */
typedef void emulate_answer(struct emulation *e, const struct notification *n);

/* emulate_ids.c */
emulate_answer emulate_setuid, emulate_setgid, emulate_setreuid, emulate_setregid,
	emulate_setresuid, emulate_setresgid, emulate_setfsuid, emulate_setfsgid, emulate_setgroups,
	emulate_getuid, emulate_geteuid, emulate_getgid, emulate_getegid, emulate_getresuid,
	emulate_getresgid, emulate_getgroups;

/* emulate_limit.c: the limit that the number is kept in, and who looks at it. */
emulate_answer emulate_prlimit, emulate_getrlimit, emulate_setrlimit;
/* Of a process or thread of the container's, by our number of it. -1: it is gone. */
int emulate_load(const struct emulation *e, pid_t pid, struct credentials *ret);
/* 0, or an errno. */
int emulate_save(struct emulation *e, const struct notification *n, const struct credentials *c);

/* emulate_stat.c, emulate_chown.c */
emulate_answer emulate_stat, emulate_lstat, emulate_fstat, emulate_newfstatat, emulate_statx;
/* What a call means by dirfd and the path at that address. -1: the kernel is to say why not. */
int emulate_find(const struct emulation *e, const struct notification *n, int dirfd, uint64_t path,
		 int flags, struct seen *ret);
emulate_answer emulate_chown, emulate_lchown, emulate_fchown, emulate_fchownat;

/* emulate_owner.c: by a name that struct seen has. */
bool emulate_find_owner(const struct emulation *e, const char *name, struct owner *ret);
/* 0, or an errno. */
int emulate_record_owner(struct emulation *e, const char *name, struct owner o);

/* emulate_create.c */
emulate_answer emulate_create, emulate_create_at, emulate_symlink, emulate_symlinkat, emulate_bind,
	emulate_pass;
/*
 * Before a call of that thread is answered (0: of none): what has been made by now gets its owner.
 */
void emulate_settle(struct emulation *e, pid_t caller);
void emulate_on_timer(struct notify_loop *l, uint32_t events, void *arg);

/* emulate_exec.c */
emulate_answer emulate_execve, emulate_execveat, emulate_keep_capabilities, emulate_chroot;

/* emulate_peer.c */
emulate_answer emulate_getsockopt;

#endif
