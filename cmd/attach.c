#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/attach_options.h"
#include "cmd/event.h"
#include "cmd/latest.h"
#include "cmd/life.h"

struct options {
	bool no_stdin, latest;
	struct attach_options streams;
};

static const struct opt opts[] = {
	{ 0, "no-stdin", NULL, "output only", set_flag, FIELD(options, no_stdin) },
	LATEST_ROW(options, latest),
	{ .more = attach_opts, .field = FIELD(options, streams) },
	{ 0 },
};

static void done(void *options)
{
	attach_options_done(&((struct options *)options)->streams);
}

static int attach(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct options *o = options;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int sock = -1;
	const json_t *spec;
	struct attach a;
	int exit_code;

	if (tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "attach", 1, 0, operands, &names, err) < 0 ||
	    container_find(&t->store, names.v[0], &c, err) < 0)
		return -1;
	if (c.status != CONTAINER_RUNNING)
		return err_set(err, ERR_BUSY,
			       "you can only attach to running containers: %s does not run",
			       c.name);
	spec = js_obj(c.config, "spec");
	if (attach_options_parse(&o->streams, js_bool(spec, "tty"),
				 !o->no_stdin && js_bool(spec, "open_stdin"), &a, err) < 0)
		return -1;
	if (life_connect(t, &c, &sock, err) < 0 || attach_ask(sock, &exit_code, err) < 0)
		return -1;
	event_container(&t->store, c.config, "attach", NULL);
	a.sock = sock;
	return attach_stream(&a, &exit_code, err) < 0 ? -1 : exit_code;
}

const struct command command_attach = {
	.names = "attach",
	.operands = "[OPTIONS] [CONTAINER]",
	.summary = "see and feed a container that runs",
	.opts = opts,
	.size = sizeof(struct options),
	.max_operands = 1,
	.run = attach,
	.done = done,
};
