#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/session.h"

#define MAX_SUBID_FILE (16u << 20)

/* "name:first:count" or "uid:first:count"; anything else is not for us. */
static bool parse_line(const char *line, const char *name, uid_t uid, struct id_range *ret)
{
	char owner[256], number[16];
	unsigned long first, count;

	snprintf(number, sizeof(number), "%u", uid);
	if (sscanf(line, "%255[^:]:%lu:%lu", owner, &first, &count) != 3)
		return false;
	if (!streq(owner, number) && !(name && streq(owner, name)))
		return false;
	if (count == 0 || first == 0 || first > UINT32_MAX - 1 || count > UINT32_MAX - 1 - first)
		return false;
	*ret = (struct id_range){ .outside = (uint32_t)first, .count = (uint32_t)count };
	return true;
}

/* Appends the caller's ranges, one after the other from 1 on. */
static size_t read_ranges(const char *path, const char *name, uid_t uid, struct id_range *ranges,
			  size_t n)
{
	CLEAN(buf_done) struct buf text = { 0 };
	uint32_t next = 1;
	char *line, *rest;

	if (file_read_at(AT_FDCWD, path, MAX_SUBID_FILE, &text, NULL) < 0)
		return n;
	for (line = strtok_r(text.data, "\n", &rest); line && n < ID_RANGES_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct id_range r;

		if (!parse_line(line, name, uid, &r) || r.count > UINT32_MAX - 1 - next)
			continue;
		r.inside = next;
		next += r.count;
		ranges[n++] = r;
	}
	return n;
}

