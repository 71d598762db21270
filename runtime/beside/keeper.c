/*
 * tiffin-keeper: what the keeper becomes once the container has settled (runtime/keeper.c). It
 * waits as long as the container runs, in 16 KB.
 */
#include <linux/prctl.h>

#include "runtime/keep.h"
#include "runtime/kernel.h"

static int run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	kernel(SYS_prctl, PR_SET_NAME, (long)"tiffin-keeper", 0, 0);
	keep(-1);
	return 0;
}

PROGRAM(run);
