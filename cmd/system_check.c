#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/check.h"
#include "cmd/helper.h"

struct check_options {
	bool quick, repair, force;
	long long max_age;
};

static const struct opt check_opts[] = {
	{ 'f', "force", NULL, "with --repair: what can't be mended is removed, with its containers",
	  set_flag,
	  FIELD(check_options, force) },
	{ 'm', "max", "DURATION", "layers without an image may be so old (24h)", set_duration,
	  FIELD(check_options, max_age) },
	{ 'q', "quick", NULL, "read no layers", set_flag, FIELD(check_options, quick) },
	{ 'r', "repair", NULL, "mend what can be, and fetch again what is damaged", set_flag,
	  FIELD(check_options, repair) },
	{ 0 },
};

static void set_defaults(void *options)
{
	((struct check_options *)options)->max_age = 24LL * 3600 * 1000000000;
}

void check_done(struct check *c)
{
	strv_done(&c->layers);
	strv_done(&c->images);
}

static void print_line(const char *text, const char *behind, const char *why)
{
	CLEAN(clean_free) char *line = xasprintf("%s%s%s", text, behind, why);
	CLEAN(clean_free) char *safe = str_printable(line);

	puts(safe);
}

void check_tell(struct check *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->found++;
	c->left++;
	print_line(text, c->repair ? ": not repaired" : "", "");
}

void check_tell_repair(struct check *c, char *what, const struct err *why)
{
	const bool mended = c->repair && !why;
	const char *outcome = !c->repair ? "" : mended ? ": repaired" : ": not repaired: ";

	c->found++;
	c->left += !mended;
	print_line(what, outcome, why ? why->text : "");
	free(what);
}

void check_damaged(struct check *c, const char *kind, const char *name, char *what)
{
	struct strv *names = streq(kind, "layer") ? &c->layers : &c->images;
	CLEAN(clean_free) char *text = xasprintf("%s %.12s: %s", kind, name, what);

	c->found++;
	c->left += !c->repair;
	print_line(text, "", "");
	if (!strv_has(names, name))
		strv_add(names, name);
	free(what);
}

/* "kind\tname\twhat" (image/check.h); what is not so was not said by us. */
static void take_line(struct check *c, char *line)
{
	char *name = strchr(line, '\t'), *what = name ? strchr(name + 1, '\t') : NULL;

	if (!what)
		return;
	*name++ = '\0';
	*what++ = '\0';
	check_damaged(c, line, name, xstrdup(what));
}

static int check_contents(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(clean_free) char *lines = NULL;
	char *rest = NULL;

	if (helper_check(t, &lines, err) < 0)
		return -1;
	for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(c, line);
	return 0;
}

static int check(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct check_options *o = options;
	CLEAN(check_done)
	struct check c = { .repair = o->repair, .force = o->force, .max_age = o->max_age };

	int lost;

	(void)operands;
	if (o->force && !o->repair)
		return err_set(err, ERR_USAGE, "--force is about what --repair does");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	lost = check_quick(t, &c, err);
	if (lost)
		return lost;
	if (!o->quick && check_contents(t, &c, err) < 0)
		return -1;
	if (o->repair && (c.layers.n || c.images.n) && check_fetch(t, &c, err) < 0)
		return -1;
	return c.left ? 1 : 0;
}

const struct command command_system_check = {
	.names = "check",
	.operands = "[OPTIONS]",
	.summary =
		"verify the store: a line for all that is wrong; exit status 1 where something is",
	.opts = check_opts,
	.size = sizeof(struct check_options),
	.max_operands = 0,
	.run = check,
	.init = set_defaults,
};