static bool in_path(const char *program)
{
	CLEAN(clean_free) char *path = xstrdup(getenv("PATH") ?: "/usr/bin:/bin");
	char *dir, *rest;

	for (dir = strtok_r(path, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
		CLEAN(clean_free) char *file = xasprintf("%s/%s", dir, program);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* Each ID of our own namespace, as itself: user_namespaces(7), "uid_map". */
static size_t read_own(const char *path, struct id_range *ranges)
{
	CLEAN(buf_done) struct buf text = { 0 };
	char *line, *rest;
	size_t n = 0;

	if (file_read_at(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return 0;
	for (line = strtok_r(text.data, "\n", &rest); line && n < ID_RANGES_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct id_range r = { 0 };

		if (sscanf(line, "%u %*u %u", &r.inside, &r.count) != 2)
			continue;
		r.outside = r.inside;
		ranges[n++] = r;
	}
	return n;
}

static bool map_of_session(bool single, struct id_map *ret)
{
	struct id_map map = { .inherited = true };

	if (!session_is_here())
		return false;
	map.n_uids = read_own("/proc/self/uid_map", map.uids);
	map.n_gids = read_own("/proc/self/gid_map", map.gids);
	if (!map.n_uids || !map.n_gids)
		return false;
	map.single = single || (map.n_uids == 1 && map.uids[0].count == 1);
	if (map.single) {
		map.n_uids = map.n_gids = 1;
		map.uids[0].count = map.gids[0].count = 1;
	}
	*ret = map;
	return true;
}

void id_map_of_caller(bool single, struct id_map *ret)
{
	uid_t uid = geteuid();
	struct id_map map = {
		.uids = { { .inside = 0, .outside = uid, .count = 1 } },
		.gids = { { .inside = 0, .outside = getegid(), .count = 1 } },
		.n_uids = 1,
		.n_gids = 1,
		.single = single,
	};
	struct passwd *pw;

	if (map_of_session(single, ret))
		return;
	if (!single) {
		pw = getpwuid(uid);
		map.n_uids = read_ranges("/etc/subuid", pw ? pw->pw_name : NULL, uid, map.uids, 1);
		map.n_gids = read_ranges("/etc/subgid", pw ? pw->pw_name : NULL, uid, map.gids, 1);
		if (map.n_uids == 1 || map.n_gids == 1)
			snprintf(map.why_single, sizeof(map.why_single),
				 "no range for '%.64s' in /etc/sub%s", pw ? pw->pw_name : "you",
				 map.n_uids == 1 ? "uid" : "gid");
		else if (!in_path("newuidmap") || !in_path("newgidmap"))
			snprintf(map.why_single, sizeof(map.why_single),
				 "newuidmap is not installed (package uidmap)");
		if (map.why_single[0])
			map.single = true;
	}
	if (map.single)
		map.n_uids = map.n_gids = 1;
	*ret = map;
}

/* Range by range of the mapping, in as many pieces as the outer map has there. */
static int go_through(const struct id_range *outer, size_t n_outer, const struct id_ranges *mapping,
		      const char *what, struct id_range *ret, size_t *ret_n, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < mapping->n; i++) {
		struct id_range left = mapping->v[i];

		while (left.count) {
			const struct id_range *o = outer;
			uint32_t skip, count;

			while (o < outer + n_outer &&
			       (left.outside < o->inside || left.outside - o->inside >= o->count))
				o++;
			if (o == outer + n_outer) {
				err_set(err, ERR_DENIED,
					"%s %u is not among those that you have: not enough "
					"IDs available in user namespace",
					what, left.outside);
				return err_hint(err,
						"a wider range for you in /etc/subuid and "
						"/etc/subgid, and newuidmap (package uidmap) give "
						"more");
			}
			if (n == ID_RANGES_MAX)
				return err_set(err, ERR_USAGE, "more than %d ranges of IDs",
					       ID_RANGES_MAX);
			skip = left.outside - o->inside;
			count = left.count < o->count - skip ? left.count : o->count - skip;
			ret[n++] = (struct id_range){ left.inside, o->outside + skip, count };
			left.inside += count;
			left.outside += count;
			left.count -= count;
		}
	}
	*ret_n = n;
	return 0;
}

int id_map_through(const struct id_map *outer, const struct id_mapping *mapping, struct id_map *ret,
		   struct err *err)
{
	struct id_map map = { .single = outer->single, .inherited = outer->inherited };

	if (go_through(outer->uids, outer->n_uids, &mapping->uids, "user", map.uids, &map.n_uids,
		       err) < 0 ||
	    go_through(outer->gids, outer->n_gids, &mapping->gids, "group", map.gids, &map.n_gids,
		       err) < 0)
		return -1;
	*ret = map;
	return 0;
}

bool id_map_has(const struct id_map *map, uid_t uid, gid_t gid)
{
	uint32_t ignored;

	return id_ranges_find(map->uids, map->n_uids, uid, &ignored) &&
	       id_ranges_find(map->gids, map->n_gids, gid, &ignored);
}

static uint32_t first_of(const struct id_range *ranges, size_t n)
{
	uint32_t ignored;

	return !n || id_ranges_find(ranges, n, 0, &ignored) ? 0 : ranges[0].inside;
}

uid_t id_map_root(const struct id_map *map)
{
	return first_of(map->uids, map->n_uids);
}

gid_t id_map_root_group(const struct id_map *map)
{
	return first_of(map->gids, map->n_gids);
}

bool id_map_has_caller(const struct id_map *map)
{
	bool user = false, group = false;

	for (size_t i = 0; i < map->n_uids; i++)
		user = user || geteuid() - map->uids[i].outside < map->uids[i].count;
	for (size_t i = 0; i < map->n_gids; i++)
		group = group || getegid() - map->gids[i].outside < map->gids[i].count;
	return user && group;
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *err)
{
	char path[64];
	CLEAN(clean_fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(err, "cannot write '%s'", path);
	return 0;
}

static int write_single(const struct id_map *map, pid_t child, struct err *err)
{
	char line[48];

	/*
	 * An unprivileged group map is allowed only once setgroups(2) is not: user_namespaces(7).
	 */
	if (write_proc(child, "setgroups", "deny", err) < 0)
		return -1;
	snprintf(line, sizeof(line), "%u %u 1\n", map->uids[0].inside, map->uids[0].outside);
	if (write_proc(child, "uid_map", line, err) < 0)
		return -1;
	snprintf(line, sizeof(line), "%u %u 1\n", map->gids[0].inside, map->gids[0].outside);
	return write_proc(child, "gid_map", line, err);
}

/* Root may map what is its own. */
static int write_ranges(pid_t child, const char *file, const struct id_range *ranges, size_t n,
			struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%u %u %u\n", ranges[i].inside, ranges[i].outside, ranges[i].count);
	return write_proc(child, file, buf_str(&text), err);
}

/* The kernel wants none of them to lie in two ranges of the map above: they are cut as map is. */
static int write_cut(const struct id_ranges *mapping, const struct id_range *map, size_t n,
		     pid_t child, const char *file, struct err *err)
{
	struct id_range cut[ID_RANGES_MAX];

	for (size_t i = 0; i < n; i++) {
		cut[i] = map[i];
		id_ranges_find(mapping->v, mapping->n, map[i].inside, &cut[i].outside);
	}
	return write_ranges(child, file, cut, n, err);
}

int id_mapping_write(const struct id_mapping *mapping, const struct id_map *map, pid_t child,
		     struct err *err)
{
	if (write_cut(&mapping->uids, map->uids, map->n_uids, child, "uid_map", err) < 0)
		return -1;
	return write_cut(&mapping->gids, map->gids, map->n_gids, child, "gid_map", err);
}

static int spawn_helper(const char *helper, pid_t child, const struct id_range *ranges, size_t n,
			int complaints, pid_t *ret_pid, struct err *err)
{
	const struct fd_map fds[] = { { complaints, STDERR_FILENO }, FD_MAP_END };
	CLEAN(strv_done) struct strv argv = { 0 };

	strv_add(&argv, helper);
	strv_addf(&argv, "%d", (int)child);
	for (size_t i = 0; i < n; i++) {
		strv_addf(&argv, "%u", ranges[i].inside);
		strv_addf(&argv, "%u", ranges[i].outside);
		strv_addf(&argv, "%u", ranges[i].count);
	}
	return proc_spawn((const char *const *)argv.v, fds, ret_pid, err);
}

/* The helpers' own words, on one line. */
static int helpers_failed(int complaints, struct err *err)
{
	CLEAN(clean_free) char *safe = NULL;
	char text[300];
	ssize_t n = read(complaints, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	safe = str_printable(text);
	err_set(err, ERR_DENIED, "cannot map subordinate IDs: %s",
		*safe ? safe : "newuidmap or newgidmap failed");
	return err_hint(err,
			"check your ranges in /etc/subuid and /etc/subgid and that newuidmap is "
			"set-user-ID root; --userns=single does without");
}

int id_map_write(const struct id_map *map, pid_t child, struct err *err)
{
	CLEAN(clean_fd) int complaints = -1;
	CLEAN(clean_fd) int their_end = -1;
	pid_t uids, gids;
	int ends[2], uid_code, gid_code;

	if (map->single)
		return write_single(map, child, err);
	if (map->inherited)
		return write_ranges(child, "uid_map", map->uids, map->n_uids, err) < 0 ?
			       -1 :
			       write_ranges(child, "gid_map", map->gids, map->n_gids, err);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe");
	complaints = ends[0];
	their_end = ends[1];
	if (spawn_helper("newuidmap", child, map->uids, map->n_uids, their_end, &uids, err) < 0)
		return -1;
	if (spawn_helper("newgidmap", child, map->gids, map->n_gids, their_end, &gids, err) < 0) {
		proc_reap(uids);
		return -1;
	}
	uid_code = proc_reap(uids);
	gid_code = proc_reap(gids);
	return uid_code || gid_code ? helpers_failed(complaints, err) : 0;
}
