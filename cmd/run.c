/*
 * Theory of operation
 *
 * run finds the image (pulling it where it is missing), makes the container's record, starts its
 * monitor, and then only carries the terminal's bytes and signals: the container is the monitor's,
 * and goes on if we die. Here the modules meet: the functions below that the launch calls give the
 * runtime its root file system out of the store, and its network.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/etc_files.h"
#include "cmd/helper.h"
#include "cmd/names.h"
#include "cmd/run_options.h"
#include "image/reference.h"
#include "net/network.h"
#include "runtime/attach.h"
#include "runtime/monitor.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

/* All that the monitor's functions need of us. */
struct run {
	struct tiffin *t;
	struct run_options *options;
	struct container_spec spec;
	struct container_dir dir;
	struct container_state state;
	struct image_record image;
	char *image_name; /* canonical, or the ID where it was named by that */
	char *name;
	const struct rootfs_driver *driver;
	char trash[STAGE_NAME_MAX]; /* what is left of the container in tmp/ */
	pid_t net_pid;
	int net_control;
};

static void run_done(struct run *r)
{
	container_spec_done(&r->spec);
	container_dir_done(&r->dir);
	image_record_done(&r->image);
	free(r->image_name);
	free(r->name);
}

/* --- Called in the child and the monitor --- */

static struct rootfs rootfs_of(const struct run *r)
{
	return (struct rootfs){
		.store = &r->t->store,
		.layers = &r->image.layers,
		.container = r->dir.id,
		.temporary = r->spec.auto_remove,
	};
}

static int mount_root(void *arg, int *ret_root, struct err *err)
{
	const struct run *r = arg;
	const struct rootfs rootfs = rootfs_of(r);

	return r->driver->mount(&rootfs, ret_root, err);
}

static int interface_up(void *arg, int *ret_frames, struct err *err)
{
	(void)arg;
	return network_interface_up(ret_frames, err);
}

static int loopback_up(void *arg, struct err *err)
{
	(void)arg;
	return network_loopback_up(err);
}

static int start_network(void *arg, int frames, struct err *err)
{
	struct run *r = arg;

	return network_start(frames, &r->net_pid, &r->net_control, err);
}

static int started(void *arg, pid_t pid, struct err *err)
{
	struct run *r = arg;

	tiffin_set_title(r->t, "tiffin: monitor of %s", r->name);
	r->state.started = now_realtime();
	if (proc_identify(pid, &r->state.init, err) < 0)
		return -1;
	return container_save_state(&r->dir, &r->state, err);
}

static int open_log(void *arg, int *ret_fd, struct err *err)
{
	struct run *r = arg;
	int fd = openat(r->dir.fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, "cannot create the container's log");
	*ret_fd = fd;
	return 0;
}

static void remove_container(struct run *r)
{
	if (container_remove(&r->t->store, &r->dir, r->name, r->trash, NULL) < 0)
		r->trash[0] = '\0';
}

/* Beyond what anybody waits for: the kernel takes 20 ms and more to unregister the interface. */
static void closing(void *arg)
{
	struct run *r = arg;

	if (r->trash[0])
		helper_remove_trash(&r->t->store, &r->t->ids, r->trash);
	if (r->net_pid > 0)
		proc_reap(r->net_pid);
}

static void exited(void *arg, int exit_code)
{
	struct run *r = arg;

	if (r->net_pid > 0)
		kill(r->net_pid, SIGKILL);
	r->state.finished = now_realtime();
	r->state.exit_code = exit_code;
	if (r->spec.auto_remove)
		remove_container(r);
	else
		container_save_state(&r->dir, &r->state, NULL);
}

/* Nothing stays of a container that never ran. */
static void failed(void *arg)
{
	struct run *r = arg;

	if (r->net_pid > 0)
		kill(r->net_pid, SIGKILL);
	remove_container(r);
	closing(r);
}

/* --- Called in run itself --- */

static bool is_usable(const struct store *s, const struct image_record *image)
{
	for (size_t i = 0; i < image->layers.n; i++)
		if (!layer_exists(s, image->layers.v[i]))
			return false;
	return true;
}

