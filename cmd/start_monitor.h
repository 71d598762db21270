/*
 * What the monitor calls on the way through a container's life: the record of it in the store, the
 * journal, and what is to go when it has ended.
 */
#ifndef CMD_START_MONITOR_H
#define CMD_START_MONITOR_H

#include "runtime/monitor.h"

/* Fills them in, launch's included. Their argument, launch.arg, is a struct start. */
void start_monitor_calls(struct monitor *m);

#endif
