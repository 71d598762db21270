#include "cmd/each.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/container_filter.h"

const struct opt each_opts[] = {
	{ 'a', "all", NULL, "all of them", set_flag, FIELD(each, all) },
	{ 'l', "latest", NULL, "the newest one", set_flag, FIELD(each, latest) },
	{ 'f', "filter", "KEY=VALUE", "those that ps --filter would list (repeatable)", set_list,
	  FIELD(each, filters) },
	{ 0, "cidfile", "FILE", "the one whose ID is in the file (repeatable)", set_list,
	  FIELD(each, cidfiles) },
	{ 0 },
};

void each_done(struct each *e)
{
	strv_done(&e->filters);
	strv_done(&e->cidfiles);
}

static int do_one(struct tiffin *t, const struct container *c, const char *name,
		  const struct each_task *task, int code)
{
	struct err why = { 0 };
	int this = task->work(t, c, name, task->arg, &why);

	if (this < 0) {
		if (task->rm_codes)
			return report_item(&why, code);
		report(&why);
		return EXIT_TIFFIN;
	}
	if (!task->say_nothing && this == 0) {
		printf("%s\n", name);
		fflush(stdout);
	}
	return this > code ? this : code;
}

static int do_named(struct tiffin *t, const char *name, const struct each_task *task, int code)
{
	CLEAN(container_done) struct container c = { 0 };
	struct err why = { 0 };

	if (container_find(&t->store, name, &c, &why) == 0)
		return do_one(t, &c, name, task, code);
	if (task->ignore && why.kind == ERR_NOT_FOUND)
		return code;
	if (task->rm_codes)
		return report_item(&why, code);
	report(&why);
	return EXIT_TIFFIN;
}

static int do_listed(struct tiffin *t, const struct each *e, const struct each_task *task,
		     struct err *err)
{
	CLEAN(container_filter_done) struct container_filter filter = { 0 };
	struct container *list = NULL;
	size_t n = 0;
	int code = 0;

	if (container_filter_parse(t, &e->filters, &filter, err) < 0 ||
	    container_list(&t->store, &list, &n, err) < 0)
		return -1;
	if (e->latest && !n) {
		container_list_done(list, n);
		return err_set(err, ERR_NOT_FOUND, "there are no containers: no such container");
	}
	for (size_t i = 0; i < (e->latest ? 1 : n); i++)
		if (e->latest || (container_filter_passes(&filter, &list[i]) &&
				  (!task->wanted || task->wanted(&list[i]))))
			code = do_one(t, &list[i], list[i].id, task, code);
	container_list_done(list, n);
	return code;
}

/* The first line is the ID: podman writes a newline behind it, docker does not. */
static int do_file(struct tiffin *t, const char *path, const struct each_task *task, int code)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_free) char *id = NULL;
	struct err why = { 0 };

	if (file_read_at(AT_FDCWD, path, 4096, &text, &why) < 0) {
		if (task->ignore && why.kind == ERR_NOT_FOUND)
			return code;
		err_wrap(&why, "--cidfile");
		report(&why);
		return EXIT_TIFFIN;
	}
	id = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\r\n"));
	return do_named(t, id, task, code);
}

static int check(const struct each *e, const struct strv *operands, const char *verb,
		 struct err *err)
{
	bool named = operands->n || e->cidfiles.n, listed = e->all || e->filters.n;

	if (!named && !listed && !e->latest)
		return err_set(err, ERR_USAGE, "%s wants the name or ID of a container, or --all",
			       verb);
	if ((named && (listed || e->latest)) || (listed && e->latest))
		return err_set(err, ERR_USAGE,
			       "%s: names and --cidfile, --all and --filter, "
			       "--latest do not go together",
			       verb);
	return 0;
}

int each_container(struct tiffin *t, const struct each *e, const struct strv *operands,
		   const struct each_task *task, struct err *err)
{
	int code = 0;

	if (check(e, operands, task->verb, err) < 0 || tiffin_open(t, false, err) < 0)
		return -1;
	if (e->all || e->filters.n || e->latest)
		return do_listed(t, e, task, err);
	for (size_t i = 0; i < e->cidfiles.n; i++)
		code = do_file(t, e->cidfiles.v[i], task, code);
	for (size_t i = 0; i < operands->n; i++)
		code = do_named(t, operands->v[i], task, code);
	return code;
}
