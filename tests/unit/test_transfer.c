/* cp's receiving side, told what no sender of ours would say, and the paths that cp resolves. */
#include "tests/unit/storage_scene.h"

#include <errno.h>
#include <sys/socket.h>

#include "storage/locate.h"
#include "storage/transfer.h"
#include "storage/transfer_message.h"

/*
 * A sender: the messages, with the descriptor of a file for those that are one. The other side's end is
 * closed in it: once nobody else has that, sending fails.
 */
static pid_t start_sender(int sock, int other, const struct transfer_message *m, size_t n, int content)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(other);
	for (size_t i = 0; i < n; i++) {
		union {
			char space[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control = { 0 };
		struct iovec part = { (void *)&m[i],
				      offsetof(struct transfer_message, target) + strlen(m[i].target) + 1 };
		struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
		struct cmsghdr *c;

		if (m[i].kind == TRANSFER_FILE) {
			msg.msg_control = &control;
			msg.msg_controllen = sizeof(control.space);
			c = CMSG_FIRSTHDR(&msg);
			*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
					       .cmsg_len = CMSG_LEN(sizeof(int)) };
			memcpy(CMSG_DATA(c), &content, sizeof(int));
		}
		if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
			break; /* it has heard enough */
	}
	_exit(0);
}

/* Into work/into, which is made anew; its descriptor is the target's. */
static int receive(const struct transfer_message *m, size_t n, struct transfer_target to, struct err *err)
{
	CLEAN(clean_fd) int content = -1;
	int from, at, result;
	pid_t pid;

	write_file(work, "content", "mine");
	content = openat(work, "content", O_RDONLY | O_CLOEXEC);
	CHECK(transfer_pair(&from, &at, NULL) == 0);
	pid = start_sender(from, at, m, n, content);
	close(from);
	result = transfer_receive(at, &to, err);
	close(at);
	proc_reap(pid);
	return result;
}

static int fresh_directory(void)
{
	int fd;

	tree_remove_at(work, "into", NULL);
	mkdirat(work, "into", 0755);
	mkdirat(work, "canary", 0755);
	write_file(work, "canary/secret", "secret");
	fd = openat(work, "into", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static bool canary_is_whole(void)
{
	CLEAN(buf_done) struct buf text = { 0 };

	return count(work, "canary") == 1 && file_read_at(work, "canary/secret", 100, &text, NULL) == 0 &&
	       streq(buf_str(&text), "secret");
}

static const char *const no_names[] = { "..", ".", "", "../canary/x", "a/b", "/tmp" };

TEST(names_that_are_paths_are_made_nowhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_names); i++) {
		struct transfer_message m[] = {
			{ .kind = TRANSFER_DIRECTORY, .mode = 0755, .name = "d" },
			{ .kind = TRANSFER_FILE, .mode = 0644 },
			{ .kind = TRANSFER_LEAVE },
			{ .kind = TRANSFER_END },
		};
		CLEAN(clean_fd) int into = fresh_directory();
		const struct transfer_target to = { .dir = into, .name = "d", .text = "d", .host = true };
		const struct transfer_target there = { .dir = into, .name = ".", .text = ".", .host = true };
		struct err e = { 0 };

		snprintf(m[1].name, sizeof(m[1].name), "%s", no_names[i]);
		CHECK(receive(m, 4, to, &e) < 0 && e.kind == ERR_NETWORK);
		CHECK(count(into, "d") == 0 && count(work, "into") == 1);
		/* As the first, into a directory that is there: the name is the sender's, too. */
		CHECK(receive(m + 1, 1, there, &e) < 0);
		CHECK(count(work, "into") == 1 && canary_is_whole());
	}
}

TEST(a_sender_that_breaks_off_has_not_sent_all)
{
	const struct transfer_message m[] = { { .kind = TRANSFER_DIRECTORY, .mode = 0755, .name = "d" } };
	CLEAN(clean_fd) int into = fresh_directory();
	const struct transfer_target to = { .dir = into, .name = "d", .text = "d", .host = true };
	struct err e = { 0 };
	int from, at;

	CHECK(receive(m, 1, to, &e) < 0 && e.kind == ERR_NETWORK);
	CHECK(transfer_pair(&from, &at, NULL) == 0 && send(from, "half", 4, 0) == 4);
	CHECK(transfer_receive(at, &to, &e) < 0 && e.kind == ERR_NETWORK);
	close(from);
	close(at);
}

