#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/command.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/named_image.h"
#include "cmd/save_target.h"
#include "image/digest.h"
#include "image/reference.h"
#include "image/transport.h"
#include "storage/image.h"

struct push_command_options {
	struct push_options push;
	char *digestfile;
	bool all, compress, remove_signatures;
};

static const struct opt push_opts[] = {
	{ 'a', "all-tags", NULL, "push all tags of the repository", set_flag,
	  FIELD(push_command_options, all) },
	{ 'q', "quiet", NULL, "print nothing on the way", set_flag,
	  FIELD(push_command_options, push.quiet) },
	{ 'f', "format", "FORMAT", "of the manifest: oci or v2s2 (as the image came)", set_string,
	  FIELD(push_command_options, push.format) },
	{ 0, "compression-format", "FORMAT", "of all layers: gzip or zstd (as each came)",
	  set_string,
	  FIELD(push_command_options, push.compression) },
	{ 0, "compress", NULL, "compress the layers of a dir:", set_flag,
	  FIELD(push_command_options, compress) },
	{ 0, "digestfile", "FILE", "write the manifest's digest there", set_string,
	  FIELD(push_command_options, digestfile) },
	ACCESS_ROWS(push_command_options, push.access),
	{ 0, "retry", "N", "how often to try a request again that fails: 3", set_number,
	  FIELD(push_command_options, push.retry.most) },
	{ 0, "retry-delay", "TIME", "between two attempts; else 1s, doubling", set_seconds,
	  FIELD(push_command_options, push.retry.seconds) },
	{ 0, "remove-signatures", NULL, "push no signatures: always so here", set_flag,
	  FIELD(push_command_options, remove_signatures) },
	{ 0 },
};

static void push_init(void *options)
{
	*(struct push_command_options *)options = (struct push_command_options){
		.push.retry = RETRY_DEFAULT,
	};
}

static void push_done(void *options)
{
	struct push_command_options *o = options;

	free(o->push.format);
	free(o->push.compression);
	free(o->digestfile);
	access_options_done(&o->push.access);
}

/* "DIGEST SIZE", as tiffin-image says it. */
static int report_push(const struct tiffin *t, const struct push_command_options *o, const char *id,
		       const struct reference *ref, char *text, struct err *err)
{
	CLEAN(clean_free) char *canonical = reference_canonical(ref);
	CLEAN(clean_free) char *repository = reference_name(ref);
	char *size = strchr(text, ' ');

	if (size)
		*size++ = '\0';
	if (!size || !digest_valid(text) || size[strspn(size, "0123456789")])
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	if (image_add_digest(&t->store, id, repository, text, err) < 0)
		return -1;
	if (o->digestfile &&
	    file_replace_at(AT_FDCWD, o->digestfile, text, strlen(text), 0644, RELAXED, err) < 0)
		return err_wrap(err, "--digestfile");
	if (o->push.quiet)
		printf("%s\n", canonical);
	else
		printf("%s: digest: %s size: %s\n", ref->tag, text, size);
	fflush(stdout);
	return 0;
}

static int push_to_registry(struct tiffin *t, const struct push_command_options *o,
			    const char *image, const char *destination, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *id = xstrndup(image, strcspn(image, ","));
	CLEAN(clean_free) char *text = NULL;

	if (reference_parse(destination, &ref, err) < 0)
		return -1;
	if (ref.digest)
		return err_set(err, ERR_USAGE, "cannot push to '%s': a digest reference",
			       destination);
	if (helper_push(t, image, destination, &o->push, &text, err) < 0)
		return -1;
	event_image(&t->store, "push", id, destination);
	return report_push(t, o, id, &ref, text, err);
}

static int push_all_tags(struct tiffin *t, const struct push_command_options *o, const char *text,
			 struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *name = NULL;
	CLEAN(strv_done) struct strv items = { 0 };
	CLEAN(strv_done) struct strv tags = { 0 };
	struct image_record *list = NULL;
	size_t n = 0;

	if (reference_parse(text, &ref, err) < 0)
		return -1;
	if (strrchr(text, ':') > (strrchr(text, '/') ?: text) || ref.digest)
		return err_set(err, ERR_USAGE, "tag can't be used with --all-tags/-a");
	name = reference_name(&ref);
	if (image_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < list[i].names.n; k++) {
			const char *full = list[i].names.v[k];

			if (!starts_with(full, name) || full[strlen(name)] != ':')
				continue;
			strv_addf(&items, "%s,%s", list[i].id, full);
			strv_add(&tags, full);
		}
	image_list_done(list, n);
	if (!tags.n)
		return err_set(err, ERR_NOT_FOUND, "%s: image not known", text);
	for (size_t i = 0; i < tags.n; i++)
		if (push_to_registry(t, o, items.v[i], tags.v[i], err) < 0)
			return -1;
	return 0;
}

