#include "cmd/supervise.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/network_option.h"
#include "net/fast.h"
#include "net/fast_box.h"
#include "runtime/emulate.h"
#include "storage/owners.h"

const char *supervise_why_not_fast(const struct container_spec *spec, bool single_id)
{
	if (!container_spec_is_filtered(spec))
		return "its seccomp profile is not the built-in one";
	if (single_id && ns_joins(spec->ns))
		return "it joins namespaces of a container that emulates users";
	return fast_possible() ? NULL : "the kernel lacks SO_NETNS_COOKIE (Linux 5.14)";
}

static bool is_fast(const struct supervise *s)
{
	return s->spec->network == NETWORK_PRIVATE && s->spec->network_fast &&
	       !supervise_why_not_fast(s->spec, s->single_id);
}

/*
 * Others, too: a container that is fast can hand a socket of the host's to whom it shares a directory or a
 * namespace with, who is to do as little with it.
 */
static bool is_watched(const struct supervise *s)
{
	return s->spec->network != NETWORK_HOST && container_spec_is_filtered(s->spec) && fast_possible();
}

static int add_fast(struct notify_loop *loop, const struct supervise *s, int init, void *shared,
		    struct err *err)
{
	struct fast_options options = {
		.init = init,
		.confined = !s->single_id,
		.n_spare = s->n_spare,
		.inside = !is_fast(s),
		.box = s->box[0],
		.ports = s->ports ? s->ports->v : NULL,
		.n_ports = s->ports ? s->ports->n : 0,
	};

	if (network_option_config(s->spec, &options.config, err) < 0)
		return -1;
	return fast_add(loop, &options, shared, err);
}

/* exec has them answered that the container's are. */
static const struct notify_call *calls_of_fast(const struct supervise *s, size_t *ret_n)
{
	return fast_calls(is_fast(s) && (!s->ports || port_list_is_published(s->ports)), ret_n);
}

static bool has_one_id(const struct supervise *s)
{
	return s->single_id;
}

static int add_emulation(struct notify_loop *loop, const struct supervise *s, int init, void *shared,
			 struct err *err)
{
	const struct emulate how = {
		.init = init,
		.spec = s->spec,
		.owners = &s->owners,
		.owners_fd = s->owners_fd,
		.upper = s->upper,
	};

	return emulate_add(loop, &how, shared, err);
}

static const struct notify_call *calls_of_emulation(const struct supervise *s, size_t *ret_n)
{
	(void)s;
	return emulate_calls(ret_n);
}

/*
 * Those who answer calls. Their handlers are asked in this order. The last one takes the process into the
 * container.
 */
static const struct part {
	bool (*wanted)(const struct supervise *s);
	const struct notify_call *(*calls)(const struct supervise *s, size_t *ret_n);
	size_t (*shared)(void); /* bytes */
	/* In the supervisor. */
	int (*add)(struct notify_loop *loop, const struct supervise *s, int init, void *shared,
		   struct err *err);
	const struct filter_list *filter; /* of what it calls then */
} parts[SUPERVISE_PARTS] = {
	{ is_watched, calls_of_fast, fast_shared_size, add_fast, &fast_filter },
	[SUPERVISE_PARTS - 1] = { has_one_id, calls_of_emulation, emulate_shared_size,
				  add_emulation, &emulate_filter },
};

static bool is_wanted(const struct part *p, const struct supervise *s)
{
	return p->wanted && p->wanted(s);
}

/* The first rule decides: of the last part, where the process is where that has taken it. */
static int filter_calls(const struct supervise *s, struct err *err)
{
	struct filter_list lists[SUPERVISE_PARTS + 3];
	size_t n = 0;

	if (!is_fast(s))
		lists[n++] = fast_filter_inside;
	for (size_t i = ARRAY_SIZE(parts); i-- > 0;)
		if (s->shared[i])
			lists[n++] = *parts[i].filter;
	lists[n++] = notify_filter;
	lists[n++] = filter_basics;
	return filter_install(lists, n, err);
}

