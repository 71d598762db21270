/*
 * Archives that a user loads, once they are unpacked: documents that name each other. The input is
 * the files, each after a line "=== PATH"; each is there under its digest, too, as in a layout. A
 * "@N" in a document becomes the digest of the Nth file, counted from 1, where that comes before it.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/bundle.h"
#include "image/hash.h"
#include "image/reference.h"
#include "tests/fuzz/fuzz.h"

#define FILES_MAX 9
#define MARK	  "=== "

static char root[64];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_dir(root);
	return 0;
}

struct digests {
	char v[FILES_MAX][DIGEST_SIZE];
	size_t n;
};

static void fill_in(const char *text, size_t len, const struct digests *d, struct buf *ret)
{
	for (size_t i = 0; i < len; i++) {
		const size_t n = i + 1 < len ? (size_t)(text[i + 1] - '1') : FILES_MAX;

		if (text[i] == '@' && n < d->n)
			buf_adds(ret, d->v[n]), i++;
		else
			buf_add(ret, text + i, 1);
	}
}

/* Beneath the directory, or not at all. */
static void write_file(int dir, const char *path, const struct buf *text)
{
	CLEAN(clean_fd) int fd = open_resolved(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
					       0600, 0x08 /* RESOLVE_BENEATH */);

	if (fd >= 0)
		MUST(write_all(fd, buf_str(text), text->len, NULL) == 0);
}

static void add_file(int dir, const char *path, const char *text, size_t len, struct digests *d)
{
	CLEAN(buf_done) struct buf full = { 0 };
	CLEAN(clean_free) char *blob = NULL;

	if (d->n == FILES_MAX)
		return;
	fill_in(text, len, d, &full);
	digest_of(buf_str(&full), full.len, d->v[d->n]);
	blob = xasprintf("blobs/sha256/%s", digest_hex(d->v[d->n++]));
	write_file(dir, blob, &full);
	write_file(dir, digest_hex(d->v[d->n - 1]), &full);
	write_file(dir, path, &full);
}

static void lay_out(int dir, const char *text)
{
	struct digests d = { .n = 0 };

	while ((text = strstr(text, MARK))) {
		const size_t len = strcspn(text += strlen(MARK), "\n");
		CLEAN(clean_free) char *path = xstrndup(text, len);
		const char *next;

		text += len + (text[len] == '\n');
		next = strstr(text, "\n" MARK);
		add_file(dir, path, text, next ? (size_t)(next - text) : strlen(text), &d);
	}
}

static void check(int dir, const struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; k < b->v[i].names.n; k++) {
			CLEAN(reference_done) struct reference r = { 0 };

			MUST(reference_parse(b->v[i].names.v[k], &r, NULL) == 0);
		}
		for (size_t k = 0; k < b->v[i].layers.n; k++) {
			CLEAN(clean_fd) int fd = -1;

			bundle_open(dir, b->v[i].layers.v[k], &fd, NULL);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(clean_free) char *text = fuzz_text(data, size);
	CLEAN(bundle_done) struct bundle b = { 0 };
	CLEAN(clean_fd) int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_fd) int dir = -1;
	struct err err = { 0 };

	MUST(mkdirat(top, "bundle", 0700) == 0);
	dir = openat(top, "bundle", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(dir >= 0 && mkdirat(dir, "blobs", 0700) == 0 && mkdirat(dir, "blobs/sha256", 0700) == 0);
	lay_out(dir, text);
	if (bundle_read(dir, &b, &err) < 0)
		MUST(err.kind && *err.text && !b.v);
	else
		check(dir, &b);
	MUST(tree_remove_at(top, "bundle", NULL) == 0);
	return 0;
}
