#include "image/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/reference.h"

#define IMAGES_MAX 1000
#define REF_NAME   "org.opencontainers.image.ref.name"
#define FULL_NAME  "io.containerd.image.name"

void bundle_done(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		buf_done(&b->v[i].config);
		buf_done(&b->v[i].manifest);
		strv_done(&b->v[i].layers);
		strv_done(&b->v[i].names);
		strv_done(&b->v[i].labels);
	}
	free(b->v);
	*b = (struct bundle){ 0 };
}

static int path_err(struct err *err, enum err_kind kind, const char *path, const char *what)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	return err_set(err, kind, "'%.200s' of it %s", safe, what);
}

int bundle_open(int dir, const char *path, int *ret_fd, struct err *err)
{
	/* Docker's own archives have symlinks, which stay within. */
	CLEAN(clean_fd)
	int fd = open_resolved(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			       RESOLVE_IN_ROOT);
	struct stat st;

	if (fd < 0)
		return path_err(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_CORRUPT, path,
				"can't be opened");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return path_err(err, ERR_CORRUPT, path, "is not a file");
	*ret_fd = fd_take(&fd);
	return 0;
}

static int read_document(int dir, const char *path, struct buf *ret, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	char chunk[16384];
	ssize_t n;

	if (bundle_open(dir, path, &fd, err) < 0)
		return -1;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return path_err(err, ERR_SYSTEM, path, "can't be read");
		if (ret->len + (size_t)n > MANIFEST_MAX)
			return path_err(err, ERR_CORRUPT, path, "is larger than any may be");
		buf_add(ret, chunk, (size_t)n);
	}
	return 0;
}

/* A document whose name is its digest. */
static int read_blob(int dir, const char *prefix, const char *digest, struct buf *ret,
		     struct err *err)
{
	CLEAN(clean_free) char *path = NULL;
	char got[DIGEST_SIZE];

	if (!digest_valid(digest))
		return err_set(err, ERR_CORRUPT, "a digest in it is not a SHA-256 digest");
	path = xasprintf("%s%s", prefix, digest_hex(digest));
	if (read_document(dir, path, ret, err) < 0)
		return -1;
	digest_of(buf_str(ret), ret->len, got);
	return streq(got, digest) ? 0 : path_err(err, ERR_CORRUPT, path, "has the wrong digest");
}

/* What is no name in full ("latest", for whoever knows which image) gives none. */
static int add_name(struct bundle_image *image, const char *name, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;

	if (name)
		strv_add(&image->labels, name);
	if (!name || !strpbrk(name, "/:"))
		return 0;
	if (reference_parse(name, &ref, err) < 0)
		return -1;
	canonical = reference_canonical(&ref);
	if (!ref.digest && !strv_has(&image->names, canonical))
		strv_add(&image->names, canonical);
	return 0;
}

static struct bundle_image *add_image(struct bundle *b)
{
	b->v = xrealloc(b->v, (b->n + 1) * sizeof(*b->v));
	b->v[b->n] = (struct bundle_image){ 0 };
	return &b->v[b->n++];
}

/* An entry of docker's manifest.json. */
static int read_docker_image(int dir, const json_t *entry, struct bundle *b, struct err *err)
{
	struct bundle_image *image = add_image(b);
	const char *config = js_str(entry, "Config");
	CLEAN(strv_done) struct strv names = { 0 };

	if (!config || !js_arr(entry, "Layers"))
		return err_set(err, ERR_CORRUPT,
			       "its manifest.json names no configuration or layers");
	js_strv(entry, "Layers", &image->layers);
	js_strv(entry, "RepoTags", &names);
	for (size_t i = 0; i < names.n; i++)
		if (add_name(image, names.v[i], err) < 0)
			return -1;
	return read_document(dir, config, &image->config, err);
}

/* The blobs that a parsed manifest names. */
static int read_manifest_image(int dir, const char *prefix, const struct manifest *m,
			       struct bundle_image *image, struct err *err)
{
	for (size_t i = 0; i < m->n; i++)
		strv_addf(&image->layers, "%s%s", prefix, digest_hex(m->entries[i].digest));
	return read_blob(dir, prefix, m->config.digest, &image->config, err);
}

