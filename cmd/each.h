/*
 * Commands that do the same to several containers: which ones, what is printed, what the exit
 * status is. The command itself says only what is done to one.
 *
 *	static const struct opt stop_opts[] = {
 *		{ .more = each_opts, .field = FIELD(stop_options, each) }, …
 *	return each_container(t, &o->each, operands, &(struct each_task){ .verb = "stop", … }, err);
 */
#ifndef CMD_EACH_H
#define CMD_EACH_H

#include "cmd/command.h"
#include "storage/container.h"

/* What is said instead of, or beside, operands. */
struct each {
	bool all, latest;
	struct strv filters, cidfiles;
};
void each_done(struct each *e);

extern const struct opt each_opts[];

struct each_task {
	const char *verb; /* "stop" */
	/* Of those that were not named: which it is about. NULL: every one. */
	bool (*wanted)(const struct container *c);
	/*
	 * name is what to call it: as it was typed, else its ID. -1 and an error to report, or an
	 * exit status.
	 */
	int (*work)(struct tiffin *t, const struct container *c, const char *name, void *arg,
		    struct err *err);
	void *arg;
	bool ignore;	 /* one that is not there is no error */
	bool say_nothing; /* else the name is printed where the work is done */
	bool rm_codes;	 /* the exit status tells of what kind the error was (report_item) */
};

/* Opens the store. The exit status: the worst of all. */
int each_container(struct tiffin *t, const struct each *e, const struct strv *operands,
		   const struct each_task *task, struct err *err);

#endif
