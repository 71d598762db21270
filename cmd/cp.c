/*
 * Theory of operation
 *
 * Each side is a process (cmd/cp_side.h): one reads its tree and hands on what is in it, the other
 * makes it in its own (storage/transfer.h). An archive at standard input is unpacked into a stage
 * of the store by tiffin-image first, as an archive is unpacked that is loaded, and copied from
 * there; one at standard output is written by tiffin-image out of the tree, while the process that
 * mounted it waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/container_view.h"
#include "cmd/cp_side.h"
#include "cmd/helper.h"
#include "runtime/process.h"
#include "runtime/sync.h"
#include "runtime/userns.h"
#include "storage/locate.h"
#include "storage/transfer.h"

struct cp_options {
	bool archive, follow, overwrite, quiet;
};

static const struct opt cp_opts[] = {
	{ 'a', "archive", NULL, "keep owners: what comes into a container is root's otherwise",
	  set_flag,
	  FIELD(cp_options, archive) },
	{ 'L', "follow-link", NULL, "copy what a symlink as the source leads to", set_flag,
	  FIELD(cp_options, follow) },
	{ 0, "overwrite", NULL, "directories by what is none, and the other way round", set_flag,
	  FIELD(cp_options, overwrite) },
	{ 'q', "quiet", NULL, "say nothing: always so here", set_flag, FIELD(cp_options, quiet) },
	{ 0 },
};

struct cp {
	struct tiffin *t;
	const struct cp_options *o;
	struct cp_side from, to;
	int out, in; /* the two ends */
	int stage;   /* in the place of from: what an archive has become */
	bool keep;   /* owners */
};

static void cp_done(struct cp *cp)
{
	cp_side_done(&cp->from);
	cp_side_done(&cp->to);
	clean_fd(&cp->out);
	clean_fd(&cp->in);
	clean_fd(&cp->stage);
}

/* --- in the processes of the sides --- */

static int find_source(int root, const struct cp *cp, struct located *ret, struct err *err)
{
	CLEAN(located_done) struct located l = LOCATED_INIT;

	if (locate(root, cp->from.path, cp->o->follow, &l, err) < 0)
		return cp_side_err(&cp->from, err);
	if (!l.exists) {
		err->sys = ENOENT;
		return cp_side_err(&cp->from, err);
	}
	*ret = l;
	l = (struct located)LOCATED_INIT;
	return 0;
}

static int64_t find_id(const struct id_range *ranges, size_t n, unsigned int id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= ranges[i].outside && id - ranges[i].outside < ranges[i].count)
			return (int64_t)ranges[i].inside + (id - ranges[i].outside);
	return -1;
}

/*
 * What a user or group of the host's is in the container that we copy to; root where it has none.
 */
static unsigned int id_in_container(void *arg, const char *kind, unsigned int id)
{
	const struct cp *cp = arg;
	const struct id_map *ids = &cp->t->ids;
	int64_t inside;

	if (cp->to.lock.lock < 0)
		inside = process_id_inside(cp->to.c.state.init.pid, kind, id);
	else if (streq(kind, "uid"))
		inside = find_id(ids->uids, ids->n_uids, id);
	else
		inside = find_id(ids->gids, ids->n_gids, id);
	return inside < 0 ? 0 : (unsigned int)inside;
}

static int send_source(int root, void *arg, struct err *err)
{
	const struct cp *cp = arg;
	CLEAN(located_done) struct located l = LOCATED_INIT;
	struct transfer_source source;

	if (find_source(root, cp, &l, err) < 0)
		return -1;
	source = (struct transfer_source){
		.dir = l.dir,
		.name = l.name,
		.as = l.base,
		.contents = l.contents,
		.recorded = js_bool(cp->from.c.config, "single_id"),
		.id_there = root < 0 ? id_in_container : NULL,
		.arg = arg,
	};
	return transfer_send(cp->out, &source, err) < 0 ? cp_side_err(&cp->from, err) : 0;
}

