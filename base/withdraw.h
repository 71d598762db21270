/*
 * What a process does that will read what strangers say: what is not in it can't be got out of it.
 */
#ifndef BASE_WITHDRAW_H
#define BASE_WITHDRAW_H

#include "base/err.h"

/*
 * For good: no environment (tokens and passwords are often there), no core files, and no container
 * looks into it. A change of user, groups or capabilities undoes the last.
 */
int process_withdraw(struct err *err);

#endif
