#include "cmd/mount_option.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/mount_words.h"
#include "cmd/opt.h"
#include "cmd/volume_driver.h"
#include "cmd/volume_option.h"
#include "storage/volume.h"

struct parsing {
	struct mount_spec m;
	struct strv words;	/* for mount_words_apply */
	struct buf file_system; /* of a tmpfs: its own options */
	char *source, *target;
	bool write_said;
};

static void parsing_done(struct parsing *p)
{
	mount_spec_done(&p->m);
	strv_done(&p->words);
	buf_done(&p->file_system);
	free(p->source);
	free(p->target);
}

/* value is NULL where the key stands alone. */
struct key {
	const char *name;
	unsigned int kinds; /* bits: 1 << enum mount_kind */
	int (*set)(struct parsing *p, const char *key, const char *value, struct err *err);
};

#define BIND   (1u << MOUNT_BIND)
#define VOLUME (1u << MOUNT_VOLUME)
#define TMPFS  (1u << MOUNT_TMPFS)
#define IMAGE  (1u << MOUNT_IMAGE)
#define ANY    (BIND | VOLUME | TMPFS | IMAGE)

static int truth(const char *key, const char *value, bool *ret, struct err *err)
{
	bool yes = !value || streq(value, "true") || streq(value, "1");

	if (!yes && !streq(value, "false") && !streq(value, "0"))
		return err_set(err, ERR_USAGE,
			       "'%s' must be set to true or false, instead received "
			       "\"%s\"",
			       key, value);
	*ret = yes;
	return 0;
}

static int wants_value(const char *key, const char *value, struct err *err)
{
	return value && *value ?
		       0 :
		       err_set(err, ERR_USAGE, "%s: must provide an argument for option", key);
}

static int set_type(struct parsing *p, const char *key, const char *value, struct err *err)
{
	(void)p, (void)key, (void)value, (void)err;
	return 0; /* it has been looked at */
}

static int set_source(struct parsing *p, const char *key, const char *value, struct err *err)
{
	if (p->m.kind == MOUNT_TMPFS)
		return err_set(err, ERR_USAGE, "source is not supported with tmpfs mounts");
	free(p->source);
	p->source = xstrdup(value ?: "");
	return p->m.kind == MOUNT_VOLUME ? 0 : wants_value(key, value, err);
}

static int set_target(struct parsing *p, const char *key, const char *value, struct err *err)
{
	free(p->target);
	p->target = xstrdup(value);
	return wants_value(key, value, err);
}

static int set_write(struct parsing *p, const char *key, const char *value, struct err *err)
{
	const bool says_write = streq(key, "rw") || streq(key, "readwrite");
	bool yes;

	if (p->write_said)
		return err_set(err, ERR_USAGE,
			       "cannot pass 'readonly', 'ro', or 'rw' options more than once");
	if (truth(key, value, &yes, err) < 0)
		return -1;
	p->write_said = true;
	p->m.read_only = yes != says_write;
	return 0;
}

/* "nosuid", and "nosuid=false" for "suid". */
static int set_word(struct parsing *p, const char *key, const char *value, struct err *err)
{
	CLEAN(clean_free)
	char *other = starts_with(key, "no") ? xstrdup(key + 2) : xasprintf("no%s", key);
	bool yes;

	if (truth(key, value, &yes, err) < 0)
		return -1;
	if (!yes && !mount_word_known(other))
		return 0;
	strv_add(&p->words, yes ? key : other);
	return 0;
}

