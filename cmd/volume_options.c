#include "cmd/volume_options.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/event.h"
#include "cmd/find_image.h"
#include "cmd/mount_option.h"
#include "cmd/mount_words.h"
#include "cmd/volume_driver.h"
#include "cmd/volume_option.h"
#include "cmd/volumes.h"
#include "storage/container.h"

const struct opt volume_opts[] = {
	{ 'v', "volume", "[SRC:]DST[:OPTS]", "mount a directory or file of the host's, or a volume "
	  "(repeatable)", set_list, FIELD(volume_options, volumes) },
	{ 0, "mount", "type=TYPE,…",
	  "the same, and a tmpfs or an image, in other words (repeatable)",
	  set_list, FIELD(volume_options, mounts) },
	{ 0, "tmpfs", "DST[:OPTS]", "mount a tmpfs (repeatable)", set_list,
	  FIELD(volume_options, tmpfs) },
	{ 0, "volumes-from", "CONTAINER[:OPTS]", "mount what another container has: ro, rw, z "
	  "(repeatable)", set_list, FIELD(volume_options, from) },
	{ 0, "image-volume", "KIND",
	  "what the image's volumes are: anonymous (the default), tmpfs, "
	  "ignore", set_string, FIELD(volume_options, image_volume) },
	{ 0, "volume-driver", "NAME", "there is one: local", set_string,
	  FIELD(volume_options, driver) },
	{ 0 },
};

void volume_options_done(struct volume_options *o)
{
	strv_done(&o->volumes);
	strv_done(&o->mounts);
	strv_done(&o->tmpfs);
	strv_done(&o->from);
	free(o->image_volume);
	free(o->driver);
}

/* podman's list: what nobody means to give away. */
static int check_chown(const struct mount_spec *m, struct err *err)
{
	static const char *const places[] = {
		"/",	    "/bin",	   "/boot", "/dev", "/etc",	"/etc/passwd",
		"/etc/pki", "/etc/shadow", "/home", "/lib", "/lib64",	"/media",
		"/opt",	    "/proc",	   "/root", "/run", "/sbin",	"/srv",
		"/sys",	    "/tmp",	   "/usr",  "/var", "/var/lib", "/var/log",
	};
	const char *home = getenv("HOME");
	bool bad;

	if (!m->chown || m->overlay || m->kind != MOUNT_BIND || !m->source)
		return 0;
	bad = home && streq(m->source, home);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		bad = bad || streq(m->source, places[i]);
	return bad ? err_set(err, ERR_USAGE, "chowning host path \"%s\" is not allowed",
			     m->source) :
		     0;
}

int volume_options_apply(const struct volume_options *o, struct container_spec *spec,
			 struct err *err)
{
	const struct strv none = { 0 };

	if (volume_driver_check(o->driver, &none, err) < 0)
		return err_wrap(err, "--volume-driver");
	for (size_t i = 0; i < o->volumes.n; i++)
		if (volume_option_add(o->volumes.v[i], spec, err) < 0)
			return -1;
	for (size_t i = 0; i < o->mounts.n; i++)
		if (mount_option_add(o->mounts.v[i], spec, err) < 0)
			return -1;
	for (size_t i = 0; i < o->tmpfs.n; i++)
		if (tmpfs_option_add(o->tmpfs.v[i], spec, err) < 0)
			return -1;
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (check_chown(&spec->mounts[i], err) < 0)
			return -1;
	return 0;
}

/* --- Others' mounts, and the image's --- */

static struct mount_spec *mount_at(struct container_spec *spec, const char *target)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (streq(spec->mounts[i].target, target))
			return &spec->mounts[i];
	return NULL;
}

/* What the command line says comes first; what read-only containers get beside it comes last. */
static bool is_wanted(struct container_spec *spec, const char *target)
{
	struct mount_spec *there = mount_at(spec, target);

	if (!there)
		return true;
	if (there->kind != MOUNT_TMPFS || there->said)
		return false;
	mount_spec_done(there);
	*there = spec->mounts[--spec->n_mounts];
	return true;
}

static int parse_from(const char *text, struct strv *ret_name, int *ret_read_only, struct err *err)
{
	const size_t len = strcspn(text, ":");
	CLEAN(clean_free) char *words = xstrdup(text[len] ? text + len + 1 : "");
	char *word, *rest;

	strv_add_take(ret_name, xstrndup(text, len));
	*ret_read_only = -1;
	for (word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (streq(word, "z") || streq(word, "Z"))
			continue;
		if (!streq(word, "ro") && !streq(word, "rw"))
			return err_set(err, ERR_USAGE,
				       "invalid option \"%s\" specified - volumes from "
				       "another container can only use z,ro,rw options",
				       word);
		if (*ret_read_only >= 0)
			return err_set(err, ERR_USAGE,
				       "cannot set ro or rw options more than once");
		*ret_read_only = streq(word, "ro");
	}
	return 0;
}

