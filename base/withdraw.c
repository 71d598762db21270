#include "base/withdraw.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void forget_environment(void)
{
	static char *none[] = { NULL };

	for (char **entry = environ; *entry; entry++)
		explicit_bzero(*entry, strlen(*entry));
	environ = none;
}

int process_withdraw(struct err *err)
{
	const struct rlimit no_cores = { 0, 0 };

	forget_environment();
	if (setrlimit(RLIMIT_CORE, &no_cores) < 0)
		return err_sys(err, "cannot limit core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "cannot become non-dumpable");
	return 0;
}