static int set_propagation(struct parsing *p, const char *key, const char *value, struct err *err)
{
	static const char *const all[] = { "private", "rprivate", "slave", "rslave", "shared",
					   "rshared" };

	if (wants_value(key, value, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (streq(value, all[i])) {
			strv_add(&p->words, value);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "invalid option type \"%s\"", value);
}

static int set_alone(struct parsing *p, const char *key, const char *value, struct err *err)
{
	return truth(key, value, &p->m.alone, err);
}

/* Docker's. A mount that is read-only here is so with all that is beneath it. */
static int set_recursive(struct parsing *p, const char *key, const char *value, struct err *err)
{
	if (wants_value(key, value, err) < 0)
		return -1;
	if (streq(value, "disabled"))
		p->m.alone = true;
	else if (streq(value, "writable"))
		return err_set(err, ERR_UNSUPPORTED,
			       "bind-recursive=writable: what is mounted beneath a "
			       "read-only mount is read-only as well");
	else if (!streq(value, "enabled") && !streq(value, "readonly"))
		return err_set(err, ERR_USAGE, "%s: invalid value \"%s\"", key, value);
	return 0;
}

static int set_relabel(struct parsing *p, const char *key, const char *value, struct err *err)
{
	(void)key;
	if (!value || (!streq(value, "private") && !streq(value, "shared")))
		return err_set(err, ERR_USAGE,
			       "relabel mount option must be 'private' or 'shared': "
			       "invalid mount option");
	strv_add(&p->words, streq(value, "private") ? "Z" : "z");
	return 0;
}

static int set_chown(struct parsing *p, const char *key, const char *value, struct err *err)
{
	return truth(key, value, &p->m.chown, err);
}

static int set_no_copy(struct parsing *p, const char *key, const char *value, struct err *err)
{
	return truth(key, value, &p->m.no_copy, err);
}

static int set_copy_up(struct parsing *p, const char *key, const char *value, struct err *err)
{
	(void)value, (void)err;
	p->m.copy_up = *key == 't';
	return 0;
}

static int set_tmpfs_size(struct parsing *p, const char *key, const char *value, struct err *err)
{
	CLEAN(clean_free) char *option = NULL;
	long long bytes = 0;

	/* A part of the memory is the kernel's to reckon. */
	if (wants_value(key, value, err) < 0 ||
	    (!ends_with(value, "%") && parse_size(value, &bytes, err) < 0))
		return err_wrap(err, "%s", key);
	option =
		ends_with(value, "%") ? xasprintf("size=%s", value) : xasprintf("size=%lld", bytes);
	return tmpfs_option_word(option, &p->file_system, &p->words, &p->m, err);
}

static int set_mode(struct parsing *p, const char *key, const char *value, struct err *err)
{
	CLEAN(clean_free) char *option = NULL;

	if (wants_value(key, value, err) < 0)
		return -1;
	if (strlen(value) > 5 || value[strspn(value, "01234567")])
		return err_set(err, ERR_USAGE, "%s: '%s' is not an octal mode", key, value);
	option = xasprintf("mode=%s", value);
	return tmpfs_option_word(option, &p->file_system, &p->words, &p->m, err);
}

static int set_label(struct parsing *p, const char *key, const char *value, struct err *err)
{
	CLEAN(clean_free) char *label = NULL;

	if (wants_value(key, value, err) < 0)
		return -1;
	label = xasprintf("%s%s", value, strchr(value, '=') ? "" : "=");
	strv_set_env(&p->m.labels, label);
	return 0;
}

static int set_driver_option(struct parsing *p, const char *key, const char *value, struct err *err)
{
	CLEAN(clean_free) char *option = NULL;

	if (wants_value(key, value, err) < 0)
		return -1;
	option = xasprintf("%s%s", value, strchr(value, '=') ? "" : "=");
	strv_set_env(&p->m.options, option);
	return 0;
}

static int set_driver(struct parsing *p, const char *key, const char *value, struct err *err)
{
	const struct strv none = { 0 };

	(void)p;
	return wants_value(key, value, err) < 0 ? -1 : volume_driver_check(value, &none, err);
}

/* Docker's hint to other systems than this one. */
static int pass_over(struct parsing *p, const char *key, const char *value, struct err *err)
{
	(void)p;
	return wants_value(key, value, err);
}

static int refuse(struct parsing *p, const char *key, const char *value, struct err *err)
{
	(void)p, (void)value;
	if (starts_with(key, "idmap"))
		return err_set(err, ERR_UNSUPPORTED, "'%s' takes mounts that only root can make",
			       key);
	return err_set(err, ERR_UNSUPPORTED, "the option '%s' is not in this version of tiffin",
		       key);
}

static const struct key keys[] = {
	{ "type", ANY, set_type },
	{ "source", ANY, set_source },
	{ "src", ANY, set_source },
	{ "destination", ANY, set_target },
	{ "target", ANY, set_target },
	{ "dst", ANY, set_target },
	{ "readonly", ANY, set_write },
	{ "ro", ANY, set_write },
	{ "rw", ANY, set_write },
	{ "readwrite", IMAGE, set_write },
	{ "exec", ANY, set_word },
	{ "noexec", ANY, set_word },
	{ "suid", ANY, set_word },
	{ "nosuid", ANY, set_word },
	{ "dev", ANY, set_word },
	{ "nodev", ANY, set_word },
	{ "z", BIND | VOLUME, set_word },
	{ "Z", BIND | VOLUME, set_word },
	{ "U", BIND | VOLUME | TMPFS, set_chown },
	{ "chown", BIND | VOLUME | TMPFS, set_chown },
	{ "private", BIND | VOLUME, set_word },
	{ "rprivate", BIND | VOLUME, set_word },
	{ "slave", BIND | VOLUME, set_word },
	{ "rslave", BIND | VOLUME, set_word },
	{ "shared", BIND | VOLUME, set_word },
	{ "rshared", BIND | VOLUME, set_word },
	{ "bind-propagation", BIND, set_propagation },
	{ "bind-nonrecursive", BIND, set_alone },
	{ "bind-recursive", BIND, set_recursive },
	{ "relabel", BIND | VOLUME, set_relabel },
	{ "consistency", BIND | VOLUME | TMPFS, pass_over },
	{ "volume-nocopy", VOLUME, set_no_copy },
	{ "nocopy", VOLUME, set_no_copy },
	{ "volume-label", VOLUME, set_label },
	{ "volume-opt", VOLUME, set_driver_option },
	{ "volume-driver", VOLUME, set_driver },
	{ "tmpfs-size", TMPFS, set_tmpfs_size },
	{ "tmpfs-mode", TMPFS, set_mode },
	{ "tmpcopyup", TMPFS, set_copy_up },
	{ "notmpcopyup", TMPFS, set_copy_up },
	{ "idmap", ANY, refuse },
	{ "subpath", VOLUME | IMAGE, refuse },
	{ "volume-subpath", VOLUME, refuse },
	{ "image-subpath", IMAGE, refuse },
};

/* docker's and podman's are those of a line of CSV: a field may be put in quotes, doubled in it. */
static int split(const char *text, struct strv *ret, struct err *err)
{
	const char *p = text;

	for (;; p++) {
		CLEAN(buf_done) struct buf field = { 0 };
		bool quoted = *p == '"';

		for (p += quoted; *p && (quoted || *p != ','); p++) {
			if (quoted && *p == '"' && p[1] != '"')
				break;
			p += quoted && *p == '"';
			buf_add(&field, p, 1);
		}
		if (quoted && (*p != '"' || (p[1] && p[1] != ',')))
			return err_set(err, ERR_USAGE, "'%s': a quotation does not end", text);
		p += quoted;
		strv_add(ret, buf_str(&field));
		if (!*p)
			return 0;
	}
}

static int find_kind(const struct strv *fields, enum mount_kind *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum mount_kind kind;
	} types[] = { { "bind", MOUNT_BIND }, { "volume", MOUNT_VOLUME }, { "tmpfs", MOUNT_TMPFS },
		      { "image", MOUNT_IMAGE } };
	const char *type = strv_get_env(fields, "type") ?: "volume"; /* as docker has it */

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (streq(type, types[i].name)) {
			*ret = types[i].kind;
			return 0;
		}
	}
	if (streq(type, "devpts") || streq(type, "ramfs") || streq(type, "glob") ||
	    streq(type, "npipe") || streq(type, "cluster"))
		return err_set(err, ERR_UNSUPPORTED,
			       "a mount of type '%s' is not in this version of tiffin", type);
	return err_set(err, ERR_USAGE, "invalid filesystem type \"%s\"", type);
}

