#include "cmd/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/driver.h"
#include "cmd/etc_files.h"
#include "cmd/mount_source.h"
#include "cmd/namespace_options.h"
#include "cmd/rootfs_option.h"
#include "cmd/start_monitor.h"
#include "cmd/supervise.h"
#include "net/fast_box.h"
#include "net/network.h"
#include "runtime/attach.h"

void start_done(struct start *s)
{
	container_spec_done(&s->spec);
	container_dir_done(&s->dir);
	strv_done(&s->layers);
	port_list_done(&s->ports);
	etc_options_done(&s->etc);
	log_options_done(&s->log);
	service_options_done(&s->service);
	strv_done(&s->labels);
	strv_done(&s->more_trash);
	json_decref(s->state.ports);
	free(s->name);
	free(s->image);
	free(s->rootfs);
	free(s->mapping);
	json_decref(s->record);
}

static struct rootfs rootfs_of(const struct start *s)
{
	return (struct rootfs){
		.store = &s->t->store,
		.layers = &s->layers,
		.image = s->image,
		.container = s->dir.id,
		.directory = s->rootfs,
		.discard = s->discard,
		.workdir = s->spec.cwd,
		.mapping = s->mapping,
		.temporary = s->spec.auto_remove,
	};
}

static const char *const etc_files[] = { "hosts", "hostname", "resolv.conf" };

/* --- Called in the child --- */

