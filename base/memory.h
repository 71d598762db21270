/*
 * What a process that now only waits holds of memory.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/* After so long a process counts as one that stays: those that end sooner are spared the work. */
#define MEMORY_SETTLED_MS 500

/*
 * Lets go of what the way here took: the stack below the caller, free blocks of the heap, and the
 * pages of programs and libraries, which are read again where they are used.
 */
void memory_let_go(void);

#endif
