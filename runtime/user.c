#include "runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define ID_MAX	     INT32_MAX
#define FILE_MAX_LEN (16u << 20) /* a million lines of /etc/passwd end somewhere here */
#define FIELDS_MAX   7

/* Opens a file of the image's to read; NULL where there is none. */
static FILE *open_database(int root, const char *path)
{
	CLEAN(clean_fd)
	int fd = open_resolved(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_IN_ROOT);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	f = fdopen(fd, "re");
	if (f)
		fd_take(&fd);
	return f;
}

/*
 * The next line, split at its colons; false at the end. Lines that are too long are passed over,
 * and what lies beyond FILE_MAX_LEN is not read.
 */
static bool next_fields(FILE *f, char *line, int size, size_t *budget, char *fields[FIELDS_MAX],
			size_t *ret_n)
{
	while (fgets(line, size, f)) {
		size_t len = strlen(line);
		bool whole = len && line[len - 1] == '\n';
		int c = 0;

		while (!whole && len < *budget && (c = getc(f)) != EOF && c != '\n')
			len++;
		if (len == 0 || len >= *budget)
			return false;
		*budget -= len;
		if (!whole && c == '\n')
			continue;
		line[strcspn(line, "\n")] = '\0';
		*ret_n = 0;
		for (char *p = line; p && *ret_n < FIELDS_MAX;)
			fields[(*ret_n)++] = strsep(&p, ":");
		return true;
	}
	return false;
}

/* A decimal ID. -1: not a number at all; -2: a number out of range. */
static int64_t parse_id(const char *s)
{
	char *end;
	unsigned long long n;

	if (!*s || s[strspn(s, "0123456789")])
		return *s == '-' && s[1] && !s[1 + strspn(s + 1, "0123456789")] ? -2 : -1;
	errno = 0;
	n = strtoull(s, &end, 10);
	return errno || n > ID_MAX ? -2 : (int64_t)n;
}

struct passwd_line {
	char name[256], home[256];
	int64_t uid, gid;
	bool found;
};

/* By name where name is given, else by uid. */
static int find_passwd(int root, const char *name, int64_t uid, struct passwd_line *ret,
		       struct err *err)
{
	CLEAN(clean_file) FILE *f = open_database(root, "/etc/passwd");
	char line[1024], *fields[FIELDS_MAX];
	size_t n, budget = FILE_MAX_LEN;

	*ret = (struct passwd_line){ 0 };
	while (f && next_fields(f, line, sizeof(line), &budget, fields, &n)) {
		int64_t line_uid;

		if (n < 4)
			continue;
		line_uid = parse_id(fields[2]);
		if (name ? !streq(fields[0], name) : line_uid != uid)
			continue;
		ret->uid = line_uid;
		ret->gid = parse_id(fields[3]);
		if (ret->uid < 0 || ret->gid < 0)
			return err_set(err, ERR_USAGE,
				       "user '%.64s' has an ID that is out of range",
				       name ? name : fields[2]);
		snprintf(ret->name, sizeof(ret->name), "%s", fields[0]);
		snprintf(ret->home, sizeof(ret->home), "%s",
			 n >= 6 && fields[5][0] == '/' ? fields[5] : "/");
		ret->found = true;
		return 0;
	}
	return 0;
}

static bool has_member(char *members, const char *name)
{
	for (char *m; (m = strsep(&members, ","));)
		if (streq(m, name))
			return true;
	return false;
}

static int add_group(struct user *u, gid_t gid, struct err *err)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups == USER_GROUPS_MAX)
		return err_set(err, ERR_USAGE, "the user is in more than %d groups",
			       USER_GROUPS_MAX);
	u->groups[u->n_groups++] = gid;
	return 0;
}

/*
 * Finds the group by name (where given) and adds the groups that member belongs to (where given).
 */
static int read_groups(int root, const char *name, int64_t *ret_gid, const char *member,
		       struct user *u, struct err *err)
{
	CLEAN(clean_file) FILE *f = open_database(root, "/etc/group");
	char line[16384], *fields[FIELDS_MAX];
	size_t n, budget = FILE_MAX_LEN;