/* What is there already is no archive of ours to add to. */
static int refuse_existing(const struct transport *to, struct err *err)
{
	struct stat st;

	if (to->kind != TRANSPORT_DOCKER_ARCHIVE || stat(to->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return err_set(err, ERR_EXISTS,
		       "'%s': docker-archive doesn't support modifying existing images", to->path);
}

static int push_to_path(struct tiffin *t, const struct push_command_options *o, const char *id,
			const struct transport *to, struct err *err)
{
	static const char *const formats[] = {
		[TRANSPORT_DOCKER_ARCHIVE] = "docker-archive",
		[TRANSPORT_OCI_ARCHIVE] = "oci-archive",
		[TRANSPORT_OCI] = "oci-dir",
		[TRANSPORT_DIR] = "docker-dir",
	};
	const bool directory = to->kind == TRANSPORT_OCI || to->kind == TRANSPORT_DIR;
	CLEAN(save_target_done) struct save_target target = SAVE_TARGET_INIT;
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *name = xstrdup(to->reference);
	CLEAN(strv_done) struct strv images = { 0 };

	if (o->digestfile || o->push.format || o->push.compression)
		return err_set(err, ERR_UNSUPPORTED,
			       "--digestfile, --format and --compression-format "
			       "are for registries alone");
	if (name && to->kind == TRANSPORT_DOCKER_ARCHIVE) {
		if (reference_parse(to->reference, &ref, err) < 0)
			return -1;
		free(name);
		name = reference_canonical(&ref);
	}
	strv_addf(&images, "%s%s%s", id, name ? "," : "", name ?: "");
	if (refuse_existing(to, err) < 0 ||
	    save_target_open(to->path, directory, &target, err) < 0 ||
	    helper_save(t, &images, formats[to->kind], o->compress, target.fd, err) < 0)
		return -1;
	return save_target_finish(&target, err);
}

static int push_image(struct tiffin *t, const struct push_command_options *o,
		      const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	CLEAN(transport_done) struct transport to = { 0 };
	CLEAN(clean_free) char *item = NULL;

	if (named_image_find(t, operands->v[0], false, &image, err) < 0)
		return -1;
	clean_fd(&image.lock);
	image.lock = -1;
	if (operands->n < 2 && !image.name)
		return err_set(err, ERR_USAGE, "'%s' is no name: say where to push it to",
			       operands->v[0]);
	if (transport_parse(operands->n > 1 ? operands->v[1] : image.name, &to, err) < 0)
		return -1;
	if (o->compress && to.kind != TRANSPORT_DIR)
		return err_set(err, ERR_USAGE, "--compress is for the 'dir' transport alone");
	if (to.kind != TRANSPORT_REGISTRY)
		return push_to_path(t, o, image.record.id, &to, err);
	item = xasprintf("%s%s%s", image.record.id, image.name ? "," : "", image.name ?: "");
	return push_to_registry(t, o, item, to.reference, err);
}

static int push(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct push_command_options *o = options;

	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (!o->all)
		return push_image(t, o, operands, err);
	if (o->compress)
		return err_set(err, ERR_USAGE, "--compress is for the 'dir' transport alone");
	if (operands->n > 1)
		return err_set(err, ERR_USAGE, "--all-tags pushes to where the names say");
	if (o->digestfile)
		return err_set(err, ERR_USAGE, "--digestfile is for one image");
	return push_all_tags(t, o, operands->v[0], err);
}

const struct command command_push = {
	.names = "push",
	.operands = "[OPTIONS] IMAGE [DESTINATION]",
	.summary = "send an image to a registry",
	.opts = push_opts,
	.size = sizeof(struct push_command_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = push,
	.init = push_init,
	.done = push_done,
};