/* Root of the store's user namespace: to the container's root, who may want to write to them. */
static int give_etc(const struct start *s, struct err *err)
{
	uint32_t uid, gid;

	if (!id_ranges_find(s->mapping->uids.v, s->mapping->uids.n, 0, &uid) ||
	    !id_ranges_find(s->mapping->gids.v, s->mapping->gids.n, 0, &gid))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(etc_files); i++)
		if (fchownat(s->dir.fd, etc_files[i], uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return err_sys(err, "cannot give '%s' its owner", etc_files[i]);
	return 0;
}

static int mount_root(void *arg, int *ret_root, struct err *err)
{
	const struct start *s = arg;
	const struct rootfs rootfs = rootfs_of(s);

	if (container_ids_within(s->t, s->mapping) && give_etc(s, err) < 0)
		return -1;
	return s->driver->mount(&rootfs, ret_root, err);
}

/* The container's root, where the caller, whose volumes are, is nobody in the container. */
static bool owner_of_volumes(const struct start *s, struct owner *ret)
{
	const struct id_mapping *m = s->mapping;
	uint32_t ignored;

	return container_ids_within(s->t, m) && !id_ranges_find_inside(&m->uids, 0, &ignored) &&
	       id_ranges_find(m->uids.v, m->uids.n, 0, &ret->uid) &&
	       id_ranges_find(m->gids.v, m->gids.n, 0, &ret->gid);
}

static int open_source(void *arg, size_t index, int root, int *ret_fd, struct err *err)
{
	const struct start *s = arg;
	struct owner owner;

	return mount_source_open(&s->t->store, s->dir.id, index, &s->spec.mounts[index], root,
				 owner_of_volumes(s, &owner) ? &owner : NULL, ret_fd, err);
}

static int interface_up(void *arg, int *ret_frames, struct err *err)
{
	return network_interface_up(&((const struct start *)arg)->network, ret_frames, err);
}

static int loopback_up(void *arg, struct err *err)
{
	const struct start *s = arg;

	if (s->box[0] >= 0)
		fast_box_fill(s->box, s->n_spare);
	return network_loopback_up(err);
}

/* --- Called in the client --- */

int start_map_ids(struct start *s, struct err *err)
{
	return s->mapping ? id_map_through(&s->t->ids, s->mapping, &s->ids, err) : 0;
}

int start_load(struct tiffin *t, const struct container *c, struct start *ret, struct err *err)
{
	CLEAN(start_done) struct start s = START_INIT;

	s.t = t;
	if (container_dir_lock(&t->store, c->id, false, &s.dir, err) < 0)
		return -1;
	if (driver_of(c->config, &s.driver, err) < 0 ||
	    container_spec_from_json(js_obj(c->config, "spec"), &s.spec, err) < 0)
		return err_wrap(err, "container %.12s", c->id);
	tiffin_set_ids(t, js_bool(c->config, "single_id"));
	if (container_ids_from_json(c->config, &s.mapping, err) < 0 ||
	    container_ids_driver(t, s.mapping, s.driver, &s.driver, err) < 0 ||
	    start_map_ids(&s, err) < 0)
		return err_wrap(err, "container %.12s", c->id);
	s.spec.etc_dir = xasprintf("%s/containers/%s", t->store.root, c->id);
	s.name = xstrdup(c->name);
	s.record = json_incref(c->config);
	js_strv(c->config, "layers", &s.layers);
	s.image = xstrdup(c->image_id);
	rootfs_from_json(c->config, &s);
	port_list_from_json(js_arr(c->config, "ports"), &s.ports);
	etc_options_from_json(js_obj(c->config, "etc"), &s.etc);
	log_options_from_json(js_obj(c->config, "log"), &s.log);
	service_options_from_json(js_obj(c->config, "service"), &s.service);
	*ret = s;
	s = (struct start)START_INIT;
	return 0;
}

/* What the monitor must not let go of. The caller frees *ret. */
static size_t descriptors_to_keep(const struct start *s, const int donors[NS_KINDS],
				  const struct supervise *supervise, int **ret)
{
	const struct store *store = &s->t->store;
	const int fixed[] = {
		s->dir.fd, s->dir.lock,
		store->fd, store->layers, store->images, store->names,
		store->containers, store->locks, store->tmp,
		supervise->supervision.door, supervise->owners_fd, supervise->upper,
		supervise->box[0], supervise->box[1],
	};
	int *keep = xcalloc(ARRAY_SIZE(fixed) + NS_KINDS + s->ports.n, sizeof(*keep));
	size_t n = ARRAY_SIZE(fixed);

	memcpy(keep, fixed, sizeof(fixed));
	for (int k = 0; k < NS_KINDS; k++)
		keep[n++] = donors[k];
	for (size_t i = 0; i < s->ports.n; i++)
		keep[n++] = s->ports.v[i].sock;
	*ret = keep;
	return n;
}

/* Who has another container's network has its names for it, too. */
static int write_etc(const struct start *s, struct err *err)
{
	/* Those of the last start may be the container's root's, and are not to be written to. */
	for (size_t i = 0; s->mapping && i < ARRAY_SIZE(etc_files); i++)
		unlinkat(s->dir.fd, etc_files[i], 0);
	if (s->spec.network == NETWORK_JOINED)
		return etc_files_copy(s->t->store.containers, s->spec.ns[NS_NETWORK].container,
				      s->dir.fd, err);
	return etc_files_write(s->dir.fd, &s->spec, &s->network, &s->etc, err);
}

/* pasta binds them itself. That it can is to be known before there is a container. */
static int bind_ports(struct start *s, struct err *err)
{
	for (size_t i = 0; i < s->ports.n; i++)
		s->ports.v[i].shared = s->spec.network_fast && !s->ports.v[i].udp;
	if (port_list_bind(&s->ports, err) < 0)
		return -1;
	if (s->spec.network == NETWORK_PASTA)
		port_list_close(&s->ports);
	return 0;
}

static struct launch launch_of(struct start *s)
{
	struct launch l = {
		.spec = &s->spec,
		.ids = s->mapping ? &s->ids : &s->t->ids,
		.mapping = container_ids_within(s->t, s->mapping) ? s->mapping : NULL,
		.outer = &s->t->ids,
		.join = -1,
		.n_preserved = s->service.preserve_fds,
		.n_listening = s->service.listen_fds,
		.mount_root = mount_root,
		.open_source = open_source,
		.interface_up = interface_up,
		.loopback_up = loopback_up,
		.arg = s,
	};

	if (s->spec.tty && isatty(STDIN_FILENO))
		ioctl(STDIN_FILENO, TIOCGWINSZ, &l.size);
	return l;
}

static struct supervise supervise_of(struct start *s)
{
	struct supervise ret = SUPERVISE_INIT;

	ret.spec = &s->spec;
	ret.single_id = s->t->ids.single && !s->mapping;
	ret.layers = &s->layers;
	ret.ports = &s->ports;
	ret.t = s->t;
	ret.name = &s->name;
	ret.store = &s->t->store;
	ret.id = s->dir.id;
	return ret;
}

/* All that can fail before there is a monitor. */
static int prepare(struct start *s, struct supervise *supervise, int donors[NS_KINDS],
		   struct launch *l, struct err *err)
{
	const struct rootfs rootfs = rootfs_of(s);

	if (network_option_config(&s->spec, &s->network, err) < 0 ||
	    namespaces_open(s->t, s->spec.ns, donors, err) < 0 || bind_ports(s, err) < 0 ||
	    write_etc(s, err) < 0 || driver_prepare(s->t, s->driver, &rootfs, err) < 0 ||
	    container_ids_prepare(s->t, &rootfs, s->driver, err) < 0 ||
	    service_prepare(&s->service, &s->spec, err) < 0 ||
	    supervise_prepare(supervise, &s->dir, &l->supervision, err) < 0)
		return -1;
	l->donors = ns_joins(s->spec.ns) ? donors : NULL;
	memcpy(s->box, supervise->box, sizeof(s->box));
	s->n_spare = supervise->n_spare;
	return 0;
}

int start_container(struct start *s, int *ret_client, int *ret_exit_code, struct err *err)
{
	CLEAN(clean_free) int *keep = NULL;
	CLEAN(supervise_done) struct supervise supervise = supervise_of(s);
	int donors[NS_KINDS] = { [0 ... NS_KINDS - 1] = -1 };
	struct monitor m = {
		.launch = launch_of(s),
		.hold = s->hold,
		.attached = s->attached,
		.stdin_once = s->attached,
		.log_dir = s->dir.fd,
	};
	int result = -1;

	*ret_exit_code = EXIT_TIFFIN;
	log_options_config(&s->log, &m.log);
	start_monitor_calls(&m);
	if (prepare(s, &supervise, donors, &m.launch, err) == 0) {
		m.n_keep = descriptors_to_keep(s, donors, &supervise, &keep);
		m.keep = keep;
		result = monitor_start(&m, ret_client, err);
	}
	port_list_close(&s->ports);
	preserve_fds_release(s->service.preserve_fds);
	for (int k = 0; k < NS_KINDS; k++)
		clean_fd(&donors[k]);
	if (result < 0) {
		if (s->remove_failed)
			start_discard(s);
		return -1;
	}
	if (attach_await_start(*ret_client, ret_exit_code, err) < 0)
		return -1;
	/* The lock is the monitor's alone now. */
	close(fd_take(&s->dir.lock));
	return 0;
}
