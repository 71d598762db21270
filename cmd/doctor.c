#include "cmd/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/format.h"

struct doctor_options {
	char *format;
};

static const struct opt doctor_opts[] = {
	{ 'f', "format", "TEMPLATE", "print each finding so: a template, or 'json'", set_string,
	  FIELD(doctor_options, format) },
	{ 0 },
};

static void doctor_done(void *options)
{
	free(((struct doctor_options *)options)->format);
}

/* --- For the probes --- */

void finding_ok(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
	f->state = FINDING_OK;
}

void finding_bad(struct finding *f, enum finding_state state, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
	f->state = state;
}

void finding_follows(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->follows, sizeof(f->follows), fmt, ap);
	va_end(ap);
}

void finding_mend(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->mend, sizeof(f->mend), fmt, ap);
	va_end(ap);
}

int doctor_try(int (*work)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(work() & 0xff);
	status = proc_reap(pid);
	return status >= 128 ? EPERM : status;
}

long doctor_sysctl(const char *path)
{
	CLEAN(buf_done) struct buf text = { 0 };
	char *end;
	long value;

	if (file_read_at(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return -1;
	value = strtol(buf_str(&text), &end, 10);
	return end == buf_str(&text) ? -1 : value;
}

/* --- The report --- */

static const char *const state_words[] = {
	[FINDING_OK] = "ok", [FINDING_LIMITED] = "limited", [FINDING_BROKEN] = "missing",
};

static json_t *row_of(const char *name, const struct finding *f)
{
	json_t *row = json_object();

	js_set_str(row, "Name", name);
	js_set_str(row, "State", state_words[f->state]);
	js_set_str(row, "Found", f->found);
	js_set_str(row, "Follows", f->follows);
	js_set_str(row, "Mend", f->mend);
	return row;
}

static void print_line(const char *lead, const char *text)
{
	CLEAN(clean_free) char *safe = str_printable(text);

	if (*text)
		printf("%-28s%s\n", lead, safe);
}

static void print_finding(const char *name, const struct finding *f)
{
	CLEAN(clean_free) char *lead = xasprintf("%-8s %s", state_words[f->state], name);

	print_line(lead, f->found);
	print_line("", f->follows);
	print_line("    to mend it:", f->mend);
}

static int examine(struct tiffin *t, const struct probe *probes, struct format *format,
		   enum finding_state *worst, struct err *err)
{
	for (const struct probe *p = probes; p->name; p++) {
		struct finding f = { .state = FINDING_OK };

		p->run(t, &f);
		if (f.state > *worst)
			*worst = f.state;
		if (!format)
			print_finding(p->name, &f);
		else if (format_row(format, row_of(p->name, &f), NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int doctor(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const struct heading headings[] = {
		{ "Name", "NAME" }, { "State", "STATE" }, { "Found", "FOUND" },
		{ "Follows", "FOLLOWS" }, { "Mend", "MEND" }, { NULL, NULL },
	};
	const struct doctor_options *o = options;
	CLEAN(format_done) struct format format = { 0 };
	enum finding_state worst = FINDING_OK;

	(void)operands;
	if (o->format && format_parse("doctor", o->format, headings, &format, err) < 0)
		return -1;
	/*
	 * Found out before there is a store: whoever has none, or one that can't be opened, is
	 * here, too.
	 */
	id_map_of_caller(false, &t->ids);
	if (examine(t, doctor_kernel, o->format ? &format : NULL, &worst, err) < 0 ||
	    examine(t, doctor_host, o->format ? &format : NULL, &worst, err) < 0 ||
	    (o->format && format_print(&format, true, err) < 0))
		return -1;
	if (!o->format)
		printf("\n%s\n",
		       worst == FINDING_BROKEN	? "Containers do not run here as it is." :
		       worst == FINDING_LIMITED ? "Containers run here, within the limits above." :
						  "Everything is there.");
	return worst == FINDING_BROKEN ? 1 : 0;
}

const struct command command_doctor = {
	.names = "doctor",
	.operands = "[OPTIONS]",
	.summary = "try what tiffin needs of this machine, and say how to mend it",
	.opts = doctor_opts,
	.size = sizeof(struct doctor_options),
	.run = doctor,
	.done = doctor_done,
};