	while (f && next_fields(f, line, sizeof(line), &budget, fields, &n)) {
		int64_t gid = n >= 3 ? parse_id(fields[2]) : -1;

		if (name && *ret_gid == -1 && n >= 3 && streq(fields[0], name)) {
			if (gid < 0)
				return err_set(err, ERR_USAGE,
					       "group '%.64s' has an ID that is out of range",
					       name);
			*ret_gid = gid;
		}
		if (member && n >= 4 && gid >= 0 && has_member(fields[3], member) &&
		    add_group(u, (gid_t)gid, err) < 0)
			return -1;
	}
	return 0;
}

/* A group by name or number. */
static int resolve_group(int root, const char *text, int64_t *ret, struct err *err)
{
	struct user nobody = { 0 };
	int64_t gid = parse_id(text);

	if (gid == -2)
		return err_set(err, ERR_USAGE, "group ID '%.64s' is out of range", text);
	if (gid == -1 && read_groups(root, text, &gid, NULL, &nobody, err) < 0)
		return -1;
	if (gid < 0)
		return err_set(err, ERR_NOT_FOUND,
			       "unable to find group %.64s: no matching entries in group file",
			       text);
	*ret = gid;
	return 0;
}

int user_add_groups(int root, const struct strv *groups, struct user *u, struct err *err)
{
	for (size_t i = 0; i < groups->n; i++) {
		int64_t gid;

		if (resolve_group(root, groups->v[i], &gid, err) < 0 ||
		    add_group(u, (gid_t)gid, err) < 0)
			return -1;
	}
	return 0;
}

bool user_group_known(int root, gid_t gid)
{
	CLEAN(clean_file) FILE *f = open_database(root, "/etc/group");
	char line[16384], *fields[FIELDS_MAX];
	size_t n, budget = FILE_MAX_LEN;

	while (f && next_fields(f, line, sizeof(line), &budget, fields, &n))
		if (n >= 3 && parse_id(fields[2]) == (int64_t)gid)
			return true;
	return false;
}

int user_resolve(int root, const char *text, struct user *ret, struct err *err)
{
	struct user u = { .home = "/" };
	CLEAN(clean_free) char *user = xstrdup(text && *text ? text : "0");
	char *group = strchr(user, ':');
	struct passwd_line line;
	int64_t uid, gid = -1;

	if (group)
		*group++ = '\0';
	uid = parse_id(*user ? user : "0");
	if (uid == -2)
		return err_set(err, ERR_USAGE, "user ID '%.64s' is out of range", user);
	if (find_passwd(root, uid < 0 ? user : NULL, uid, &line, err) < 0)
		return -1;
	if (uid < 0 && !line.found)
		return err_set(err, ERR_NOT_FOUND,
			       "unable to find user %.64s: no matching entries in passwd file",
			       user);
	u.uid = (uid_t)(line.found ? line.uid : uid);
	if (line.found) {
		u.gid = (gid_t)line.gid;
		u.in_passwd = true;
		snprintf(u.home, sizeof(u.home), "%s", line.home);
	}
	if (group && *group) {
		if (resolve_group(root, group, &gid, err) < 0)
			return -1;
		u.gid = (gid_t)gid;
	}
	if (add_group(&u, u.gid, err) < 0)
		return -1;
	/*
	 * With a group of the caller's choice the user's other groups do not apply, as in docker.
	 */
	if (gid < 0 && line.found && read_groups(root, NULL, NULL, line.name, &u, err) < 0)
		return -1;
	*ret = u;
	return 0;
}

int user_name_of(int root, bool group, unsigned int id, char ret[USER_NAME_MAX])
{
	CLEAN(clean_file) FILE *f = open_database(root, group ? "/etc/group" : "/etc/passwd");
	char line[16384], *fields[FIELDS_MAX];
	size_t n, budget = FILE_MAX_LEN;

	while (f && next_fields(f, line, sizeof(line), &budget, fields, &n)) {
		if (n < 3 || parse_id(fields[2]) != (int64_t)id || !*fields[0])
			continue;
		snprintf(ret, USER_NAME_MAX, "%s", fields[0]);
		return 0;
	}
	return -1;
}
