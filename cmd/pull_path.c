#include "cmd/pull_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "image/reference.h"

static bool is_directory(const struct transport *from)
{
	return from->kind == TRANSPORT_OCI || from->kind == TRANSPORT_DIR;
}

/* What a layout calls "x:1" is localhost/x:1, unless it says more. The caller frees. */
static int name_of(const struct transport *from, char **ret, struct err *err)
{
	const bool bare = from->kind != TRANSPORT_DOCKER_ARCHIVE && !strchr(from->reference, '/');
	CLEAN(clean_free) char *text = NULL;
	CLEAN(reference_done) struct reference ref = { 0 };

	if (*from->reference == '@')
		return 0;
	text = xasprintf("%s%s", bare ? "localhost/" : "", from->reference);
	if (reference_parse(text, &ref, err) < 0)
		return -1;
	if (ref.digest)
		return err_set(err, ERR_USAGE, "'%.200s': an archive's images have no digests",
			       from->reference);
	*ret = reference_canonical(&ref);
	return 0;
}

static int open_path(const struct transport *from, int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int fd = open(from->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open '%s'", from->path);
	if (S_ISDIR(st.st_mode) != is_directory(from))
		return err_set(err, ERR_USAGE, "'%s' is %s directory", from->path,
			       is_directory(from) ? "not a" : "a");
	*ret_fd = fd_take(&fd);
	return 0;
}

int pull_path(struct tiffin *t, const struct transport *from, struct strv *ret_ids, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	CLEAN(clean_free) char *name = NULL;
	CLEAN(clean_free) char *lines = NULL;
	char *rest;

	if (from->reference && name_of(from, &name, err) < 0)
		return -1;
	if (open_path(from, &fd, err) < 0 ||
	    helper_load(t, fd, is_directory(from), from->reference, name, &lines, err) < 0)
		return -1;
	for (char *id = strtok_r(lines, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest)) {
		char *label = id;

		strsep(&label, " ");
		event_image(&t->store, "pull", id, label);
		if (!strv_has(ret_ids, id))
			strv_add(ret_ids, id);
	}
	return 0;
}
