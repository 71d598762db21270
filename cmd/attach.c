#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/event.h"
#include "cmd/life.h"
#include "runtime/attach.h"

struct attach_options {
	bool no_stdin;
};

static const struct opt attach_opts[] = {
	{ 0, "no-stdin", NULL, "output only", set_flag, FIELD(attach_options, no_stdin) },
	{ 0 },
};

static int attach(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct attach_options *o = options;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_fd) int sock = -1;
	const json_t *spec;
	int exit_code;
	bool tty;

	if (tiffin_open(t, false, err) < 0 || container_find(&t->store, operands->v[0], &c, err) < 0)
		return -1;
	if (c.status != CONTAINER_RUNNING)
		return err_set(err, ERR_BUSY, "you can only attach to running containers: %s does not run",
			       c.name);
	if (container_connect(&t->store, c.id, &sock, err) < 0 ||
	    attach_ask(sock, &exit_code, err) < 0)
		return -1;
	event_container(&t->store, c.config, "attach", NULL);
	spec = js_obj(c.config, "spec");
	tty = js_bool(spec, "tty") && isatty(STDIN_FILENO);
	return attach_stream(sock, tty, !o->no_stdin && js_bool(spec, "open_stdin"), &exit_code, err) < 0 ?
		       -1 :
		       exit_code;
}

const struct command command_attach = {
	.names = "attach",
	.operands = "[OPTIONS] CONTAINER",
	.summary = "see and feed a container that runs",
	.opts = attach_opts,
	.size = sizeof(struct attach_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = attach,
};
