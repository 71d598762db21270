/*
 * The error value: what went wrong, in one line, and what the user can do about it, in another.
 *
 * A struct err is of fixed size and holds no pointers, so it lives on the caller's stack and
 * crosses a process boundary (runtime/sync.h, runtime/attach.h) as plain bytes. The callee fills
 * it, the caller owns it; only cmd/ prints it. A NULL err is allowed: the caller does not want to
 * know.
 *
 * Branch on the kind, never on the text.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,	/* the caller asked for something that makes no sense */
	ERR_NOT_FOUND,	/* the thing named is not there */
	ERR_EXISTS,	/* the name is taken */
	ERR_BUSY,	/* in use by something else */
	ERR_DENIED,	/* permissions, credentials */
	ERR_NETWORK,	/* no connection, or a peer that broke off */
	ERR_CORRUPT,	/* bytes that are not what they must be */
	ERR_NO_SPACE,	/* disk or quota full */
	ERR_UNSUPPORTED,/* this kernel, machine or version of tiffin can't */
	ERR_SYSTEM,	/* a system call failed: see sys */
};

struct err {
	enum err_kind kind;
	int sys;	 /* errno, or 0 */
	char text[496];	 /* "cannot mount '/proc': Permission denied" */
	char hint[256];	 /* "add a range for 'me' to /etc/subuid", or empty */
};

/* Each of the first three returns -1, so that failing is one statement. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds errno's text and derives the kind from errno. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts context in front: "cannot run 'x': " + what was there. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the user can do. The first hint wins: it was given closest to the cause. Returns -1 too. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
