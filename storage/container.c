#include "storage/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "storage/volume.h"

void container_dir_done(struct container_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->lock >= 0)
		close(d->lock);
	*d = (struct container_dir)CONTAINER_DIR_INIT;
}

bool container_name_valid(const char *name)
{
	static const char allowed[] =
		"_.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(name);

	return n > 0 && n < 200 && strspn(name, allowed) == n && !strchr("_.-", name[0]);
}

bool container_id_valid(const char *name)
{
	return strlen(name) == CONTAINER_ID_LEN && is_hex(name, CONTAINER_ID_LEN);
}

static int fill_dir(const struct store *s, struct container_dir *d, struct err *err)
{
	d->fd = openat(s->containers, d->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (d->fd < 0)
		return err_sys(err, "cannot make a directory for the container");
	if (file_lock_at(d->fd, "lock", LOCK_EXCLUSIVE, true, &d->lock, err) < 0)
		return -1;
	if (faccessat(s->containers, d->id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot make a directory for the container");
	/* 0755 is what a root directory has; the mount gives it the image's own mode and owner. */
	if (mkdirat(d->fd, "upper", 0755) < 0 || mkdirat(d->fd, "work", 0700) < 0)
		return err_sys(err, "cannot make a directory for the container");
	return 0;
}

int container_dir_make(const struct store *s, struct container_dir *ret, struct err *err)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;

	struct err why = { 0 };

	/*
	 * A sweep that comes between the directory and its lock takes it away: then another is made. Sweeps
	 * come rarely, but a busy machine may stop us just there again and again.
	 */
	for (int tries = 0; tries < 1000; tries++) {
		random_hex(d.id, CONTAINER_ID_LEN / 2);
		if (mkdirat(s->containers, d.id, 0700) < 0)
			return err_sys(err, "cannot make a directory for the container");
		if (fill_dir(s, &d, &why) == 0) {
			*ret = d;
			d = (struct container_dir)CONTAINER_DIR_INIT;
			return 0;
		}
		container_dir_discard(s, &d);
		if (why.kind != ERR_NOT_FOUND)
			break;
	}
	if (err)
		*err = why;
	return -1;
}

void container_dir_discard(const struct store *s, struct container_dir *d)
{
	if (d->id[0])
		tree_remove_at(s->containers, d->id, NULL);
	container_dir_done(d);
}

int container_dir_lock(const struct store *s, const char *id, bool wait, struct container_dir *ret,
		       struct err *err)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;

	snprintf(d.id, sizeof(d.id), "%s", id);
	d.fd = openat(s->containers, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (d.fd < 0)
		return err_sys(err, "cannot open container %.12s", id);
	if (file_lock_at(d.fd, "lock", LOCK_EXCLUSIVE, wait, &d.lock, err) < 0)
		return -1;
	/* Whoever had the lock before us may have removed the container. */
	if (faccessat(s->containers, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot open container %.12s", id);
	*ret = d;
	d = (struct container_dir)CONTAINER_DIR_INIT;
	return 0;
}

bool container_is_busy(const struct store *s, const char *id)
{
	char path[CONTAINER_ID_LEN + 16];

	snprintf(path, sizeof(path), "%s/lock", id);
	return file_is_locked_at(s->containers, path);
}

/* Was it made a container? An empty record is what a power cut makes of one that was not synced. */
static bool is_finished(const struct store *s, const char *id)
{
	char path[CONTAINER_ID_LEN + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/config", id);
	if (fstatat(s->containers, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno != ENOENT;
	return st.st_size > 0;
}

/* One that was to vanish with its end, and whose monitor died before it could see to that. */
static bool is_overdue(const struct store *s, const char *id)
{
	CLEAN(container_done) struct container c = { 0 };

	return container_find(s, id, &c, NULL) == 0 && c.status == CONTAINER_EXITED &&
	       js_bool(js_obj(c.config, "spec"), "auto_remove");
}

/* Removes a directory that never became a container, or is not to be one, unless somebody is at it. */
static void sweep_one(const struct store *s, const char *id)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	char trash[STAGE_NAME_MAX];

	if ((!is_finished(s, id) || is_overdue(s, id)) &&
	    container_dir_lock(s, id, false, &d, NULL) == 0 &&
	    (!is_finished(s, id) || is_overdue(s, id)) &&
	    store_trash(s, s->containers, id, trash, NULL) == 0) {
		CLEAN(strv_done) struct strv volumes = { 0 };

		volume_release_trash(s, trash, &volumes);
		strv_add(&volumes, trash);
		for (size_t i = 0; i < volumes.n; i++)
			tree_remove_at(s->tmp, volumes.v[i], NULL);
	}
}

/*
 * A name's symlink is taken away under this lock only, so that who found it stale, or its own, does
 * not take away what somebody else has put there since.
 */
static int lock_names(const struct store *s, int *ret_lock, struct err *err)
{
	return file_lock_at(s->locks, "names", LOCK_EXCLUSIVE, true, ret_lock, err);
}

/* Who has the name: -1 where nobody has. */
static int read_name(const struct store *s, const char *name, char ret[CONTAINER_ID_LEN + 1])
{
	ssize_t n = readlinkat(s->names, name, ret, CONTAINER_ID_LEN);

	if (n < 0)
		return -1;
	ret[n] = '\0';
	return 0;
}

bool container_has_name(const struct store *s, const char *id, const char *name)
{
	char holder[CONTAINER_ID_LEN + 1];

	return read_name(s, name, holder) == 0 && streq(holder, id);
}

/* Does the name lead nowhere, or to a container that has another by now? */
static bool is_stale(const struct store *s, const char *name, char ret_holder[CONTAINER_ID_LEN + 1])
{
	CLEAN(clean_free) char *called = NULL;

	if (read_name(s, name, ret_holder) < 0)
		return false;
	if (!container_id_valid(ret_holder))
		return true;
	sweep_one(s, ret_holder);
	if (faccessat(s->containers, ret_holder, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return true;
	return container_read_name(s->containers, ret_holder, &called) == 0 && !streq(called, name);
}

/*
 * Points the name to the container, under the lock on names. A symlink that leads to no container is
 * taken over.
 */
static int claim_name(const struct store *s, const char *name, const char *id, struct err *err)
{
	for (int tries = 0; tries < 16; tries++) {
		char holder[CONTAINER_ID_LEN + 1] = "";

		if (symlinkat(id, s->names, name) == 0)
			return 0;
		if (errno != EEXIST)
			return err_sys(err, "cannot take the name '%s'", name);
		if (is_stale(s, name, holder))
			unlinkat(s->names, name, 0);
		else if (*holder)
			return err_set(err, ERR_EXISTS,
				       "the container name \"%s\" is already in use by %s. You have "
				       "to remove that container to be able to reuse that name: that "
				       "name is already in use",
				       name, holder);
	}
	return err_set(err, ERR_BUSY, "cannot take the name '%s': others keep taking it", name);
}

/* Without the lock where nobody has it. */
static int take_name(const struct store *s, const char *name, const char *id, struct err *err)
{
	CLEAN(clean_fd) int lock = -1;

	if (symlinkat(id, s->names, name) == 0)
		return 0;
	return lock_names(s, &lock, err) < 0 ? -1 : claim_name(s, name, id, err);
}

/*
 * Drops the name if it is still this container's. False where it is not, or can't be: it is stale
 * then, and free to take.
 */
static bool drop_name(const struct store *s, const char *name, const char *id)
{
	CLEAN(clean_fd) int lock = -1;
	return lock_names(s, &lock, NULL) == 0 && container_has_name(s, id, name) &&
	       unlinkat(s->names, name, 0) == 0;
}

int container_publish(const struct store *s, struct container_dir *d, const char *name,
		      json_t *config, struct err *err)
{
	CLEAN(clean_free) char *text = NULL;

	if (take_name(s, name, d->id, err) < 0)
		return -1;
	js_set_str(config, "id", d->id);
	js_set_str(config, "name", name);
	js_set_int(config, "created", now_realtime());
	text = js_dump(config);
	if (file_replace_at(d->fd, "config", text, strlen(text), 0600, RELAXED, err) < 0) {
		drop_name(s, name, d->id);
		return err_wrap(err, "the container's record");
	}
	return 0;
}

/* Under the lock on names. *ret_now is the container as its record has it now. */
static int rename_locked(const struct store *s, const char *id, const char *name,
			 struct container *ret_now, struct err *err)
{
	CLEAN(clean_fd)
	int dir = openat(s->containers, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(clean_free) char *text = NULL;

	if (container_find(s, id, ret_now, err) < 0)
		return -1;
	if (dir < 0)
		return err_sys(err, "cannot open container %.12s", id);
	if (streq(ret_now->name, name))
		return err_set(err, ERR_EXISTS, "container %.12s has the name '%s' already", id, name);
	if (claim_name(s, name, id, err) < 0)
		return -1;
	js_set_str(ret_now->config, "name", name);
	text = js_dump(ret_now->config);
	if (file_replace_at(dir, "config", text, strlen(text), 0600, DURABLE, err) < 0) {
		unlinkat(s->names, name, 0);
		return err_wrap(err, "the container's record");
	}
	return 0;
}

int container_rename(const struct store *s, const struct container *c, const char *name,
		     struct err *err)
{
	CLEAN(container_done) struct container now = { 0 };
	CLEAN(clean_fd) int lock = -1;
	if (lock_names(s, &lock, err) < 0 || rename_locked(s, c->id, name, &now, err) < 0)
		return -1;
	/* now.name is the one before. */
	if (container_has_name(s, c->id, now.name))
		unlinkat(s->names, now.name, 0);
	return 0;
}

int container_sync(const struct container_dir *d, struct err *err)
{
	CLEAN(clean_fd) int fd = openat(d->fd, "config", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "cannot sync the container's record");
	return dir_sync(d->fd, err);
}

static struct sockaddr_un socket_address(int dirfd, const char *which)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dirfd, which);
	return address;
}

int container_listen(const struct container_dir *d, const char *which, int *ret_sock, struct err *err)
{
	CLEAN(clean_fd) int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_un address = socket_address(d->fd, which);

	unlinkat(d->fd, which, 0); /* of a monitor that died */
	if (sock < 0 || bind(sock, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, 8) < 0)
		return err_sys(err, "cannot make a socket in the container's directory");
	*ret_sock = fd_take(&sock);
	return 0;
}

int container_link_socket(const struct container_dir *d, const char *which, const char *other,
			  struct err *err)
{
	CLEAN(clean_free) char *target = xasprintf("../%s/%s", other, which);

	unlinkat(d->fd, which, 0);
	return symlinkat(target, d->fd, which) < 0 ?
		       err_sys(err, "cannot make a link in the container's directory") : 0;
}

int container_connect(const struct store *s, const char *id, const char *which, int *ret_sock,
		      struct err *err)
{
	CLEAN(clean_fd)
	int dir = openat(s->containers, id, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(clean_fd) int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const struct sockaddr_un address = socket_address(dir, which);

	if (dir < 0 || sock < 0 ||
	    connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(err, "cannot attach to container %.12s", id);
	*ret_sock = fd_take(&sock);
	return 0;
}

int container_open_dir(const struct store *s, const char *id, int *ret_fd, struct err *err)
{
	int fd = openat(s->containers, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, "cannot open container %.12s", id);
	*ret_fd = fd;
	return 0;
}

int container_remove(const struct store *s, struct container_dir *d, const char *name,
		     char ret_trash[STAGE_NAME_MAX], struct err *err)
{
	CLEAN(clean_free) char *called = NULL;

	if (store_trash(s, s->containers, d->id, ret_trash, err) < 0)
		return err_wrap(err, "container %.12s", d->id);
	/* It may have been renamed since the caller read of it. */
	if (!drop_name(s, name, d->id) && container_read_name(s->tmp, ret_trash, &called) == 0 &&
	    !streq(called, name))
		drop_name(s, called, d->id);
	return 0;
}

int container_restore_name(const struct store *s, const struct container *c, struct err *err)
{
	return take_name(s, c->name, c->id, err);
}

static void sweep_names(const struct store *s)
{
	int fd = openat(s->names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	CLEAN(clean_fd) int lock = -1;
	char holder[CONTAINER_ID_LEN + 1];
	struct dirent *e;

	if (!dir || lock_names(s, &lock, NULL) < 0)
		return;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && is_stale(s, e->d_name, holder))
			unlinkat(s->names, e->d_name, 0);
}

void container_sweep(const struct store *s)
{
	int fd = openat(s->containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (container_id_valid(e->d_name))
			sweep_one(s, e->d_name);
	sweep_names(s);
}
