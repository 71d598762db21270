/*
 * The system call filter (seccomp(2)): compiled at build time from runtime/profile/table.h, linked
 * in as data.
 */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include "base/err.h"

/* Child, with no_new_privs: from here on only what the profile allows. Never undone. */
int seccomp_install(struct err *err);

#endif