/* An entry of a layout's index: a manifest, or an index with one for this machine. */
static int read_oci_image(int dir, const json_t *entry, struct bundle *b, struct err *err)
{
	static const char prefix[] = "blobs/sha256/";
	const json_t *notes = js_obj(entry, "annotations");
	struct bundle_image *image = add_image(b);
	CLEAN(manifest_done) struct manifest m = { 0 };
	const struct descriptor *chosen;
	struct platform host;
	char digest[DIGEST_SIZE];

	if (read_blob(dir, prefix, js_str(entry, "digest"), &image->manifest, err) < 0 ||
	    manifest_parse(buf_str(&image->manifest), image->manifest.len,
			   js_str(entry, "mediaType"), &m, err) < 0)
		return -1;
	if (m.kind == MANIFEST_INDEX) {
		platform_host(&host);
		if (manifest_select(&m, &host, &chosen, err) < 0)
			return -1;
		memcpy(digest, chosen->digest, sizeof(digest));
		manifest_done(&m);
		image->manifest.len = 0;
		if (read_blob(dir, prefix, digest, &image->manifest, err) < 0 ||
		    manifest_parse(buf_str(&image->manifest), image->manifest.len, NULL, &m, err) < 0)
			return -1;
	}
	if (m.kind == MANIFEST_INDEX)
		return err_set(err, ERR_CORRUPT, "its indexes are nested too deeply");
	if (add_name(image, js_str(notes, FULL_NAME) ?: js_str(notes, REF_NAME), err) < 0)
		return -1;
	return read_manifest_image(dir, prefix, &m, image, err);
}

static int read_dir_image(int dir, struct buf *manifest, struct bundle *b, struct err *err)
{
	struct bundle_image *image = add_image(b);
	CLEAN(manifest_done) struct manifest m = { 0 };

	image->manifest = *manifest;
	*manifest = (struct buf){ 0 };
	if (manifest_parse(buf_str(&image->manifest), image->manifest.len, NULL, &m, err) < 0)
		return -1;
	if (m.kind == MANIFEST_INDEX)
		return err_set(err, ERR_UNSUPPORTED, "it is an index, without its images");
	return read_manifest_image(dir, "", &m, image, err);
}

typedef int read_entry(int dir, const json_t *entry, struct bundle *b, struct err *err);

static int read_entries(int dir, const json_t *list, read_entry *read_one, struct bundle *b,
			struct err *err)
{
	json_t *entry;
	size_t i;

	if (json_array_size(list) == 0)
		return err_set(err, ERR_CORRUPT, "there is no image in it");
	if (json_array_size(list) > IMAGES_MAX)
		return err_set(err, ERR_CORRUPT, "there are more than %d images in it", IMAGES_MAX);
	json_array_foreach(list, i, entry)
		if (read_one(dir, entry, b, err) < 0)
			return -1;
	return 0;
}

/* An array is docker's; js_parse reads objects only. */
static json_t *parse_array(const struct buf *text)
{
	CLEAN(buf_done) struct buf object = { 0 };
	json_t *j = NULL;

	buf_addf(&object, "{\"list\":%s}", buf_str(text));
	js_parse(buf_str(&object), object.len, &j, NULL);
	return j;
}

static int read_any(int dir, struct bundle *b, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	struct err why = { 0 };

	/* Docker writes both, for the sake of older ones; the layout says more. */
	if (read_document(dir, "index.json", &text, &why) == 0) {
		if (js_parse(buf_str(&text), text.len, &j, err) < 0)
			return err_wrap(err, "its index.json");
		return read_entries(dir, js_arr(j, "manifests"), read_oci_image, b, err);
	}
	if (why.kind == ERR_NOT_FOUND)
		why.kind = ERR_NONE;
	if (!why.kind && read_document(dir, "manifest.json", &text, &why) == 0) {
		j = parse_array(&text);
		if (js_arr(j, "list"))
			return read_entries(dir, js_arr(j, "list"), read_docker_image, b, err);
		return read_dir_image(dir, &text, b, err);
	}
	if (why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	return err_set(err, ERR_CORRUPT,
		       "payload does not match any of the supported image formats: "
		       "it has neither manifest.json nor index.json");
}

int bundle_read(int dir, struct bundle *ret, struct err *err)
{
	CLEAN(bundle_done) struct bundle b = { 0 };

	if (read_any(dir, &b, err) < 0)
		return -1;
	*ret = b;
	b = (struct bundle){ 0 };
	return 0;
}
