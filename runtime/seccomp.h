/*
 * The system call filter (seccomp(2)): compiled at build time from runtime/profile/table.h, linked
 * in as data; or the container's own.
 */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include "base/err.h"

/*
 * Child, with no_new_privs or CAP_SYS_ADMIN: from here on only what the filter allows. Never
 * undone. own is an array of struct sock_filter in hex; NULL: the profile linked in.
 */
int seccomp_install(const char *own, struct err *err);

#endif