static int pull(struct run *r, const char *text, struct err *err)
{
	struct pull_options options = {
		.platform = r->options->platform,
		.tls_verify = r->options->tls_verify,
	};
	CLEAN(clean_free) char *id = NULL;

	return helper_pull(r->t, text, &options, &id, err);
}

/* Finds the image and keeps the lock, so that it stays until the container's record names it. */
static int find_image(struct run *r, const char *text, int *ret_lock, struct err *err)
{
	const char *policy = r->options->pull ? r->options->pull : "missing";
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	struct err why = { 0 };
	bool pulled = false;

	if (!streq(policy, "always") && !streq(policy, "missing") && !streq(policy, "never"))
		return err_set(err, ERR_USAGE, "--pull: '%s' is not always, missing or never", policy);
	if (reference_parse(text, &ref, &why) == 0)
		canonical = reference_canonical(&ref);
	else if (!is_hex(text, strlen(text))) {
		*err = why;
		return -1;
	}
	if (streq(policy, "always") && canonical) {
		if (pull(r, text, err) < 0)
			return -1;
		pulled = true;
	}
	for (;;) {
		CLEAN(clean_fd) int lock = -1;

		if (image_lock(&r->t->store, false, &lock, err) < 0)
			return -1;
		if (image_find(&r->t->store, canonical, text, &r->image, &why) == 0) {
			if (is_usable(&r->t->store, &r->image)) {
				*ret_lock = fd_take(&lock);
				r->image_name = xstrdup(canonical && strv_has(&r->image.names, canonical) ?
								canonical :
								text);
				return 0;
			}
			image_record_done(&r->image);
			err_set(&why, ERR_NOT_FOUND,
				"%s: image not known in the form that this user mapping needs", text);
		}
		if (why.kind != ERR_NOT_FOUND || pulled || streq(policy, "never") || !canonical) {
			*err = why;
			return -1;
		}
		close(fd_take(&lock));
		if (pull(r, text, err) < 0)
			return -1;
		pulled = true;
	}
}

static json_t *make_record(const struct run *r)
{
	json_t *j = json_object();

	js_set_str(j, "image", r->image_name);
	js_set_str(j, "image_id", r->image.id);
	js_set_strv(j, "labels", &r->options->labels);
	json_object_set_new(j, "spec", container_spec_to_json(&r->spec));
	return j;
}

/* Takes the name that was asked for, or the first free one of those made up. */
static int publish(struct run *r, struct err *err)
{
	CLEAN(clean_json) json_t *record = make_record(r);

	for (int attempt = 0;; attempt++) {
		struct err why = { 0 };

		r->name = r->options->name ? xstrdup(r->options->name) : generate_name(attempt);
		if (container_publish(&r->t->store, &r->dir, r->name, record, &why) == 0)
			return 0;
		if (why.kind != ERR_EXISTS || r->options->name || attempt == 16) {
			*err = why;
			return -1;
		}
		free(ptr_take(&r->name));
	}
}

/* The container's directory, its files and its record. */
static int create(struct run *r, const struct strv *command, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(image_config_done) struct image_config config = { 0 };
	struct rootfs rootfs;

	if (image_read_config(&r->t->store, r->image.id, &text, err) < 0 ||
	    image_config_parse(text.data, text.len, &config, err) < 0)
		return -1;
	if (container_dir_make(&r->t->store, &r->dir, err) < 0)
		return -1;
	if (run_spec(r->options, &config, command, r->dir.id, &r->spec, err) < 0)
		return -1;
	r->spec.etc_dir = xasprintf("%s/containers/%s", r->t->store.root, r->dir.id);
	rootfs = rootfs_of(r);
	if (etc_files_write(r->dir.fd, &r->spec, err) < 0 || r->driver->prepare(&rootfs, err) < 0)
		return -1;
	return publish(r, err);
}

static int write_cidfile(const struct run *r, struct err *err)
{
	const char *path = r->options->cidfile;
	CLEAN(clean_fd) int fd = -1;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_EXISTS,
			       "container id file exists: make sure the other container is not running "
			       "or delete '%s'",
			       path);
	if (fd < 0 || dprintf(fd, "%s", r->dir.id) < 0)
		return err_sys(err, "cannot write '%s'", path);
	return 0;
}

