#include "cmd/create.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/driver.h"
#include "cmd/event.h"
#include "cmd/find_image.h"
#include "cmd/life.h"
#include "cmd/names.h"
#include "cmd/port_option.h"
#include "cmd/rootfs_option.h"

static int check(const struct run_options *o, struct err *err)
{
	if (o->name && !container_name_valid(o->name))
		return err_set(err, ERR_USAGE,
			       "the container name '%s' is not of the form "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*",
			       o->name);
	if (o->replace && !o->name)
		return err_set(err, ERR_USAGE, "--replace wants a --name");
	for (size_t i = 0; i < o->annotations.n; i++)
		if (!strchr(o->annotations.v[i], '=') || *o->annotations.v[i] == '=')
			return err_set(err, ERR_USAGE,
				       "annotations must be formatted KEY=VALUE: '%s'",
				       o->annotations.v[i]);
	for (size_t i = 0; i < o->labels.n; i++)
		if (!*o->labels.v[i] || *o->labels.v[i] == '=')
			return err_set(err, ERR_USAGE,
				       "--label '%s': invalid label format: KEY=VALUE",
				       o->labels.v[i]);
	if (o->cidfile && access(o->cidfile, F_OK) == 0)
		return err_set(err, ERR_EXISTS,
			       "container id file exists: make sure the other container is not "
			       "running or delete '%s'",
			       o->cidfile);
	return 0;
}

static json_t *make_record(const struct run_options *o, const struct found_image *image,
			   const struct start *s)
{
	CLEAN(strv_done) struct strv words = { 0 };
	json_t *j = json_object();

	for (char *const *word = s->t->argv; *word; word++)
		strv_add(&words, *word);
	js_set_str(j, "image", image->name);
	js_set_str(j, "image_id", image->record.id);
	js_set_strv(j, "layers", &image->record.layers);
	rootfs_to_json(s, j);
	js_set_str(j, "driver", s->rootfs ? NULL : s->driver->name);
	js_set_bool(j, "single_id", s->t->ids.single);
	container_ids_to_json(s->mapping, o->ns.user, j);
	js_set_strv(j, "labels", &s->labels);
	js_set_strv(j, "annotations", &o->annotations);
	js_set_strv(j, "create_command", &words);
	json_object_set_new(j, "ports", port_list_to_json(&s->ports));
	json_object_set_new(j, "etc", etc_options_to_json(&s->etc));
	json_object_set_new(j, "log", log_options_to_json(&s->log));
	json_object_set_new(j, "service", service_options_to_json(&s->service));
	json_object_set_new(j, "spec", container_spec_to_json(&s->spec));
	return j;
}

/* --replace: whoever has the name goes, running or not. */
static int replace(const struct run_options *o, struct tiffin *t, struct err *err)
{
	CLEAN(container_done) struct container holder = { 0 };
	struct err why = { 0 };

	if (!o->replace)
		return 0;
	if (container_find(&t->store, o->name, &holder, &why) == 0 && streq(holder.name, o->name))
		return life_remove(t, &holder, true, err);
	return 0;
}

/* Takes the name that was asked for, or the first free one of those made up. */
static int publish(const struct run_options *o, const struct found_image *image, struct start *s,
		   struct err *err)
{
	CLEAN(clean_json) json_t *record = make_record(o, image, s);

	for (int attempt = 0;; attempt++) {
		struct err why = { 0 };

		s->name = o->name ? xstrdup(o->name) : generate_name(attempt);
		if (container_publish(&s->t->store, &s->dir, s->name, record, &why) == 0) {
			s->record = json_incref(record);
			event_container(&s->t->store, record, "create", NULL);
			return 0;
		}
		free(ptr_take(&s->name));
		if (why.kind != ERR_EXISTS || o->name || attempt == 16) {
			*err = why;
			return -1;
		}
	}
}

/* docker's format: a label a line, '#' begins a comment. */
static int label_file_read(const char *path, struct strv *ret, struct err *err)
{
	CLEAN(clean_file) FILE *f = fopen(path, "re");
	CLEAN(clean_free) char *line = NULL;
	size_t size = 0;

	if (!f)
		return err_sys(err, "--label-file %s", path);
	while (getline(&line, &size, f) >= 0) {
		const char *text = line + strspn(line, " \t");

		line[strcspn(line, "\r\n")] = '\0';
		if (*text == '=')
			return err_set(err, ERR_USAGE,
				       "--label-file %s: '%s': invalid label format", path, text);
		if (*text && *text != '#')
			strv_add(ret, text);
	}
	return 0;
}

