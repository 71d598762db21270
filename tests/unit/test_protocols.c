/* runtime: what parent and child, and monitor and clients, say to one another. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/execute.h"
#include "runtime/sync.h"

/* --- the sync protocol --- */

TEST(stages_are_met_in_order_and_carry_descriptors)
{
	CLEAN(clean_fd) int parent = -1;
	CLEAN(clean_fd) int child = -1;
	int fd = -1, ends[2] = {-1, -1};
	char byte = 0;

	CHECK(sync_pair(&parent, &child, NULL) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	CHECK(fcntl(parent, F_GETFD) == FD_CLOEXEC && fcntl(child, F_GETFD) == FD_CLOEXEC);
	CHECK(sync_send(parent, SYNC_ID_MAPS, -1, NULL) == 0);
	CHECK(sync_expect(child, SYNC_ID_MAPS, &fd, NULL, NULL) == 0 && fd == -1);
	CHECK(sync_send(child, SYNC_NETWORK, ends[1], NULL) == 0);
	CHECK(sync_expect(parent, SYNC_NETWORK, &fd, NULL, NULL) == 0 && fd >= 0 && fd != ends[1]);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(write(fd, "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x');
	close(fd);
	close(ends[1]);
	/* A descriptor that nobody asked for is not left open. */
	CHECK(sync_send(child, SYNC_TERMINAL, ends[0], NULL) == 0);
	fd = dup(0);
	close(fd);
	CHECK(sync_expect(parent, SYNC_TERMINAL, NULL, NULL, NULL) == 0);
	int next = dup(0);
	CHECK(next == fd);
	close(next);
	close(ends[0]);
	close(fd_take(&child));
	CHECK(sync_expect(parent, SYNC_EXEC, NULL, NULL, NULL) == 0);
}

TEST(the_end_is_an_error_at_every_stage_but_the_last)
{
	for (enum sync_stage stage = SYNC_ID_MAPS; stage <= SYNC_EXEC; stage++) {
		CLEAN(clean_fd) int parent = -1;
		CLEAN(clean_fd) int child = -1;
		struct err e = {0};
		int fd = -1, code = 4711;

		CHECK(sync_pair(&parent, &child, NULL) == 0);
		close(fd_take(&child));
		CHECK((sync_expect(parent, stage, &fd, &code, &e) == 0) == (stage == SYNC_EXEC));
		CHECK(fd == -1 && code == 4711 && (e.kind == ERR_SYSTEM) == (stage != SYNC_EXEC));
		CHECK(sync_send(parent, stage, -1, &e) < 0); /* and no SIGPIPE */
	}
}

TEST(a_failure_comes_whole_instead_of_any_stage)
{
	for (enum sync_stage stage = SYNC_ID_MAPS; stage <= SYNC_EXEC; stage++) {
		CLEAN(clean_fd) int parent = -1;
		CLEAN(clean_fd) int child = -1;
		struct err why = {0}, e = {0};
		int code = 0;

		CHECK(sync_pair(&parent, &child, NULL) == 0);
		err_set(&why, ERR_NOT_FOUND, "cannot bind volumes: '/x'");
		err_hint(&why, "make it");
		/* With something of the parent's unread: ECONNRESET comes before the message. */
		CHECK(sync_send(parent, SYNC_ID_MAPS, -1, NULL) == 0);
		sync_fail(child, 127, &why);
		close(fd_take(&child));
		CHECK(sync_expect(parent, stage, NULL, &code, &e) < 0 && code == 127);
		CHECK(e.kind == ERR_NOT_FOUND && streq(e.text, why.text) &&
		      streq(e.hint, "make it"));
	}
}

TEST(another_stage_than_the_one_expected_is_an_error)
{
	CLEAN(clean_fd) int parent = -1;
	CLEAN(clean_fd) int child = -1;
	struct err e = {0};
	int fd = -1;

	CHECK(sync_pair(&parent, &child, NULL) == 0);
	CHECK(sync_send(child, SYNC_TERMINAL, 0, NULL) == 0);
	CHECK(sync_expect(parent, SYNC_NETWORK, &fd, NULL, &e) < 0 && e.kind == ERR_SYSTEM &&
	      fd == -1);
	CHECK(sync_send(child, SYNC_NETWORK, -1, NULL) == 0);
	CHECK(sync_expect(parent, SYNC_EXEC, NULL, NULL, &e) < 0);
	CHECK(write(child, "short", 5) == 5);
	CHECK(sync_expect(parent, SYNC_NETWORK, NULL, NULL, &e) < 0 && e.sys == EBADMSG);
}

/* --- frames --- */

TEST(frames_keep_their_kind_and_bytes)
{
	static struct frame f;
	static char data[FRAME_DATA_MAX];
	int pair[2] = {-1, -1};

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	CHECK(frame_send(pair[0], FRAME_STDOUT, data, sizeof(data), 0) == 0);
	CHECK(frame_send(pair[0], FRAME_STDIN, NULL, 0, 0) == 0);
	CHECK(frame_send(pair[0], FRAME_STDERR, "a\0b", 3, 0) == 0);
	CHECK(frame_receive(pair[1], &f) == FRAME_DATA_MAX && f.kind == FRAME_STDOUT);
	CHECK(memcmp(f.data, data, sizeof(data)) == 0);
	CHECK(frame_receive(pair[1], &f) == 0 && f.kind == FRAME_STDIN);
	CHECK(frame_receive(pair[1], &f) == 3 && f.kind == FRAME_STDERR &&
	      memcmp(f.data, "a\0b", 3) == 0);
	while (frame_send(pair[0], FRAME_STDOUT, data, sizeof(data), MSG_DONTWAIT) == 0)
		;
	CHECK(errno == EAGAIN);
	/* What was sent before the end is heard before the end, whatever the peer had unread. */
	CHECK(frame_send(pair[1], FRAME_SIGNAL, &(int){15}, sizeof(int), 0) == 0);
	close(pair[0]);
	CHECK(frame_receive(pair[1], &f) == FRAME_DATA_MAX);
	while (frame_receive(pair[1], &f) >= 0)
		;
	CHECK(frame_receive(pair[1], &f) == -2);
	CHECK(frame_send(pair[1], FRAME_STDIN, "x", 1, 0) < 0 && errno == EPIPE);
	close(pair[1]);
}

TEST(the_client_hears_how_the_start_went)
{
	struct attach_failure failure = {.exit_code = 126};
	struct err e = {0};
	int pair[2] = {-1, -1}, code = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	err_set(&failure.err, ERR_DENIED, "cannot execute 'x'");
	frame_send(pair[0], FRAME_STARTED, NULL, 0, 0);
	frame_send(pair[0], FRAME_FAILED, &failure, sizeof(failure), 0);
	CHECK(attach_await_start(pair[1], &code, &e) == 0);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 126 && e.kind == ERR_DENIED);
	frame_send(pair[0], FRAME_FAILED, "short", 5, 0);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 125);
	close(pair[0]);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 125 && e.kind == ERR_SYSTEM);
	close(pair[1]);
}

