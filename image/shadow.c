#include "image/shadow.h"

#include <stdlib.h>

#include "base/str.h"

void shadows_done(struct shadows *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	*s = (struct shadows){ 0 };
}

bool shadows_add(struct shadows *s, const char *path, size_t at)
{
	s->bytes += strlen(path);
	if (s->n == SHADOWS_MAX || s->bytes > SHADOW_BYTES_MAX)
		return false;
	if ((s->n & (s->n - 1)) == 0)
		s->v = xrealloc(s->v, (s->n ? 2 * s->n : 1) * sizeof(*s->v));
	s->v[s->n] = (struct shadow){ .path = xstrdup(path), .at = at, .number = s->n };
	s->n++;
	return true;
}

static int by_path(const void *a, const void *b)
{
	const struct shadow *x = a, *y = b;
	const int order = strcmp(x->path, y->path);

	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

void shadows_sort(struct shadows *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_path);
}

/* The first of that path (of that length) that was put out of sight after the reference. */
static const struct shadow *find_one(const struct shadows *s, const char *path, size_t len,
				     size_t index)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct shadow *m = &s->v[middle];
		int order = strncmp(m->path, path, len);

		if (order == 0 && m->path[len])
			order = 1;
		if (order < 0 || (order == 0 && m->at <= index))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->n || strncmp(s->v[low].path, path, len) != 0 || s->v[low].path[len])
		return NULL;
	return &s->v[low];
}

const struct shadow *shadows_find(const struct shadows *s, const char *path, size_t index,
				  const char **ret_rest)
{
	const struct shadow *first = NULL;

	for (size_t len = 1; s->n && *path; len++) {
		const struct shadow *one;

		if (path[len] && path[len] != '/')
			continue;
		one = find_one(s, path, len, index);
		if (one && (!first || one->at < first->at)) {
			first = one;
			*ret_rest = path + len;
		}
		if (!path[len])
			break;
	}
	return first;
}
