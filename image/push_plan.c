#include "image/push_plan.h"

#include <stdio.h>

#include "image/digest.h"

void push_item_done(struct push_item *i)
{
	known_blobs_done(&i->known);
}

/* "localhost:5000/x" and "localhost:5000". */
static bool is_of(const char *repository, const char *registry)
{
	const size_t len = strlen(registry);

	return starts_with(repository, registry) && repository[len] == '/';
}

static bool was_seen_at(const struct known_blob *b, const char *registry)
{
	for (size_t i = 0; i < b->repositories.n; i++)
		if (is_of(b->repositories.v[i], registry))
			return true;
	return false;
}

bool push_may_name(const struct push_target *t, const struct known_blob *b, struct layer_blob *ret)
{
	struct layer_blob blob = { .size = b->size };

	if (!digest_valid(b->digest) || b->size < 0 ||
	    compression_parse(b->compression, &blob.compression, NULL) < 0)
		return false;
	if ((t->forced && blob.compression != t->compression) ||
	    (!t->zstd && blob.compression == COMPRESSION_ZSTD))
		return false;
	if (!b->verified && !was_seen_at(b, t->ref->registry))
		return false;
	snprintf(blob.digest, sizeof(blob.digest), "%s", b->digest);
	*ret = blob;
	return true;
}

static bool is_recorded(const struct push_item *i, const struct known_blob *b)
{
	return i->recorded && streq(i->recorded->digest, b->digest);
}

const struct known_blob *push_candidate(const struct push_item *i, size_t *io_at)
{
	const size_t n = i->known.n;

	/* Twice through the list: the recorded one, then the others. */
	while (*io_at < 2 * n) {
		const struct known_blob *b = &i->known.v[*io_at % n];
		const bool first = *io_at < n;

		++*io_at;
		if (is_recorded(i, b) == first)
			return b;
	}
	return NULL;
}

enum compression push_compression(const struct push_target *t, const struct push_item *i,
				  enum compression usual)
{
	enum compression how;

	if (t->forced)
		return t->compression;
	for (size_t k = 0; k < i->known.n; k++) {
		const struct known_blob *b = &i->known.v[k];

		/* An archive's layers say nothing of how a registry had them. */
		if (is_recorded(i, b) && b->repositories.n &&
		    compression_parse(b->compression, &how, NULL) == 0 &&
		    (t->zstd || how != COMPRESSION_ZSTD))
			return how;
	}
	return usual;
}

void push_neighbours(const struct push_target *t, const struct known_blob *b, struct strv *io)
{
	for (size_t i = 0; i < b->repositories.n && io->n < MOUNTS_MAX; i++) {
		const char *name = b->repositories.v[i];
		const char *repository = name + strlen(t->ref->registry) + 1;

		if (is_of(name, t->ref->registry) && !streq(name, t->name) &&
		    !strv_has(io, repository))
			strv_add(io, repository);
	}
}
