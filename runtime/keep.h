/*
 * The keeper's task, in nothing but calls of the kernel: it is a part of tiffin, and of a program
 * that has no C library (runtime/beside/keeper.c).
 */
#ifndef RUNTIME_KEEP_H
#define RUNTIME_KEEP_H

#include <stdbool.h>

/*
 * Its descriptors: pidfds of the two, and the mount namespace, if one was given (runtime/keeper.h).
 */
enum { KEEP_PROCESS, KEEP_MONITOR, KEEP_MOUNTS, KEEP_DESCRIPTORS };

/*
 * Waits for the end of either, so long at most (-1: for ever), and sees to it. False: neither
 * ended.
 */
bool keep(int timeout_ms);

#endif
