#include "cmd/user_options.h"

#include <stdlib.h>

#include "base/cleanup.h"

#define KEEP_GROUPS "keep-groups"

const struct opt user_opts[] = {
	{ 0, "group-add", "GROUP", "one more group of the user's; keep-groups: yours (repeatable)",
	  set_list, FIELD(user_options, groups) },
	{ 0, "passwd", NULL, "a user that the image has not is entered in /etc/passwd (true)",
	  set_flag, FIELD(user_options, passwd) },
	{ 0, "passwd-entry", "LINE", "that entry, with $USERNAME, $UID, $GID, $NAME, $HOME",
	  set_string, FIELD(user_options, passwd_entry) },
	{ 0, "group-entry", "LINE", "the same in /etc/group, with $GROUPNAME, $GID, $USERLIST",
	  set_string, FIELD(user_options, group_entry) },
	{ 0 },
};

void user_options_done(struct user_options *o)
{
	strv_done(&o->groups);
	free(o->passwd_entry);
	free(o->group_entry);
	*o = (struct user_options){ 0 };
}

static int check_entry(const char *option, const char *entry, struct err *err)
{
	for (const char *p = entry; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, ERR_USAGE, "--%s: an entry is one line of text",
				       option);
	return 0;
}

int user_options_apply(const struct user_options *o, struct container_spec *spec, struct err *err)
{
	if (check_entry("passwd-entry", o->passwd_entry, err) < 0 ||
	    check_entry("group-entry", o->group_entry, err) < 0)
		return -1;
	spec->keep_groups = strv_has(&o->groups, KEEP_GROUPS);
	if (spec->keep_groups && o->groups.n > 1)
		return err_set(err, ERR_USAGE,
			       "the '--group-add keep-groups' option is not allowed with "
			       "any other --group-add options");
	for (size_t i = 0; !spec->keep_groups && i < o->groups.n; i++)
		strv_add(&spec->groups, o->groups.v[i]);
	spec->no_passwd = !o->passwd;
	spec->passwd_entry = xstrdup(o->passwd_entry);
	spec->group_entry = xstrdup(o->group_entry);
	return 0;
}