/* As root of the namespace that unpacked it. */
static int send_stage(void *arg, int *ret_fd, struct err *err)
{
	const struct cp *cp = arg;
	const struct transfer_source source = {
		.dir = cp->stage,
		.name = ".",
		.as = "",
		.contents = true,
		.recorded = cp->t->ids.single,
	};

	if (transfer_send(cp->out, &source, err) < 0)
		return -1;
	*ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, "/dev/null") : 0;
}

static int send_staged(int root, void *arg, struct err *err)
{
	struct cp *cp = arg;
	CLEAN(clean_fd) int ignored = -1;

	(void)root;
	return userns_open(&cp->t->ids, send_stage, cp, &ignored, err);
}

static int receive_target(int root, void *arg, struct err *err)
{
	const struct cp *cp = arg;
	CLEAN(located_done) struct located l = LOCATED_INIT;
	struct transfer_target target = {
		.text = cp->to.path,
		.owners = cp->keep,
		.record = js_bool(cp->to.c.config, "single_id"),
		.overwrite = cp->o->overwrite,
		.host = root < 0,
	};

	if (locate(root, cp->to.path, true, &l, err) < 0)
		return cp_side_err(&cp->to, err);
	target.dir = l.dir;
	target.name = l.name;
	target.special = l.special;
	target.slash = l.slash || cp->stage >= 0;
	if (cp->stage >= 0 && !(l.exists && S_ISDIR(l.st.st_mode)))
		return err_set(err, ERR_USAGE,
			       "destination must be a directory when copying from stdin");
	return transfer_receive(cp->in, &target, err);
}

/* Hands over the directory that the source is in, and stays, for what is mounted goes with it. */
static int lend_source(int root, void *arg, struct err *err)
{
	const struct cp *cp = arg;
	CLEAN(located_done) struct located l = LOCATED_INIT;
	CLEAN(buf_done) struct buf names = { 0 };
	CLEAN(clean_fd) int dir = -1;
	char byte;

	if (find_source(root, cp, &l, err) < 0)
		return -1;
	dir = openat(l.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "'%s'", cp->from.path);
	buf_adds(&names, l.name);
	buf_add(&names, "", 1);
	buf_adds(&names, l.contents ? "" : l.base);
	if (sync_send(cp->out, SYNC_TREE, dir, err) < 0 ||
	    write_all(cp->out, names.data, names.len + 1, err) < 0)
		return -1;
	while (read(cp->out, &byte, 1) < 0 && errno == EINTR)
		;
	return 0;
}

/* --- here --- */

/* Where one of the two broke off because the other did, it is the other's error that counts. */
static int wait_for_both(struct cp_agent *sender, struct cp_agent *receiver, struct err *err)
{
	struct err sent = { 0 }, received = { 0 };
	const int send = cp_agent_wait(sender, &sent), receive = cp_agent_wait(receiver, &received);

	if (send == 0 && receive == 0)
		return 0;
	*err = receive < 0 && (send == 0 || received.kind != ERR_NETWORK) ? received : sent;
	return -1;
}

static int copy(struct cp *cp, cp_work *send, struct err *err)
{
	struct cp_agent sender = CP_AGENT_INIT, receiver = CP_AGENT_INIT;
	struct err why = { 0 };
	int started;

	if (transfer_pair(&cp->out, &cp->in, err) < 0 ||
	    cp_agent_start(cp->t, &cp->from, send, cp, cp->in, &sender, err) < 0)
		return -1;
	clean_fd(&cp->out);
	started = cp_agent_start(cp->t, &cp->to, receive_target, cp, -1, &receiver, err);
	clean_fd(&cp->in);
	if (started < 0) {
		cp_agent_wait(&sender, &why);
		return -1;
	}
	return wait_for_both(&sender, &receiver, err);
}

