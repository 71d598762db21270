/*
 * System calls that are answered by another process: seccomp_unotify(2).
 *
 * A container's process that makes one of the calls of a list waits in the kernel until its
 * supervisor has answered, who may do it in its own place, hand over a descriptor, or let it go on.
 *
 * Nothing of this is a security boundary: what lets a call go on lets go on whatever the registers
 * and the memory hold by then. The caller's memory is the container's: what is read of it is copied
 * once and checked after that, and means what it says only if notify_valid holds afterwards.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Since Linux 6.6: who answers is woken on the caller's processor, which waits for nothing else. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	 SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1
#endif

#define NOTIFY_CONDITIONS 2

/* Calls of one number: those of which every condition holds. mask 0: no (further) condition. */
struct notify_call {
	int nr;
	struct {
		unsigned int arg;
		uint32_t mask, value; /* of the argument's low 32 bits */
	} when[NOTIFY_CONDITIONS];
};

/*
 * The calling process, with no_new_privs or CAP_SYS_ADMIN: from here on these calls of its, and of
 * all that it starts, are notified of. Calls of another ABI are not; nor must sendmsg(2) without
 * flags but MSG_NOSIGNAL be among them, which hands *ret_listener over. ERR_UNSUPPORTED: it has
 * such a supervisor already (a container in a container), or the kernel has none.
 */
int notify_install(const struct notify_call *calls, size_t n, int *ret_listener, struct err *err);

/* One call that waits. */
struct notification {
	int listener; /* lent */
	uint64_t id;  /* of all that the listener's calls ever had */
	pid_t pid;    /* of the thread, as the supervisor sees it */
	struct seccomp_data data;
	/*
	 * NULL, or where it is noted until it is answered: the kernel tells of each call once, and
	 * who dies with it leaves the caller waiting.
	 */
	struct notify_note *note;
	struct notify_answer *held; /* NULL, or where its answer is put: see notify_send */
};

struct notify_answer {
	int64_t value;
	int error;
	uint32_t flags;
};

struct notify_note {
	pid_t by; /* who took it, 0: nobody */
	int tries;
	struct notification call;
};

/*
 * 1: one is there; 0: not, or no longer; -1: nobody is left who could make one. buffer: zeroed;
 * what the kernel says, which it says once, is there before anything can end us.
 */
int notify_receive(int listener, struct seccomp_notif *buffer, struct notification *ret);
/* Out of what was received. */
void notify_read_buffer(int listener, const struct seccomp_notif *buffer, struct notification *ret);
/* Does it still wait? Else its pid may be another's. */
bool notify_valid(const struct notification *n);

/*
 * Each of these answers it, once. One whose caller was killed or interrupted meanwhile is nobody's
 * any more: false. Interrupted, it may be made again.
 */
bool notify_return(const struct notification *n, int64_t value);
bool notify_fail(const struct notification *n, int error);
bool notify_continue(const struct notification *n);

/*
 * Sends an answer that was held back: until all is closed in which the caller could see us, for
 * example.
 */
bool notify_send(const struct notification *n, const struct notify_answer *a);

/*
 * Puts a descriptor of ours, lent, into the caller's table: at the number there, or with there -1
 * at the lowest free one. Returns the number, or -1 with errno. The call still waits to be
 * answered.
 */
int notify_add_fd(const struct notification *n, int fd, int there, bool cloexec);
/* Answers with the number of a descriptor of ours, lent, that the caller has with it. */
bool notify_return_fd(const struct notification *n, int fd, bool cloexec);
/*
 * A copy of a descriptor of the caller's, with O_CLOEXEC; or -1 with errno. Before Linux 6.9 it
 * takes the working directory to be the host's /proc.
 */
int notify_get_fd(const struct notification *n, int there);

/* The caller's memory. 0: all of it; -1 with errno: not all, or the caller is gone. */
int notify_read(const struct notification *n, uint64_t address, void *ret, size_t len);
int notify_write(const struct notification *n, uint64_t address, const void *data, size_t len);
/* A string of less than size bytes, its end included. ENAMETOOLONG: it has none there. */
int notify_read_string(const struct notification *n, uint64_t address, char *ret, size_t size);

#endif