/* Starts the monitor and hears whether the program runs. */
static int start(struct run *r, int *ret_client, int *ret_exit_code, struct err *err)
{
	const struct store *s = &r->t->store;
	const int keep[] = { r->dir.fd, r->dir.lock,   s->fd,	 s->layers, s->images,
			     s->names,	s->containers, s->locks, s->tmp };
	struct monitor m = {
		.launch = {
			.spec = &r->spec,
			.ids = &r->t->ids,
			.mount_root = mount_root,
			.interface_up = interface_up,
			.loopback_up = loopback_up,
			.network_start = start_network,
			.started = started,
			.arg = r,
		},
		.attached = !r->options->detach,
		.stdin_once = !r->options->detach,
		.open_log = open_log,
		.keep = keep,
		.n_keep = ARRAY_SIZE(keep),
		.exited = exited,
		.closing = closing,
		.failed = failed,
	};

	if (r->spec.tty && isatty(STDIN_FILENO))
		ioctl(STDIN_FILENO, TIOCGWINSZ, &m.launch.size);
	if (monitor_start(&m, ret_client, err) < 0) {
		failed(r);
		return -1;
	}
	return attach_await_start(*ret_client, ret_exit_code, err);
}

/* Everything up to the container's record. What was made is unmade where it fails. */
static int prepare(struct run *r, const struct strv *operands, struct err *err)
{
	CLEAN(clean_fd) int lock = -1;
	struct strv command = { .v = operands->v + 1, .n = operands->n - 1 };

	if (rootfs_driver_find(r->t->driver, &r->driver, err) < 0 ||
	    find_image(r, operands->v[0], &lock, err) < 0)
		return -1;
	if (create(r, &command, err) < 0 || write_cidfile(r, err) < 0) {
		if (r->dir.fd >= 0 && r->name)
			failed(r);
		else
			container_dir_discard(&r->t->store, &r->dir);
		return -1;
	}
	return 0;
}

static int check(const struct run_options *o, struct err *err)
{
	if (o->tty && !o->detach && o->interactive && !isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE, "the input device is not a TTY: -t without -i, or -i alone");
	if (o->name && !container_name_valid(o->name))
		return err_set(err, ERR_USAGE,
			       "the container name '%s' is not of the form "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*",
			       o->name);
	if (o->userns && !streq(o->userns, "single"))
		return err_set(err, ERR_UNSUPPORTED, "--userns %s: this version knows 'single'",
			       o->userns);
	return 0;
}

static int run(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(run_done) struct run r = {
		.t = t, .options = options, .dir = CONTAINER_DIR_INIT, .net_control = -1,
	};
	CLEAN(clean_fd) int client = -1;
	int exit_code = EXIT_TIFFIN;

	if (check(r.options, err) < 0 || tiffin_open(t, r.options->userns != NULL, err) < 0 ||
	    prepare(&r, operands, err) < 0)
		return -1;
	if (start(&r, &client, &exit_code, err) < 0) {
		if (r.options->cidfile)
			unlink(r.options->cidfile);
		err_wrap(err, "cannot run '%s'", operands->v[0]);
		report(err);
		return exit_code;
	}
	/* The lock is the monitor's alone now. A container that is to last is made durable. */
	close(fd_take(&r.dir.lock));
	if (!r.spec.auto_remove && container_sync(&r.dir, err) < 0)
		return -1;
	if (r.options->detach) {
		printf("%s\n", r.dir.id);
		return 0;
	}
	if (attach_stream(client, r.spec.tty && isatty(STDIN_FILENO), r.options->interactive, &exit_code,
			  err) < 0)
		return -1;
	return exit_code;
}

const struct command command_run = {
	.names = "run",
	.operands = "[OPTIONS] IMAGE [COMMAND [ARG…]]",
	.summary = "run a command in a new container",
	.opts = run_opts,
	.size = sizeof(struct run_options),
	.stop_at_operand = true,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run,
	.init = run_options_init,
	.done = run_options_done,
};