static int prepare(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	const struct supervise *s = arg;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (s->shared[i] && parts[i].add(loop, s, init, s->shared[i], err) < 0)
			return -1;
	/* Else there is one part, which has done so. */
	return s->single_id ? filter_calls(s, err) : 0;
}

static int knock(void *arg)
{
	const struct supervise *s = arg;
	int sock;

	return container_connect(s->store, s->id, CONTAINER_CALLS, &sock, NULL) < 0 ? -1 : sock;
}

static void in_supervisor(void *arg)
{
	const struct supervise *s = arg;

	tiffin_set_title(s->t, "tiffin: calls of %s", *s->name);
}

static int make_shared(const struct part *p, void **ret, struct err *err)
{
	void *m = mmap(NULL, p->shared(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return err_sys(err, "cannot get memory for the container's supervisor");
	*ret = m;
	return 0;
}

/* The list of owners. Not the sockets of published ports, which 'network reload' binds anew. */
static void keep_descriptors(struct supervise *s)
{
	s->keep[0] = s->owners_fd;
	s->keep[1] = s->upper;
	s->keep[2] = s->box[0];
	s->supervision.keep = s->keep;
	s->supervision.n_keep = ARRAY_SIZE(s->keep);
}

static void read_owners(struct supervise *s, const struct container_dir *dir)
{
	CLEAN(buf_done) struct buf text = { 0 };

	if (s->layers)
		owners_read(s->store, s->layers, s->id, &text);
	owner_list_parse(buf_str(&text), &s->owners);
	s->owners_fd = owners_open(s->store, s->id);
	s->upper = openat(dir->fd, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void add_calls(struct supervise *s, const struct part *p)
{
	struct supervision *to = &s->supervision;
	size_t n;
	const struct notify_call *more = p->calls(s, &n);

	s->calls = xrealloc(s->calls, (to->n_calls + n) * sizeof(*s->calls));
	memcpy(s->calls + to->n_calls, more, n * sizeof(*s->calls));
	to->calls = s->calls;
	to->n_calls += n;
}

/*
 * Who joins another's namespaces has the other's supervisor, which is in them, and alone can look at
 * processes before they have executed their program.
 */
static int open_door(struct supervise *s, const struct container_dir *dir, struct err *err)
{
	for (int k = 0; s->single_id && k < NS_KINDS; k++)
		if (s->spec->ns[k].mode == NS_CONTAINER)
			return container_link_socket(dir, CONTAINER_CALLS, s->spec->ns[k].container, err);
	return container_listen(dir, CONTAINER_CALLS, &s->supervision.door, err);
}

int supervise_prepare(struct supervise *s, const struct container_dir *dir,
		      const struct supervision **ret, struct err *err)
{
	/* Emulation takes the process to where it can't make sockets for the container any more. */
	s->n_spare = !s->single_id ? 1 : is_fast(s) ? FAST_SPARE_MAX : 2;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!is_wanted(&parts[i], s))
			continue;
		if (make_shared(&parts[i], &s->shared[i], err) < 0)
			return -1;
		add_calls(s, &parts[i]);
	}
	if (!s->supervision.n_calls) {
		*ret = NULL;
		return 0;
	}
	if (dir && open_door(s, dir, err) < 0)
		return -1;
	if (s->single_id && dir)
		read_owners(s, dir);
	if (s->single_id && dir && is_watched(s) && fast_box_make(s->box, err) < 0)
		return -1;
	keep_descriptors(s);
	s->supervision.prepare = prepare;
	/* Who emulates users is asked before the container's program is executed. */
	s->supervision.lazy = !s->single_id;
	s->supervision.knock = knock;
	s->supervision.way = s->store->containers;
	s->supervision.in_supervisor = in_supervisor;
	s->supervision.arg = s;
	*ret = &s->supervision;
	return 0;
}

void supervise_done(struct supervise *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (s->shared[i])
			munmap(s->shared[i], parts[i].shared());
	free(s->calls);
	owner_list_done(&s->owners);
	clean_fd(&s->owners_fd);
	clean_fd(&s->upper);
	clean_fd(&s->box[0]);
	clean_fd(&s->box[1]);
	clean_fd(&s->supervision.door);
}
