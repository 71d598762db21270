/*
 * generate systemd: units for the user's own systemd. One that brings all those back after a boot
 * whose restart policy says so; and, for a container that is named, one that runs it as a service.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "storage/container.h"

struct generate_options {
	bool files, name;
	char *restart;
	int timeout; /* -1: the container's own */
};

static const struct opt generate_opts[] = {
	{ 'f', "files", NULL, "write them here, and print their paths", set_flag,
	  FIELD(generate_options, files) },
	{ 'n', "name", NULL, "call the container by its name, not its ID", set_flag,
	  FIELD(generate_options, name) },
	{ 0, "restart-policy", "POLICY", "systemd's (on-failure)", set_string,
	  FIELD(generate_options, restart) },
	{ 't', "time", "SECONDS", "how long to wait before it is killed", set_number,
	  FIELD(generate_options, timeout) },
	{ 0, "stop-timeout", "SECONDS", NULL, set_number, FIELD(generate_options, timeout) },
	{ 0 },
};

static void init(void *options)
{
	((struct generate_options *)options)->timeout = -1;
}

static void done(void *options)
{
	free(((struct generate_options *)options)->restart);
}

/* A word of a unit's command line: systemd.service(5), "Command lines"; systemd.unit(5), "%". */
static char *unit_word(const char *text)
{
	struct buf b = { 0 };

	buf_adds(&b, "\"");
	for (const char *p = text; *p; p++) {
		if (strchr("\"\\", *p))
			buf_adds(&b, "\\");
		if (*p == '%' || *p == '$')
			buf_add(&b, p, 1);
		buf_add(&b, p, 1);
	}
	buf_adds(&b, "\"");
	return b.data;
}

/* "/usr/bin/tiffin --root /store", as words of a unit. */
static int command_words(const struct tiffin *t, char **ret, struct err *err)
{
	CLEAN(clean_free) char *path = realpath("/proc/self/exe", NULL);
	CLEAN(clean_free) char *program = NULL;
	CLEAN(clean_free) char *root = unit_word(t->store.root);

	if (!path || strpbrk(path, "\n") || strpbrk(t->store.root, "\n"))
		return err_set(err, ERR_UNSUPPORTED, "no unit can name this program or its store");
	program = unit_word(path);
	*ret = xasprintf("%s --root %s", program, root);
	return 0;
}

static char *boot_unit(const char *tiffin)
{
	return xasprintf("# Brings back, after a boot, the containers whose restart policy says "
			 "so.\n"
			 "[Unit]\n"
			 "Description=containers of tiffin that come back after a boot\n"
			 "Documentation=man:systemd.service(5)\n"
			 "\n"
			 "[Service]\n"
			 "Type=oneshot\n"
			 "RemainAfterExit=yes\n"
			 "ExecStart=%s start --all --filter should-start-on-boot=true\n"
			 "# SIGTERM to the monitors ends their containers in order.\n"
			 "TimeoutStopSec=90\n"
			 "\n"
			 "[Install]\n"
			 "WantedBy=default.target\n",
			 tiffin);
}

static char *container_unit(const struct container *c, const struct generate_options *o,
			    const char *tiffin, const char *called)
{
	int own = (int)js_int(js_obj(c->config, "spec"), "stop_timeout");
	int timeout = o->timeout >= 0 ? o->timeout : own >= 0 ? own : 10;

	return xasprintf("[Unit]\n"
			 "Description=tiffin container %s\n"
			 "\n"
			 "[Service]\n"
			 "Type=exec\n"
			 "ExecStart=%s start --attach %s\n"
			 "ExecStop=%s stop --time %d %s\n"
			 "# The end that a stop brings is no failure.\n"
			 "SuccessExitStatus=143 137\n"
			 "Restart=%s\n"
			 "TimeoutStopSec=%d\n"
			 "\n"
			 "[Install]\n"
			 "WantedBy=default.target\n",
			 called, tiffin, called, tiffin, timeout, called,
			 o->restart ? o->restart : "on-failure", timeout + 60);
}

static int give(const struct generate_options *o, const char *name, const char *text,
		struct err *err)
{
	CLEAN(clean_free) char *here = NULL;

	if (!o->files) {
		fputs(text, stdout);
		return 0;
	}
	if (file_replace_at(AT_FDCWD, name, text, strlen(text), 0644, RELAXED, err) < 0)
		return -1;
	here = realpath(name, NULL);
	puts(here ? here : name);
	return 0;
}

static int generate(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const policies[] = { "no",	       "on-success",  "on-failure",
						"on-abnormal", "on-watchdog", "on-abort",
						"always" };
	const struct generate_options *o = options;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_free) char *tiffin = NULL;
	CLEAN(clean_free) char *text = NULL;
	CLEAN(clean_free) char *name = NULL;
	const char *called;
	bool known = !o->restart;

	for (size_t i = 0; !known && i < ARRAY_SIZE(policies); i++)
		known = streq(o->restart, policies[i]);
	if (!known)
		return err_set(err, ERR_USAGE, "%s is not a valid restart policy", o->restart);
	if (!streq(operands->v[0], "systemd"))
		return err_set(err, ERR_UNSUPPORTED,
			       "generate %s: this version generates systemd units", operands->v[0]);
	if (tiffin_open(t, false, err) < 0 || command_words(t, &tiffin, err) < 0)
		return -1;
	if (operands->n == 1) {
		text = boot_unit(tiffin);
		return give(o, "tiffin-restart.service", text, err);
	}
	if (container_find(&t->store, operands->v[1], &c, err) < 0)
		return -1;
	if (js_bool(js_obj(c.config, "spec"), "auto_remove"))
		return err_set(err, ERR_UNSUPPORTED,
			       "container %s goes with its end (--rm): no unit can start it again",
			       c.name);
	called = o->name ? c.name : c.id;
	text = container_unit(&c, o, tiffin, called);
	name = xasprintf("container-%s.service", called);
	return give(o, name, text, err);
}

const struct command command_generate = {
	.names = "generate",
	.operands = "systemd [OPTIONS] [CONTAINER]",
	.summary = "units for systemd: of a container, or of all that come back after a boot",
	.opts = generate_opts,
	.size = sizeof(struct generate_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = generate,
	.init = init,
	.done = done,
};
