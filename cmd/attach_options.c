#include "cmd/attach_options.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/command.h"

static int set_not(void *field, const char *value, struct err *err)
{
	bool given;

	if (set_flag(&given, value, err) < 0)
		return -1;
	*(bool *)field = !given;
	return 0;
}

const struct opt detach_opts[] = {
	{ 0, "detach-keys", "KEYS", "end the client, not the container (ctrl-p,ctrl-q); '': none",
	  set_string, FIELD(attach_options, detach_keys) },
	{ 0 },
};

const struct opt attach_opts[] = {
	{ .more = detach_opts },
	{ 0, "sig-proxy", NULL,
	  "signals to the client are the container's; true without a terminal",
	  set_not, FIELD(attach_options, keep_signals) },
	{ 0 },
};

const struct opt attach_stream_opts[] = {
	{ .more = attach_opts },
	{ 'a', "attach", "STREAM", "stdin, stdout or stderr, and those that are not named not "
	  "(repeatable)", set_list, FIELD(attach_options, streams) },
	{ 0 },
};

void attach_options_done(struct attach_options *o)
{
	free(o->detach_keys);
	strv_done(&o->streams);
	*o = (struct attach_options){ 0 };
}

static int parse_streams(const struct strv *streams, bool interactive, struct attach *a,
			 struct err *err)
{
	bool in = false, out = false, errors = false;

	for (size_t i = 0; i < streams->n; i++) {
		const char *name = streams->v[i];

		if (streq(name, "stdin"))
			in = true;
		else if (streq(name, "stdout"))
			out = true;
		else if (streq(name, "stderr"))
			errors = true;
		else
			return err_set(err, ERR_USAGE,
				       "invalid stream '%s' for --attach - must be one of stdin, "
				       "stdout, or stderr",
				       name);
	}
	if (in && !interactive)
		return err_set(err, ERR_USAGE, "--attach stdin: the container has none without -i");
	if (streams->n) {
		a->with_stdin = in;
		a->no_stdout = !out;
		a->no_stderr = !errors;
	}
	return 0;
}

int attach_options_parse(const struct attach_options *o, bool tty, bool interactive,
			 struct attach *ret, struct err *err)
{
	struct attach a = {
		.sock = -1,
		.tty = tty && isatty(STDIN_FILENO),
		.with_stdin = interactive,
		.keep_signals = o->keep_signals,
		.warn = report_warning,
	};

	if (detach_parse(o->detach_keys ?: DETACH_KEYS_DEFAULT, &a.detach, err) < 0 ||
	    parse_streams(&o->streams, interactive, &a, err) < 0)
		return -1;
	*ret = a;
	return 0;
}