/*
 * A client between a flood of input and a monitor that takes none: it sends no more than a frame
 * until that is taken, so that a signal is never stuck behind it.
 */
TEST(a_client_gives_one_frame_of_input_at_a_time_and_passes_on_signals)
{
	static struct frame f;
	int pair[2] = {-1, -1}, input[2] = {-1, -1}, code = -1, sig = 0;
	struct err e = {0};
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pipe2(input, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/zero", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		close(pair[0]);
		_exit(attach_stream(&(struct attach){ .sock = pair[1], .with_stdin = true }, &code, &e) == 0 ? code : 99);
	}
	close(pair[1]);
	alarm(60);
	CHECK(frame_receive(pair[0], &f) > 0 && f.kind == FRAME_STDIN);
	kill(pid, SIGTERM);
	CHECK(frame_receive(pair[0], &f) == (int)sizeof(sig) && f.kind == FRAME_SIGNAL);
	memcpy(&sig, f.data, sizeof(sig));
	CHECK(sig == SIGTERM);
	CHECK(recv(pair[0], &f, sizeof(f), MSG_DONTWAIT) < 0 && errno == EAGAIN);
	CHECK(frame_send(pair[0], FRAME_TAKEN, NULL, 0, 0) == 0);
	CHECK(frame_receive(pair[0], &f) > 0 && f.kind == FRAME_STDIN);
	CHECK(frame_send(pair[0], FRAME_EXIT, &(int){7}, sizeof(int), 0) == 0);
	CHECK(proc_reap(pid) == 7);
	alarm(0);
	close(pair[0]);
	close(input[0]);
	close(input[1]);
}

TEST(a_client_whose_monitor_dies_says_so)
{
	struct err e = {0};
	int pair[2] = {-1, -1}, code = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	close(pair[0]);
	CHECK(attach_stream(&(struct attach){ .sock = pair[1] }, &code, &e) < 0 && code != 0 &&
	      e.kind == ERR_SYSTEM);
	close(pair[1]);
}

int main(void)
{
	RUN(stages_are_met_in_order_and_carry_descriptors);
	RUN(the_end_is_an_error_at_every_stage_but_the_last);
	RUN(a_failure_comes_whole_instead_of_any_stage);
	RUN(another_stage_than_the_one_expected_is_an_error);
	RUN(frames_keep_their_kind_and_bytes);
	RUN(the_client_hears_how_the_start_went);
	RUN(a_client_gives_one_frame_of_input_at_a_time_and_passes_on_signals);
	RUN(a_client_whose_monitor_dies_says_so);
	return test_summary();
}
