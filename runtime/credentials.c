#include "runtime/credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

void credentials_root(struct credentials *ret)
{
	*ret = (struct credentials){ .n_groups = 1 };
}

static bool is_over_files(int capability)
{
	return capability == CAP_CHOWN || capability == CAP_DAC_OVERRIDE ||
	       capability == CAP_FOWNER || capability == CAP_FSETID;
}

bool credentials_capable(const struct credentials *c, uint64_t caps, int capability)
{
	if ((c->uid.effective && !c->kept) || !(caps >> capability & 1))
		return false;
	return !is_over_files(capability) || !c->uid.fs || c->kept;
}

static bool has_root(const struct ids *ids)
{
	return !ids->real || !ids->effective || !ids->saved;
}

void credentials_changed(struct credentials *c, const struct ids *before)
{
	c->kept = !has_root(&c->uid) && (c->kept || (has_root(before) && c->keep));
}

void credentials_exec(struct credentials *c)
{
	c->uid.saved = c->uid.fs = c->uid.effective;
	c->gid.saved = c->gid.fs = c->gid.effective;
	c->keep = c->kept = 0;
}

static bool is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == a || id == b || id == c;
}

int ids_set(struct ids *ids, bool privileged, uint32_t id)
{
	if (id == ID_NONE)
		return EINVAL;
	if (privileged)
		ids->real = ids->saved = id;
	else if (id != ids->real && id != ids->saved)
		return EPERM;
	ids->effective = ids->fs = id;
	return 0;
}

/*
 * As sys_setreuid of the kernel: the saved one follows where the real one may have been left for
 * good.
 */
int ids_set_re(struct ids *ids, bool privileged, uint32_t real, uint32_t effective)
{
	struct ids to = *ids;

	if (real != ID_NONE) {
		to.real = real;
		if (!privileged && real != ids->real && real != ids->effective)
			return EPERM;
	}
	if (effective != ID_NONE) {
		to.effective = effective;
		if (!privileged && !is_one_of(effective, ids->real, ids->effective, ids->saved))
			return EPERM;
	}
	if (real != ID_NONE || (effective != ID_NONE && effective != ids->real))
		to.saved = to.effective;
	to.fs = to.effective;
	*ids = to;
	return 0;
}

int ids_set_res(struct ids *ids, bool privileged, uint32_t real, uint32_t effective, uint32_t saved)
{
	const uint32_t wanted[3] = { real, effective, saved };

	for (size_t i = 0; i < 3; i++)
		if (!privileged && wanted[i] != ID_NONE &&
		    !is_one_of(wanted[i], ids->real, ids->effective, ids->saved))
			return EPERM;
	ids->real = real == ID_NONE ? ids->real : real;
	ids->effective = effective == ID_NONE ? ids->effective : effective;
	ids->saved = saved == ID_NONE ? ids->saved : saved;
	ids->fs = ids->effective;
	return 0;
}

uint32_t ids_set_fs(struct ids *ids, bool privileged, uint32_t id)
{
	uint32_t before = ids->fs;

	if (id != ID_NONE &&
	    (privileged || id == ids->fs || is_one_of(id, ids->real, ids->effective, ids->saved)))
		ids->fs = id;
	return before;
}

static bool is_in_group(const struct credentials *c, uint32_t gid)
{
	for (uint32_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == gid)
			return true;
	return c->gid.fs == gid;
}

int credentials_chown(const struct credentials *c, uint64_t caps, struct owner file, uint32_t uid,
		      uint32_t gid)
{
	const bool own = c->uid.fs == file.uid;

	if (credentials_capable(c, caps, CAP_CHOWN))
		return 0;
	if (uid != ID_NONE && !(own && uid == file.uid))
		return EPERM;
	if (gid != ID_NONE && !(own && (gid == file.gid || is_in_group(c, gid))))
		return EPERM;
	return 0;
}

/* --- Sets --- */

static uint32_t hash_of(const struct credentials *c)
{
	const unsigned char *p = (const unsigned char *)c;
	const size_t len =
		offsetof(struct credentials, groups) + c->n_groups * sizeof(c->groups[0]);
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static bool is_same(const struct credentials *a, const struct credentials *b)
{
	return memcmp(&a->uid, &b->uid, sizeof(a->uid)) == 0 &&
	       memcmp(&a->gid, &b->gid, sizeof(a->gid)) == 0 && a->keep == b->keep &&
	       a->kept == b->kept && a->n_groups == b->n_groups &&
	       memcmp(a->groups, b->groups, a->n_groups * sizeof(a->groups[0])) == 0;
}

int credential_sets_add(struct credential_sets *s, const struct credentials *c)
{
	const uint32_t places = 2 * CREDENTIAL_SETS;
	uint32_t at = hash_of(c) % places;

	for (; s->places[at]; at = (at + 1) % places)
		if (is_same(&s->v[s->places[at] - 1], c))
			return (int)s->places[at] - 1;
	if (s->n == CREDENTIAL_SETS)
		return -1;
	/* Who dies in the midst leaves a value that nobody refers to. */
	s->v[s->n] = *c;
	s->places[at] = ++s->n;
	return (int)s->n - 1;
}

const struct credentials *credential_sets_get(const struct credential_sets *s, uint64_t number)
{
	return number < s->n ? &s->v[number] : NULL;
}
