#include "cmd/mount_words.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* Of the words of one group one may be said, once. */
enum group { WRITE, EXEC, DEV, SUID, LABEL, OWNER, SPREAD, RECURSE, COPY, GROUPS };

static const char *const group_texts[] = {
	[WRITE] = "'rw' or 'ro'",
	[EXEC] = "'noexec' or 'exec'",
	[DEV] = "'nodev' or 'dev'",
	[SUID] = "'nosuid' or 'suid'",
	[LABEL] = "'z', 'Z', or 'O'",
	[OWNER] = "'U'",
	[SPREAD] = "'[r]shared', '[r]private', '[r]slave' or '[r]unbindable'",
	[RECURSE] = "'[r]bind'",
	[COPY] = "'copy' or 'nocopy'",
};

/* Read-only, and the like, is a default that a tmpfs has and other mounts have not. */
static void rw(struct mount_spec *m) { m->read_only = false; }
static void ro(struct mount_spec *m) { m->read_only = true; }
static void exec(struct mount_spec *m) { m->no_exec = false; }
static void noexec(struct mount_spec *m) { m->no_exec = true; }
static void suid(struct mount_spec *m) { m->no_suid = false; }
static void nosuid(struct mount_spec *m) { m->no_suid = true; }
static void dev(struct mount_spec *m) { m->no_dev = false; }
static void nodev(struct mount_spec *m) { m->no_dev = true; }
static void chown_it(struct mount_spec *m) { m->chown = true; }
static void overlay(struct mount_spec *m) { m->overlay = true; }
static void rbind(struct mount_spec *m) { m->alone = false; }
static void bind(struct mount_spec *m) { m->alone = true; }
static void copy(struct mount_spec *m) { m->no_copy = false; }
static void nocopy(struct mount_spec *m) { m->no_copy = true; }
/* Labels are SELinux's: they are accepted, as by docker and podman where it is off. */
static void label(struct mount_spec *m) { (void)m; }

static void set_propagation(struct mount_spec *m, enum mount_propagation p, bool spread)
{
	m->propagation = p;
	m->spread = spread;
}

static void private(struct mount_spec *m) { set_propagation(m, PROPAGATION_PRIVATE, false); }
static void rprivate(struct mount_spec *m) { set_propagation(m, PROPAGATION_PRIVATE, true); }
static void slave(struct mount_spec *m) { set_propagation(m, PROPAGATION_SLAVE, false); }
static void rslave(struct mount_spec *m) { set_propagation(m, PROPAGATION_SLAVE, true); }
static void shared(struct mount_spec *m) { set_propagation(m, PROPAGATION_SHARED, false); }
static void rshared(struct mount_spec *m) { set_propagation(m, PROPAGATION_SHARED, true); }

static const struct word {
	const char *name;
	enum group group;
	void (*set)(struct mount_spec *m);
} words[] = {
	{ "rw", WRITE, rw },		 { "ro", WRITE, ro },
	{ "exec", EXEC, exec },		 { "noexec", EXEC, noexec },
	{ "suid", SUID, suid },		 { "nosuid", SUID, nosuid },
	{ "dev", DEV, dev },		 { "nodev", DEV, nodev },
	{ "z", LABEL, label },		 { "Z", LABEL, label },
	{ "O", LABEL, overlay },	 { "U", OWNER, chown_it },
	{ "private", SPREAD, private },	 { "rprivate", SPREAD, rprivate },
	{ "slave", SPREAD, slave },	 { "rslave", SPREAD, rslave },
	{ "shared", SPREAD, shared },	 { "rshared", SPREAD, rshared },
	{ "rbind", RECURSE, rbind },	 { "bind", RECURSE, bind },
	{ "copy", COPY, copy },		 { "nocopy", COPY, nocopy },
};

static const struct word *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(name, words[i].name))
			return &words[i];
	return NULL;
}

bool mount_word_known(const char *word)
{
	return find(word) || starts_with(word, "upperdir=") || starts_with(word, "workdir=");
}

static int refuse_second(const struct strv *said, const char *what, struct err *err)
{
	CLEAN(buf_done) struct buf all = { 0 };

	for (size_t i = 0; i < said->n; i++)
		buf_addf(&all, "%s%s", i ? ", " : "", said->v[i]);
	return err_set(err, ERR_USAGE, "invalid options \"%.200s\", can only specify 1 %s option",
		       buf_str(&all), what);
}

/* Of an overlay that stays: both directories are the user's. */
static int set_layer(char **field, const char *text, struct err *err)
{
	free(ptr_take(field));
	return mount_source_find(strchr(text, '=') + 1, field, err);
}

static int apply_one(const struct strv *said, const char *text, bool seen[GROUPS],
		     struct mount_spec *m, struct err *err)
{
	const struct word *w = find(text);

	if (starts_with(text, "upperdir="))
		return set_layer(&m->upper, text, err);
	if (starts_with(text, "workdir="))
		return set_layer(&m->work, text, err);
	/* Docker's words for other systems, which say nothing on this one. */
	if (streq(text, "cached") || streq(text, "delegated") || streq(text, "consistent"))
		return 0;
	if (streq(text, "idmap") || starts_with(text, "idmap="))
		return err_set(err, ERR_UNSUPPORTED, "'%s' takes mounts that only root can make",
			       text);
	if (streq(text, "unbindable") || streq(text, "runbindable"))
		return err_set(err, ERR_UNSUPPORTED, "the option '%s' is not known to this version",
			       text);
	if (!w)
		return err_set(err, ERR_USAGE, "invalid option type \"%s\"", text);
	if (seen[w->group])
		return refuse_second(said, group_texts[w->group], err);
	seen[w->group] = true;
	w->set(m);
	return 0;
}

int mount_words_apply(const struct strv *said, struct mount_spec *m, struct err *err)
{
	bool seen[GROUPS] = { false };

	for (size_t i = 0; i < said->n; i++)
		if (*said->v[i] && apply_one(said, said->v[i], seen, m, err) < 0)
			return -1;
	if ((m->upper || m->work) && !m->overlay)
		return err_set(err, ERR_USAGE, "upperdir= and workdir= are an overlay's: 'O'");
	if (!m->upper != !m->work)
		return err_set(err, ERR_USAGE, "must specify both upperdir and workdir");
	return 0;
}

int mount_target_clean(const char *text, char **ret, struct err *err)
{
	CLEAN(buf_done) struct buf out = { 0 };
	CLEAN(clean_free) char *copied = xstrdup(text);
	char *part, *rest;

	if (*text != '/')
		return err_set(err, ERR_USAGE,
			       "invalid container path \"%s\", must be an absolute path", text);
	for (part = strtok_r(copied, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		if (streq(part, "..")) {
			while (out.len && out.data[--out.len] != '/')
				;
			if (out.data)
				out.data[out.len] = '\0';
		} else if (!streq(part, ".")) {
			buf_addf(&out, "/%s", part);
		}
	}
	if (!out.len)
		return err_set(err, ERR_USAGE, "'%s' can't be mounted on", text);
	*ret = xstrdup(buf_str(&out));
	return 0;
}

int mount_source_find(const char *text, char **ret, struct err *err)
{
	char path[PATH_MAX];

	if (!*text)
		return err_set(err, ERR_USAGE, "host directory cannot be empty");
	if (!realpath(text, path)) {
		if (errno == ENOENT)
			return err_set(err, ERR_NOT_FOUND, "statfs %s: no such file or directory",
				       text);
		return err_sys(err, "statfs %s", text);
	}
	*ret = xstrdup(path);
	return 0;
}