static int copy_archive_in(struct cp *cp, struct err *err)
{
	char stage[STAGE_NAME_MAX];
	CLEAN(clean_fd) int lock = -1;
	CLEAN(clean_fd) int place = -1;
	int result;

	if (store_stage(&cp->t->store, stage, &cp->stage, &lock, err) < 0)
		return -1;
	cp->keep = true;
	tiffin_set_ids(cp->t, js_bool(cp->to.c.config, "single_id"));
	place = openat(cp->t->store.tmp, stage, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	result = helper_fill(cp->t, place, STDIN_FILENO, err);
	if (result < 0)
		err_wrap(err, "source must be a (compressed) tar archive when copying from stdin");
	else
		result = copy(cp, send_staged, err);
	clean_fd(&cp->stage);
	/* Whoever removes it in a namespace wants its lock. */
	clean_fd(&lock);
	helper_remove_trash(&cp->t->store, &cp->t->ids, stage);
	store_unstage(&cp->t->store, stage);
	return result;
}

static int copy_archive_out(struct cp *cp, struct err *err)
{
	struct cp_agent agent = CP_AGENT_INIT;
	char names[NAME_MAX * 2 + 4] = "";
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	CLEAN(buf_done) struct buf owners = { 0 };
	CLEAN(clean_fd) int dir = -1;
	struct err why = { 0 };
	bool owned;
	int result;

	tiffin_set_ids(cp->t, js_bool(cp->from.c.config, "single_id"));
	if (container_ids_from_json(cp->from.c.config, &mapping, err) < 0)
		return -1;
	if (sync_pair(&cp->in, &cp->out, err) < 0 ||
	    cp_agent_start(cp->t, &cp->from, lend_source, cp, cp->in, &agent, err) < 0)
		return -1;
	clean_fd(&cp->out);
	result = sync_expect(cp->in, SYNC_TREE, &dir, NULL, &why);
	if (result == 0 && read(cp->in, names, sizeof(names) - 1) < 2)
		result = err_set(&why, ERR_SYSTEM, "the process that copies broke off");
	owned = result == 0 && container_owners(cp->t, &cp->from.c, &owners);
	if (result == 0)
		result = helper_export(cp->t, dir, names, names + strlen(names) + 1,
				       owned ? &owners : NULL,
				       container_ids_within(cp->t, mapping) ? mapping : NULL,
				       STDOUT_FILENO, &why);
	clean_fd(&cp->in);
	/* What it says of its end comes first. */
	if (cp_agent_wait(&agent, err) < 0)
		return -1;
	if (result < 0)
		*err = why;
	return result;
}

static int check(const char *from, const char *to, struct err *err)
{
	const bool in = streq(from, "-"), out = streq(to, "-");

	if (in && out)
		return err_set(err, ERR_USAGE,
			       "invalid arguments \"-\", \"-\": one has to be a container's");
	if (in && isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE,
			       "cannot read from terminal, use command-line redirection");
	if (out && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			       "refusing to copy an archive to a terminal: redirect it");
	return 0;
}

static int cp_command(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const char *from = operands->v[0], *to = operands->v[1];
	const bool in = streq(from, "-"), out = streq(to, "-");
	CLEAN(cp_done) struct cp cp = {
		.t = t, .o = options, .from = CP_SIDE_INIT, .to = CP_SIDE_INIT,
		.out = -1, .in = -1, .stage = -1,
	};

	cp.keep = cp.o->archive;
	if (check(from, to, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    (!in && cp_side_parse(t, from, &cp.from, err) < 0) ||
	    (!out && cp_side_parse(t, to, &cp.to, err) < 0))
		return -1;
	if (!cp.from.is_container && !cp.to.is_container)
		return err_set(err, ERR_USAGE,
			       "invalid arguments \"%s\", \"%s\": one has to be a container's: "
			       "CONTAINER:PATH",
			       from, to);
	if (in)
		return copy_archive_in(&cp, err);
	return out ? copy_archive_out(&cp, err) : copy(&cp, send_source, err);
}

const struct command command_cp = {
	.names = "cp",
	.operands = "[OPTIONS] [CONTAINER:]PATH|- [CONTAINER:]PATH|-",
	.summary = "copy files between containers and the host",
	.opts = cp_opts,
	.size = sizeof(struct cp_options),
	.min_operands = 2,
	.max_operands = 2,
	.run = cp_command,
};
