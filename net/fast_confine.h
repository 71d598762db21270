/*
 * The confinement of the supervisor of --network fast. Afterwards the process reaches the host's network,
 * by TCP, and of the container its processes, network and users; no process of the host's, no file but
 * those of /proc, no other container, no privilege outside of this one. It is all or nothing: after an
 * error the process is to answer nothing.
 */
#ifndef NET_FAST_CONFINE_H
#define NET_FAST_CONFINE_H

#include "base/err.h"

/*
 * For good; one thread. init: a pidfd of a process of the container's, lent. The root and the working
 * directory are /proc from then on.
 */
int fast_confine(int init, struct err *err);

#endif
