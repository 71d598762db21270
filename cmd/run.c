/*
 * Theory of operation
 *
 * run makes the container's record, pulling the image where it is missing (cmd/create.c), starts
 * its monitor (cmd/start.c), and then only carries the terminal's bytes and signals
 * (runtime/attach.c): the container is the monitor's, and goes on if we die.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/create.h"
#include "runtime/attach.h"

static int run(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct run_options *o = options;
	CLEAN(start_done) struct start s = START_INIT;
	CLEAN(clean_fd) int client = -1;
	struct attach a;
	int exit_code;

	if (attach_options_parse(&o->attach, o->tty, o->interactive, &a, err) < 0)
		return -1;
	if (o->detach && o->attach.streams.n)
		return err_set(err, ERR_USAGE, "Conflicting options: -a and -d");
	if (o->tty && !o->detach && a.with_stdin && !a.tty)
		return err_set(err, ERR_USAGE,
			       "the input device is not a TTY: -t without -i, or -i alone");
	service_take_sockets(&o->service);
	if (preserve_fds_claim(o->service.preserve_fds, err) < 0)
		return -1;
	if (create_container(t, o, operands, &s, err) < 0)
		return -1;
	s.attached = !o->detach;
	s.remove_failed = true;
	if (start_container(&s, &client, &exit_code, err) < 0) {
		if (o->cidfile)
			unlink(o->cidfile);
		err_wrap(err, "cannot run '%s'", operands->v[0]);
		report(err);
		return exit_code;
	}
	/* Made durable beside its start, where it is to last. */
	if (!o->remove && container_sync(&s.dir, err) < 0)
		return -1;
	if (o->detach) {
		printf("%s\n", s.dir.id);
		return 0;
	}
	/* As docker: who hears nothing of the container learns its ID. */
	if (a.no_stdout && a.no_stderr) {
		printf("%s\n", s.dir.id);
		fflush(stdout);
	}
	a.sock = client;
	return attach_stream(&a, &exit_code, err) < 0 ? -1 : exit_code;
}

const struct command command_run = {
	.names = "run",
	.operands = "[OPTIONS] IMAGE [COMMAND [ARG…]]",
	.summary = "run a command in a new container",
	.opts = run_opts,
	.size = sizeof(struct run_options),
	.stop_at_operand = true,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run,
	.init = run_options_init,
	.done = run_options_done,
};