/* One that the command line sets again is the command line's. */
static int make_labels(const struct run_options *o, struct image_config *config, struct start *s,
		       struct err *err)
{
	CLEAN(strv_done) struct strv labels = { 0 };

	s->labels = config->labels;
	config->labels = (struct strv){ 0 };
	for (size_t i = 0; i < o->label_files.n; i++)
		if (label_file_read(o->label_files.v[i], &labels, err) < 0)
			return -1;
	for (size_t i = 0; i < o->labels.n; i++)
		strv_add(&labels, o->labels.v[i]);
	for (size_t i = 0; i < labels.n; i++) {
		CLEAN(clean_free) char *label =
			xasprintf("%s%s", labels.v[i], strchr(labels.v[i], '=') ? "" : "=");

		strv_set_env(&s->labels, label);
	}
	return 0;
}

static int make_ports(const struct run_options *o, const struct image_config *config,
		      struct start *s, struct err *err)
{
	if (port_options(&o->publish, &o->expose, &config->exposed_ports, o->publish_all, &s->ports,
			 err) < 0)
		return -1;
	if (s->spec.network == NETWORK_JOINED) {
		port_list_done(&s->ports); /* what the image exposes is the other's to publish */
		return 0;
	}
	if (s->spec.network == NETWORK_PRIVATE || s->spec.network == NETWORK_PASTA ||
	    (!o->publish.n && !o->publish_all))
		return 0;
	if (s->spec.network == NETWORK_NONE)
		return err_set(err, ERR_USAGE, "ports can't be published with --network none");
	warn("Published ports are discarded when using host network mode");
	port_list_done(&s->ports);
	return 0;
}

static int make_etc(const struct run_options *o, struct start *s, struct err *err)
{
	CLEAN(clean_json) json_t *copy = etc_options_to_json(&o->etc);

	if (etc_options_check(&o->etc, err) < 0)
		return -1;
	etc_options_from_json(copy, &s->etc);
	return 0;
}

static int make_log(const struct run_options *o, struct start *s, struct err *err)
{
	CLEAN(clean_json) json_t *copy = log_options_to_json(&o->log);

	log_options_from_json(copy, &s->log);
	return log_options_check(&s->log, err);
}

static int make_service(const struct run_options *o, struct start *s, struct err *err)
{
	CLEAN(clean_json) json_t *copy = service_options_to_json(&o->service);

	service_options_from_json(copy, &s->service);
	service_hand_sockets(&o->service, &s->service);
	return service_options_check(&s->service, err);
}

static int make_spec(const struct run_options *o, const struct found_image *image,
		     const struct strv *command, struct namespaces *ns, struct start *s,
		     struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(image_config_done) struct image_config config = { 0 };
	CLEAN(clean_free) char *profile = NULL;

	if (!s->rootfs && (image_read_config(&s->t->store, image->record.id, &text, err) < 0 ||
			   image_config_parse(text.data, text.len, &config, err) < 0))
		return -1;
	if (run_spec(o, &config, command, s->dir.id, ns, &s->spec, &profile, err) < 0 ||
	    security_compile(s->t, profile, &s->spec, err) < 0 ||
	    volume_options_complete(s->t, &o->volumes, &config, &s->spec, err) < 0 ||
	    make_ports(o, &config, s, err) < 0 || make_etc(o, s, err) < 0 ||
	    make_labels(o, &config, s, err) < 0 || make_log(o, s, err) < 0 ||
	    make_service(o, s, err) < 0)
		return -1;
	s->spec.etc_dir = xasprintf("%s/containers/%s", s->t->store.root, s->dir.id);
	return 0;
}

/* Its volumes first: none of them is removed until the record names it. */
static int put(const struct run_options *o, const struct found_image *image, struct start *s,
	       struct err *err)
{
	CLEAN(strv_done) struct strv made = { 0 };
	int lock = -1, result;

	result = volume_options_make(s->t, &s->spec, &lock, &made, err);
	if (result == 0)
		result = publish(o, image, s, err);
	clean_fd(&lock);
	if (result < 0)
		volume_options_unmake(s->t, &made);
	return result;
}

/* As themselves, where it was said that they are that: podman has it so. */
static void become_caller(const struct run_options *o, const struct userns_mode *mode,
			  struct container_spec *spec)
{
	const struct passwd *pw = mode->uid < 0 ? getpwuid(geteuid()) : NULL;
	const struct group *gr = mode->gid < 0 ? getgrgid(getegid()) : NULL;

