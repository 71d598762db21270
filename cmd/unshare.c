#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "runtime/session.h"

enum {
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NO_COMMAND = 127,
};

static const struct opt no_opts[] = { { 0 } };

/* podman's names for where things are; here there is one such place. */
static int set_environment(const struct tiffin *t, struct err *err)
{
	static const char *const names[] = { "TIFFIN_ROOT", "CONTAINERS_GRAPHROOT",
					     "CONTAINERS_RUNROOT" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (setenv(names[i], t->store.root, 1) < 0)
			return err_sys(err, "cannot set '%s'", names[i]);
	return 0;
}

static int unshare_command(struct tiffin *t, void *options, const struct strv *operands,
			   struct err *err)
{
	const char *shell = getenv("SHELL");
	char *const usual[] = { (char *)(shell && *shell ? shell : "/bin/sh"), NULL };
	char *const *argv = operands->n ? operands->v : usual;
	struct err why = { 0 };

	(void)options;
	if (tiffin_open(t, false, err) < 0 || set_environment(t, err) < 0 ||
	    session_enter(&t->ids, err) < 0)
		return -1;
	execvp(argv[0], argv);
	err_sys(&why, "cannot execute '%s'", argv[0]);
	report(&why);
	return why.sys == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE;
}

const struct command command_unshare = {
	.names = "unshare",
	.operands = "[COMMAND [ARG…]]",
	.summary = "run a command as root of the store's user namespace",
	.opts = no_opts,
	.size = 1,
	.stop_at_operand = true,
	.max_operands = SIZE_MAX,
	.run = unshare_command,
};