TEST(directories_within_each_other_are_bounded)
{
	CLEAN(clean_free) struct transfer_message *m = xcalloc(600, sizeof(*m));
	CLEAN(clean_fd) int into = fresh_directory();
	const struct transfer_target to = { .dir = into, .name = "d", .text = "d", .host = true };
	struct err e = { 0 };

	for (size_t i = 0; i < 600; i++)
		m[i] = (struct transfer_message){ .kind = TRANSFER_DIRECTORY, .mode = 0755, .name = "d" };
	CHECK(receive(m, 600, to, &e) < 0 && e.kind == ERR_UNSUPPORTED);
}

TEST(nothing_of_a_container_is_setuid_on_the_host)
{
	const struct transfer_message m[] = {
		{ .kind = TRANSFER_FILE, .mode = 06755, .name = "f" }, { .kind = TRANSFER_END },
	};
	CLEAN(clean_fd) int into = fresh_directory();
	const struct transfer_target to = { .dir = into, .name = "f", .text = "f", .host = true };
	struct stat st;

	CHECK(receive(m, 2, to, NULL) == 0);
	CHECK(fstatat(into, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0755 && st.st_size == 4);
}

TEST(what_is_in_the_way_is_replaced_and_not_followed)
{
	const struct transfer_message file[] = {
		{ .kind = TRANSFER_FILE, .mode = 0644, .name = "x" }, { .kind = TRANSFER_END },
	};
	const struct transfer_message directory[] = {
		{ .kind = TRANSFER_DIRECTORY, .mode = 0755, .name = "x" },
		{ .kind = TRANSFER_FILE, .mode = 0644, .name = "secret" },
		{ .kind = TRANSFER_LEAVE }, { .kind = TRANSFER_END },
	};
	CLEAN(clean_fd) int into = fresh_directory();
	struct transfer_target to = { .dir = into, .name = "x", .text = "x", .host = true };
	struct err e = { 0 };
	struct stat st;

	CHECK(symlinkat("../canary/secret", into, "x") == 0);
	CHECK(receive(file, 2, to, NULL) == 0);
	CHECK(fstatat(into, "x", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
	CHECK(unlinkat(into, "x", 0) == 0 && symlinkat("../canary", into, "x") == 0);
	CHECK(receive(directory, 4, to, &e) < 0 && e.kind == ERR_EXISTS && canary_is_whole());
	to.overwrite = true;
	CHECK(receive(directory, 4, to, NULL) == 0);
	CHECK(exists(into, "x/secret") && canary_is_whole());
	/* A directory gives way to a file only where that was asked for. */
	CHECK(mkdirat(into, "top", 0755) == 0 && renameat(into, "x", into, "top/x") == 0);
	to = (struct transfer_target){ .dir = into, .name = "top", .text = "top", .host = true };
	CHECK(receive(file, 2, to, &e) < 0 && e.kind == ERR_EXISTS && exists(into, "top/x/secret"));
}

TEST(paths_lead_nowhere_out_of_the_root)
{
	static const char *const out[] = { "/up/secret", "/up/../canary/secret", "/../canary/secret",
					   "/abs/secret", "/to-secret" };
	CLEAN(clean_fd) int root = fresh_directory();
	CLEAN(clean_free) char *canary = xasprintf("%s/canary", work_path);
	struct located l = LOCATED_INIT;
	struct err e = { 0 };

	CHECK(symlinkat("../canary", root, "up") == 0 && symlinkat(canary, root, "abs") == 0);
	CHECK(symlinkat("../canary/secret", root, "to-secret") == 0);
	CHECK(symlinkat("loop", root, "loop") == 0 && mkdirat(root, "d", 0755) == 0);
	CHECK(symlinkat("/d", root, "in") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
		CHECK_STR(locate(root, out[i], true, &l, NULL) == 0 && l.exists ? out[i] : "", "");
		located_done(&l);
	}
	CHECK(locate(root, "/loop", true, &l, &e) < 0 && e.sys == ELOOP);
	CHECK(locate(root, "/in", true, &l, NULL) == 0 && l.exists && S_ISDIR(l.st.st_mode));
	located_done(&l);
}

int main(void)
{
	scene_begin("test_transfer");
	RUN(names_that_are_paths_are_made_nowhere);
	RUN(a_sender_that_breaks_off_has_not_sent_all);
	RUN(directories_within_each_other_are_bounded);
	RUN(nothing_of_a_container_is_setuid_on_the_host);
	RUN(what_is_in_the_way_is_replaced_and_not_followed);
	RUN(paths_lead_nowhere_out_of_the_root);
	return scene_end();
}
