#include "cmd/security_options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/helper.h"
#include "runtime/caps.h"

const struct opt security_opts[] = {
	{ 0, "cap-add", "CAPABILITY", "add one, or ALL (repeatable)", set_list,
	  FIELD(security_options, cap_add) },
	{ 0, "cap-drop", "CAPABILITY", "drop one, or ALL (repeatable)", set_list,
	  FIELD(security_options, cap_drop) },
	{ 0, "security-opt", "OPTION", "seccomp=FILE|unconfined, no-new-privileges[=false], "
	  "mask=PATH:PATH, unmask=ALL|PATH:PATH (repeatable)", set_list,
	  FIELD(security_options, opts) },
	{ 0, "privileged", NULL,
	  "all capabilities in its own namespaces, no filter, nothing masked, the "
	  "devices that you may open", set_flag, FIELD(security_options, privileged) },
	{ 0 },
};

void security_options_done(struct security_options *o)
{
	strv_done(&o->cap_add);
	strv_done(&o->cap_drop);
	strv_done(&o->opts);
	*o = (struct security_options){ 0 };
}

static int build_caps(const struct security_options *o, uint64_t *ret, struct err *err)
{
	uint64_t caps = caps_default(), drop = 0, one;

	if (o->privileged && caps_parse("ALL", &caps, err) < 0)
		return -1;
	for (size_t i = 0; i < o->cap_drop.n; i++) {
		if (caps_parse(o->cap_drop.v[i], &one, err) < 0)
			return -1;
		drop |= one;
	}
	caps &= ~drop;
	/* "--cap-drop ALL --cap-add X" is X: what is added by name stays. */
	for (size_t i = 0; i < o->cap_add.n; i++) {
		if (caps_parse(o->cap_add.v[i], &one, err) < 0)
			return -1;
		caps |= one & (one - 1) ? one & ~drop : one;
	}
	*ret = caps;
	return 0;
}

/* A security module's profile that tiffin would have to set. It sets none; where there is none, any
 * wish that means "as it is" is granted. */
static int check_label(const char *value, struct err *err)
{
	static const char *const kinds[] = { "user:", "role:", "type:", "level:", "filetype:" };

	if (streq(value, "disable") || streq(value, "nested"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!starts_with(value, kinds[i]))
			continue;
		if (access("/sys/fs/selinux/enforce", F_OK) < 0)
			return 0;
		return err_set(err, ERR_UNSUPPORTED,
			       "--security-opt label=%s: this version sets no "
			       "SELinux labels",
			       value);
	}
	return err_set(err, ERR_USAGE,
		       "--security-opt label=%s: use disable, user:, role:, type:, level: "
		       "or filetype:",
		       value);
}

static int check_apparmor(const char *value, struct err *err)
{
	if (streq(value, "unconfined"))
		return 0; /* tiffin confines by none; what confines the caller can't be left */
	if (access("/sys/kernel/security/apparmor", F_OK) < 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "apparmor profile \"%s\" specified, but Apparmor is not "
			       "enabled on this system",
			       value);
	return err_set(err, ERR_UNSUPPORTED,
		       "--security-opt apparmor=%s: this version sets no AppArmor "
		       "profile",
		       value);
}

/* "/a:/b" */
static int add_paths(const char *option, const char *value, bool all, struct strv *ret,
		     struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(value);
	char *rest = copy, *path;

	while ((path = strsep(&rest, ":"))) {
		if (*path != '/' && !(all && streq(path, "ALL")))
			return err_set(err, ERR_USAGE,
				       "--security-opt %s=%s: '%s' is not an absolute path", option,
				       value, path);
		strv_add(ret, path);
	}
	return 0;
}

static int set_no_new_privileges(const char *value, struct container_spec *spec, struct err *err)
{
	bool no_new = true;

	if (set_flag(&no_new, value, err) < 0)
		return err_wrap(err, "--security-opt no-new-privileges");
	spec->new_privileges = !no_new;
	return 0;
}

static int set_seccomp(const char *value, struct container_spec *spec, char **profile)
{
	free(ptr_take(profile));
	spec->seccomp = !streq(value, "unconfined");
	if (!streq(value, "unconfined") && !streq(value, "builtin") && !streq(value, "default"))
		*profile = xstrdup(value);
	return 0;
}

/* "NAME", "NAME=VALUE" or, docker's older way, "NAME:VALUE". */
static int apply_one(const char *text, struct container_spec *spec, char **profile, struct err *err)
{
	size_t len = strcspn(text, "=:");
	CLEAN(clean_free) char *name = xstrndup(text, len);
	const char *value = text[len] ? text + len + 1 : NULL;

	if (streq(name, "no-new-privileges"))
		return set_no_new_privileges(value, spec, err);
	if (!value)
		return err_set(err, ERR_USAGE, "invalid --security-opt: \"%s\"", text);
	if (streq(name, "seccomp") && *value)
		return set_seccomp(value, spec, profile);
	if (streq(name, "label"))
		return check_label(value, err);
	if (streq(name, "apparmor"))
		return check_apparmor(value, err);
	if (streq(name, "mask"))
		return add_paths(name, value, false, &spec->masked, err);
	if (streq(name, "unmask"))
		return add_paths(name, value, true, &spec->unmasked, err);
	if (streq(text, "systempaths=unconfined"))
		return add_paths("unmask", "ALL", true, &spec->unmasked, err);
	return err_set(err, ERR_UNSUPPORTED,
		       "invalid --security-opt: \"%s\": this version knows seccomp, "
		       "no-new-privileges, mask, unmask, label and apparmor",
		       text);
}

int security_options_apply(const struct security_options *o, struct container_spec *spec,
			   char **ret_profile, struct err *err)
{
	CLEAN(clean_free) char *profile = NULL;

	spec->privileged = o->privileged;
	spec->new_privileges = o->privileged;
	spec->seccomp = !o->privileged;
	for (size_t i = 0; i < o->opts.n; i++)
		if (apply_one(o->opts.v[i], spec, &profile, err) < 0)
			return -1;
	if (build_caps(o, &spec->caps, err) < 0)
		return -1;
	*ret_profile = ptr_take(&profile);
	return 0;
}

int security_compile(struct tiffin *t, const char *profile, struct container_spec *spec,
		     struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	CLEAN(strv_done) struct strv caps = { 0 };

	if (!profile)
		return 0;
	fd = open(profile, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "opening seccomp profile failed: open %s", profile);
	for (unsigned int i = 0; caps_name(i); i++)
		if (spec->caps & UINT64_C(1) << i)
			strv_addf(&caps, "CAP_%s", caps_name(i));
	if (helper_seccomp(t, fd, &caps, &spec->seccomp_filter, err) < 0)
		return err_wrap(err, "loading seccomp profile (%s) failed", profile);
	return 0;
}