static int add_from(struct tiffin *t, const char *text, struct container_spec *spec,
		    struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(container_spec_done) struct container_spec theirs = { 0 };
	CLEAN(strv_done) struct strv name = { 0 };
	int read_only;

	if (parse_from(text, &name, &read_only, err) < 0)
		return -1;
	if (container_find(&t->store, name.v[0], &c, err) < 0 ||
	    container_spec_from_json(js_obj(c.config, "spec"), &theirs, err) < 0)
		return err_wrap(err, "looking up container \"%s\" for volumes-from", name.v[0]);
	for (size_t i = 0; i < theirs.n_mounts; i++) {
		struct mount_spec m;

		if (!theirs.mounts[i].shared || !is_wanted(spec, theirs.mounts[i].target))
			continue;
		m = mount_spec_copy(&theirs.mounts[i]);
		if (read_only >= 0)
			m.read_only = read_only;
		container_spec_add_mount(spec, m);
	}
	return 0;
}

static int add_image_volume(const char *place, bool tmpfs, struct container_spec *spec,
			    struct err *err)
{
	CLEAN(clean_free) char *rooted = xasprintf("/%s", place);
	CLEAN(clean_free) char *target = NULL;
	struct mount_spec m = {
		.kind = tmpfs ? MOUNT_TMPFS : MOUNT_VOLUME,
		.shared = !tmpfs,
		.said = true,
		.no_dev = tmpfs,
		.source = tmpfs ? xstrdup("") : NULL,
	};

	/* Whatever it says, ".." included, is a place in the container. */
	if (mount_target_clean(rooted, &target, err) < 0) {
		mount_spec_done(&m);
		return err_wrap(err, "the image's volume '%s'", place);
	}
	if (is_wanted(spec, target)) {
		m.target = ptr_take(&target);
		container_spec_add_mount(spec, m);
	} else {
		mount_spec_done(&m);
	}
	return 0;
}

static int add_image_volumes(const char *kind, const struct image_config *image,
			     struct container_spec *spec, struct err *err)
{
	if (!kind || streq(kind, "bind") || streq(kind, "anonymous"))
		kind = "anonymous";
	else if (streq(kind, "ignore"))
		return 0;
	else if (!streq(kind, "tmpfs"))
		return err_set(err, ERR_USAGE,
			       "invalid image-volume type \"%s\". Pick one of anonymous, "
			       "bind, tmpfs, or ignore",
			       kind);
	for (size_t i = 0; i < image->volumes.n; i++)
		if (add_image_volume(image->volumes.v[i], streq(kind, "tmpfs"), spec, err) < 0)
			return -1;
	return 0;
}

/* Those that are here: as with podman, nothing is pulled. */
static int find_images(struct tiffin *t, struct container_spec *spec, struct err *err)
{
	const struct pull_options pull = PULL_OPTIONS_INIT;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		CLEAN(found_image_done) struct found_image image = FOUND_IMAGE_INIT;
		struct mount_spec *m = &spec->mounts[i];

		if (m->kind != MOUNT_IMAGE || m->name)
			continue;
		if (find_image(t, m->source, PULL_NEVER, &pull, &image, err) < 0)
			return -1;
		m->name = xstrdup(image.record.id);
		for (size_t k = 0; k < image.record.layers.n; k++)
			strv_add(&m->layers, image.record.layers.v[k]);
	}
	return 0;
}

int volume_options_complete(struct tiffin *t, const struct volume_options *o,
			    const struct image_config *image, struct container_spec *spec,
			    struct err *err)
{
	for (size_t i = 0; i < o->from.n; i++)
		if (add_from(t, o->from.v[i], spec, err) < 0)
			return -1;
	if (add_image_volumes(o->image_volume, image, spec, err) < 0 ||
	    find_images(t, spec, err) < 0)
		return -1;
	return volume_options_sort(spec, err);
}

/* --- The volumes themselves --- */

static int make_one(struct tiffin *t, struct mount_spec *m, struct strv *made, struct err *err)
{
	const struct volume_new new = {
		.name = m->name,
		.labels = &m->labels,
		.options = &m->options,
		.anonymous = !m->name,
	};
	CLEAN(clean_free) char *name = NULL;
	struct err why = { 0 };

	if (m->name && volume_exists(&t->store, m->name))
		return 0;
	/* Another of an anonymous volume's users has been removed since we looked. */
	if (m->anonymous)
		return err_set(err, ERR_NOT_FOUND,
			       "no volume with name \"%s\" found: no such volume", m->name);
	if (volume_create(&t->store, &new, &name, &why) < 0) {
		if (why.kind == ERR_EXISTS)
			return 0; /* just now */
		*err = why;
		return -1;
	}
	event_volume(&t->store, "create", name);
	if (!m->name) {
		m->anonymous = true;
		strv_add(made, name);
		m->name = ptr_take(&name);
	}
	return 0;
}

int volume_options_make(struct tiffin *t, struct container_spec *spec, int *ret_lock,
			struct strv *ret_made, struct err *err)
{
	CLEAN(clean_fd) int lock = -1;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (spec->mounts[i].kind != MOUNT_VOLUME)
			continue;
		if ((lock < 0 && volume_hold(&t->store, &lock, err) < 0) ||
		    make_one(t, &spec->mounts[i], ret_made, err) < 0)
			return -1;
	}
	*ret_lock = fd_take(&lock);
	return 0;
}

void volume_options_unmake(struct tiffin *t, const struct strv *made)
{
	for (size_t i = 0; i < made->n; i++)
		volume_delete(t, made->v[i], NULL);
}