static int set_field(struct parsing *p, const char *field, struct err *err)
{
	const size_t len = strcspn(field, "=");
	CLEAN(clean_free) char *name = xstrndup(field, len);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(name, keys[i].name) && keys[i].kinds >> p->m.kind & 1)
			return keys[i].set(p, name, field[len] ? field + len + 1 : NULL, err);
	return err_set(err, ERR_USAGE, "%s: invalid mount option", name);
}

static int finish_source(struct parsing *p, struct err *err)
{
	struct mount_spec *m = &p->m;

	switch (m->kind) {
	case MOUNT_BIND:
		if (!p->source)
			return err_set(err, ERR_USAGE, "must set the source of a bind mount");
		return mount_source_find(p->source, &m->source, err);
	case MOUNT_VOLUME:
		if (!p->source || !*p->source)
			return 0;
		if (!volume_name_valid(p->source))
			return err_set(err, ERR_USAGE, "'%s': a volume's names must match "
						       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: "
						       "invalid argument",
				       p->source);
		m->name = xstrdup(p->source);
		return 0;
	case MOUNT_IMAGE:
		if (!p->source)
			return err_set(err, ERR_USAGE,
				       "must set source and destination for image volume");
		m->source = ptr_take(&p->source);
		/* What is written to it goes with the container. */
		m->overlay = p->write_said && !m->read_only;
		m->read_only = !m->overlay;
		return 0;
	default:
		m->source = xstrdup(buf_str(&p->file_system));
		return 0;
	}
}

int mount_option_add(const char *text, struct container_spec *spec, struct err *err)
{
	CLEAN(parsing_done) struct parsing p = { 0 };
	CLEAN(strv_done) struct strv fields = { 0 };
	struct mount_spec *m = &p.m;

	if (split(text, &fields, err) < 0 || find_kind(&fields, &m->kind, err) < 0)
		return -1;
	m->said = true;
	m->shared = m->kind == MOUNT_BIND || m->kind == MOUNT_VOLUME;
	m->no_exec = m->no_suid = m->no_dev = m->kind == MOUNT_TMPFS;
	for (size_t i = 0; i < fields.n; i++)
		if (set_field(&p, fields.v[i], err) < 0)
			return -1;
	if (!p.target)
		return err_set(err, ERR_USAGE, m->kind == MOUNT_IMAGE ?
					"must set source and destination for image volume" :
					"must set volume destination");
	if (mount_words_apply(&p.words, m, err) < 0 ||
	    mount_target_clean(p.target, &m->target, err) < 0 || finish_source(&p, err) < 0 ||
	    volume_driver_check(NULL, &m->options, err) < 0)
		return -1;
	container_spec_add_mount(spec, *m);
	*m = (struct mount_spec){ 0 };
	return 0;
}
