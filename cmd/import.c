#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/human.h"
#include "cmd/image_change.h"
#include "cmd/local_name.h"
#include "image/platform.h"

struct import_command_options {
	struct strv changes;
	char *message, *os, *arch, *variant;
	bool quiet;
};

static const struct opt import_opts[] = {
	{ 'c', "change", "INSTRUCTION", "set CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
	  "STOPSIGNAL, USER, VOLUME or WORKDIR (repeatable)", set_list,
	  FIELD(import_command_options, changes) },
	{ 'm', "message", "TEXT", "the comment in its history", set_string,
	  FIELD(import_command_options, message) },
	{ 'q', "quiet", NULL, "print the image ID alone: always so here", set_flag,
	  FIELD(import_command_options, quiet) },
	{ 0, "os", "OS", "the image's, and not this machine's", set_string,
	  FIELD(import_command_options, os) },
	{ 0, "arch", "ARCH", "the same", set_string, FIELD(import_command_options, arch) },
	{ 0, "variant", "VARIANT", "the same", set_string, FIELD(import_command_options, variant) },
	{ 0 },
};

static void import_done(void *options)
{
	struct import_command_options *o = options;

	strv_done(&o->changes);
	free(o->message);
	free(o->os);
	free(o->arch);
	free(o->variant);
}

static bool is_url(const char *text)
{
	return starts_with(text, "http://") || starts_with(text, "https://");
}

static int open_input(const char *path, int *ret_fd, struct err *err)
{
	const bool standard = streq(path, "-");
	CLEAN(clean_fd)
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
			    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open '%s'", standard ? "standard input" : path);
	if (isatty(fd))
		return err_set(err, ERR_USAGE,
			       "cannot read from terminal, use command-line redirection");
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "'%s' is a directory: import wants an archive",
			       path);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* What the image says of itself, but for its layer. The caller frees *ret. */
static int make_config(const struct import_command_options *o, char **ret, struct err *err)
{
	CLEAN(clean_json) json_t *doc = json_object();
	CLEAN(clean_free) char *now = rfc3339_nano(now_realtime());
	json_t *config = json_object(), *history = json_object();
	const char *comment = o->message ?: "imported from tarball";
	struct platform host;

	platform_host(&host);
	js_set_str(doc, "created", now);
	js_set_str(doc, "architecture", o->arch ?: host.arch);
	js_set_str(doc, "os", o->os ?: host.os);
	if (o->variant)
		js_set_str(doc, "variant", o->variant);
	if (o->message)
		js_set_str(doc, "comment", o->message);
	js_set_str(history, "created", now);
	js_set_str(history, "created_by", "tiffin import");
	js_set_str(history, "comment", comment);
	json_object_set_new(doc, "config", config);
	json_object_set_new(doc, "history", json_pack("[o]", history));
	for (size_t i = 0; i < o->changes.n; i++)
		if (image_change(config, o->changes.v[i], err) < 0)
			return -1;
	*ret = js_dump(doc);
	return 0;
}

static int import_command(struct tiffin *t, void *options, const struct strv *operands,
			  struct err *err)
{
	const struct import_command_options *o = options;
	const char *from = operands->v[0];
	CLEAN(clean_free) char *config = NULL;
	CLEAN(clean_free) char *name = NULL;
	CLEAN(clean_free) char *id = NULL;
	CLEAN(clean_fd) int fd = -1;

	if ((operands->n > 1 && local_name_parse(operands->v[1], &name, err) < 0) ||
	    make_config(o, &config, err) < 0 || (!is_url(from) && open_input(from, &fd, err) < 0) ||
	    tiffin_open(t, false, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	if (helper_import(t, fd, is_url(from) ? from : NULL, config, name, &id, err) < 0)
		return -1;
	event_image(&t->store, "import", id, name);
	printf("sha256:%s\n", id);
	return 0;
}

const struct command command_import = {
	.names = "import",
	.operands = "[OPTIONS] FILE|URL|- [REFERENCE]",
	.summary = "make an image of an archive of a root file system",
	.opts = import_opts,
	.size = sizeof(struct import_command_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = import_command,
	.done = import_done,
};