	if (o->user)
		return;
	free(spec->user);
	spec->user =
		xasprintf("%lld:%lld", mode->uid < 0 ? (long long)geteuid() : (long long)mode->uid,
			  mode->gid < 0 ? (long long)getegid() : (long long)mode->gid);
	if (pw && !spec->passwd_entry && !strpbrk(pw->pw_name, "$:\n"))
		spec->passwd_entry = xasprintf("%s:*:$UID:$GID::$HOME:/bin/sh", pw->pw_name);
	if (gr && pw && !spec->group_entry && !strpbrk(gr->gr_name, "$:\n"))
		spec->group_entry = xasprintf("%s:x:$GID:%s", gr->gr_name, pw->pw_name);
}

/* Those that are mounted would show the owners that the store has them with. */
static int check_images(const struct start *s, struct err *err)
{
	if (!container_ids_within(s->t, s->mapping) || id_mapping_is_identity(s->mapping))
		return 0;
	for (size_t i = 0; i < s->spec.n_mounts; i++)
		if (s->spec.mounts[i].kind == MOUNT_IMAGE)
			return err_set(err, ERR_UNSUPPORTED,
				       "type=image on '%s': an image's files have their "
				       "owners only where --userns maps none otherwise",
				       s->spec.mounts[i].target);
	return 0;
}

static int map_ids(const struct run_options *o, const struct found_image *image,
		   struct namespaces *ns, struct start *s, int *ret_lock, struct err *err)
{
	const struct userns_image wanted = {
		.id = image->record.id,
		.layers = &image->record.layers,
		.user = s->spec.user,
	};

	if (ns->user.kind == USERNS_KEEP_ID)
		become_caller(o, &ns->user, &s->spec);
	s->mapping = ptr_take(&ns->mapping);
	if (userns_mode_resolve(s->t, &ns->user, &wanted, &s->mapping, ret_lock, err) < 0 ||
	    check_images(s, err) < 0)
		return -1;
	return (s->rootfs ?
			0 :
			container_ids_driver(s->t, s->mapping, s->driver, &s->driver, err)) < 0 ?
		       -1 :
		       start_map_ids(s, err);
}

static int write_cidfile(const char *path, const char *id, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, "cannot write '%s'", path);
	if (dprintf(fd, "%s", id) < 0) {
		err_sys(err, "cannot write '%s'", path);
		unlink(path);
		return -1;
	}
	return 0;
}

int create_container(struct tiffin *t, const struct run_options *options,
		     const struct strv *operands, struct start *ret, struct err *err)
{
	const struct strv command = { .v = operands->v + 1, .n = operands->n - 1 };
	struct pull_options pull = {
		.quiet = options->quiet,
		.access = { .tls_verify = options->tls_verify, .authfile = options->authfile },
		.retry = RETRY_DEFAULT,
	};
	CLEAN(found_image_done) struct found_image image = FOUND_IMAGE_INIT;
	CLEAN(namespaces_done) struct namespaces ns = { 0 };
	CLEAN(start_done) struct start s = START_INIT;
	CLEAN(clean_free) char *platform = NULL;
	CLEAN(clean_fd) int ids_lock = -1;
	enum pull_policy policy;

	s.t = t;
	if (check(options, err) < 0 ||
	    pull_policy_parse("--pull", options->pull, PULL_MISSING, &policy, err) < 0 ||
	    platform_options_text(&options->platform, &platform, err) < 0 ||
	    namespaces_parse(options, &ns, err) < 0 ||
	    tiffin_open(t, ns.single, err) < 0 || namespaces_resolve(t, &ns, err) < 0)
		return -1;
	pull.platform = platform;
	tiffin_set_ids(t, ns.single);
	if (driver_choose(t, &s.driver, err) < 0 ||
	    (options->rootfs ? rootfs_option(operands->v[0], &s, err) :
			       find_image(t, operands->v[0], policy, &pull, &image, err)) < 0 ||
	    container_dir_make(&t->store, &s.dir, err) < 0)
		return -1;
	if (make_spec(options, &image, &command, &ns, &s, err) < 0 ||
	    map_ids(options, &image, &ns, &s, &ids_lock, err) < 0 || replace(options, t, err) < 0 ||
	    put(options, &image, &s, err) < 0) {
		container_dir_discard(&t->store, &s.dir);
		return -1;
	}
	if (write_cidfile(options->cidfile, s.dir.id, err) < 0) {
		start_discard(&s);
		return -1;
	}
	s.layers = image.record.layers;
	s.image = xstrdup(image.record.id);
	image.record.layers = (struct strv){ 0 };
	*ret = s;
	s = (struct start)START_INIT;
	return 0;
}
