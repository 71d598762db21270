/*
 * Entries for a user whom the image does not know: many programs want to find the one that they run
 * as in /etc/passwd (ssh, git, postgres).
 *
 * The image's own files stay as they are: a copy with one line more is mounted over. The copy is in
 * the tmpfs of /dev, where it has no name, so that nothing of it stays in the store and it can be
 * had with a read-only root as well. An image without the file gets none, as with podman.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/child.h"
#include "runtime/mount.h"

#define DATABASE_MAX (1u << 20) /* a file that is larger stays as it is */

static bool is_mounted(const struct container_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (streq(spec->mounts[i].target, path))
			return true;
	return false;
}

/* What the file has: false where there is none that could be read. */
static bool read_database(int root, const char *path, struct buf *ret)
{
	CLEAN(clean_fd)
	int fd = open_resolved(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_IN_ROOT);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size <= DATABASE_MAX && read_all(fd, DATABASE_MAX, ret, NULL) == 0;
}

/* Mounts a file with this text; it loses its name when the mount is there. */
static int mount_text(struct child *c, const struct buf *text, int at, struct err *err)
{
	static const char name[] = ".identity";
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			       (c->spec->read_only ? MOUNT_ATTR_RDONLY : 0);
	CLEAN(clean_fd)
	int fd = openat(c->dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	CLEAN(clean_fd) int mnt = -1;
	int result;

	if (fd < 0)
		return err_sys(err, "a copy of it");
	result = write_all(fd, buf_str(text), text->len, err);
	if (result == 0)
		result = mount_clone(c->dev, name, attrs, &mnt, err);
	if (result == 0)
		result = mount_attach(mnt, at, "", err);
	unlinkat(c->dev, name, 0);
	return result;
}

static int add_line(struct child *c, int root, const char *path, const char *line, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_fd) int at = -1;

	if (is_mounted(c->spec, path) || !read_database(root, path, &text))
		return 0;
	if (text.len && text.data[text.len - 1] != '\n')
		buf_adds(&text, "\n");
	buf_addf(&text, "%s\n", line);
	at = open_resolved(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
	if (at < 0)
		return err_sys(err, "'%s'", path);
	return mount_text(c, &text, at, err) < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* podman's words in an entry of the user's own. */
static char *expand(const char *entry, const struct user *u, const char *home)
{
	CLEAN(buf_done) struct buf out = { 0 };

	while (*entry) {
		size_t plain = strcspn(entry, "$");

		buf_add(&out, entry, plain);
		entry += plain;
		if (starts_with(entry, "$USERNAME") || starts_with(entry, "$UID")) {
			buf_addf(&out, "%u", u->uid);
			entry += starts_with(entry, "$UID") ? 4 : 9;
		} else if (starts_with(entry, "$GROUPNAME") || starts_with(entry, "$GID")) {
			buf_addf(&out, "%u", u->gid);
			entry += starts_with(entry, "$GID") ? 4 : 10;
		} else if (starts_with(entry, "$NAME")) {
			buf_adds(&out, "container user");
			entry += 5;
		} else if (starts_with(entry, "$HOME")) {
			buf_adds(&out, home);
			entry += 5;
		} else if (starts_with(entry, "$USERLIST")) {
			buf_addf(&out, "%u", u->uid);
			entry += 9;
		} else if (*entry) {
			buf_add(&out, entry++, 1);
		}
	}
	return xstrdup(buf_str(&out));
}

/* A home directory that makes one field of one line. */
static const char *home_of(const struct container_spec *spec)
{
	const char *cwd = spec->cwd && *spec->cwd == '/' ? spec->cwd : "/";

	return strpbrk(cwd, ":\n") ? "/" : cwd;
}

int add_identity(struct child *c, struct err *err)
{
	const struct container_spec *spec = c->spec;
	CLEAN(clean_fd) int root = -1;
	CLEAN(clean_free) char *user = NULL;
	CLEAN(clean_free) char *group = NULL;
	struct user u;

	if (spec->no_passwd || !spec->user || !*spec->user)
		return 0;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* An unknown user is for the step that resolves it to complain of. */
	if (user_resolve(root, spec->user, &u, NULL) < 0)
		return 0;
	user = expand(spec->passwd_entry ?: "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh", &u,
		      home_of(spec));
	group = expand(spec->group_entry ?: "$GROUPNAME:x:$GID:$USERLIST", &u, "/");
	if (!u.in_passwd && add_line(c, root, "/etc/passwd", user, err) < 0)
		return -1;
	if (!user_group_known(root, u.gid) && add_line(c, root, "/etc/group", group, err) < 0)
		return -1;
	return 0;
}
