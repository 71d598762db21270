/* Calls that a supervisor answers: base/notify, base/notify_loop, runtime/supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/supervisor.h"
#include "runtime/sync.h"
#include "test.h"

static const struct notify_call calls[] = {
	{ SYS_getppid },
	{ SYS_getpriority, { { 0, ~0u, PRIO_USER } } },
	{ SYS_dup3, { { 2, O_CLOEXEC, O_CLOEXEC }, { 1, ~0u, 77 } } },
	{ SYS_chdir },
	{ SYS_timerfd_create },
};

/* What survives a supervisor. */
struct shared {
	int prepared;
	int unready; /* so many supervisors are still to lack what they need */
	int gone; /* is who watched over the caller, */
	int code; /* who then says this */
	int deaths; /* so many supervisors are still to die of a call */
	int seen;
};

static bool handle(struct notify_loop *l, const struct notification *n, void *arg)
{
	struct shared *shared = arg;
	char path[16];

	(void)l;
	shared->seen++;
	if (shared->deaths > 0) {
		shared->deaths--;
		_exit(1);
	}
	switch (n->data.nr) {
	case SYS_getppid:
		notify_return(n, 42);
		return true;
	case SYS_chdir:
		if (notify_read_string(n, n->data.args[0], path, sizeof(path)) < 0)
			notify_fail(n, errno);
		else
			notify_fail(n, strcmp(path, "/asked") == 0 ? EDOM : ERANGE);
		return true;
	case SYS_timerfd_create:
		notify_return(n, notify_add_fd(n, STDIN_FILENO, 50, true));
		return true;
	case SYS_dup3:
		notify_fail(n, EXDEV);
		return true;
	default:
		return false;
	}
}

static int prepare(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	struct shared *shared = arg;

	(void)init;
	if (shared && shared->unready > 0) {
		shared->unready--;
		return err_set(err, ERR_SYSTEM, "unready");
	}
	if (shared)
		shared->prepared++;
	notify_loop_handle(loop, handle, arg);
	return 0;
}

static struct shared *make_shared(void)
{
	return mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* A process under supervision that does the work; its exit status. */
static int supervised(const struct supervision *s, int (*work)(void))
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct supervisor v = SUPERVISOR_INIT;
	int listener = -1, pidfd, code;
	pid_t pid;

	if (sync_pair(&ours, &theirs, NULL) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (notify_install(s->calls, s->n_calls, &listener, NULL) < 0 ||
		    sync_send(theirs, SYNC_CALLS, listener, NULL) < 0)
			_exit(100);
		close(listener);
		_exit(work());
	}
	pidfd = pidfd_open(pid, 0);
	if (sync_expect(ours, SYNC_CALLS, &listener, NULL, NULL) < 0 ||
	    supervisor_start(s, listener, pidfd, false, &v, NULL) < 0)
		return -1;
	for (;;) {
		struct pollfd p[1 + SUPERVISOR_POLLS] = { { pidfd, POLLIN, 0 } };

		supervisor_polls(s, &v, &p[1]);
		poll(p, ARRAY_SIZE(p), -1);
		if (p[0].revents)
			break;
		supervisor_again(s, pidfd, false, &v);
	}
	code = proc_reap(pid);
	close(pidfd);
	supervisor_done(&v);
	return code;
}

static struct supervision supervision_of(struct shared *shared)
{
	return (struct supervision){
		.calls = calls,
		.n_calls = ARRAY_SIZE(calls),
		.prepare = prepare,
		.door = -1,
		.arg = shared,
	};
}

static int ask(void)
{
	if (syscall(SYS_getppid) != 42)
		return 1;
	if (chdir("/asked") == 0 || errno != EDOM)
		return 2;
	if (chdir("/a/path/that/is/too/long") == 0 || errno != ENAMETOOLONG)
		return 3;
	if (syscall(SYS_chdir, 1) == 0 || errno != EFAULT)
		return 4;
	return 0;
}

TEST(a_call_is_answered_in_its_place)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	CHECK(supervised(&s, ask) == 0);
	CHECK(shared->seen == 4);
}

static int ask_under_conditions(void)
{
	errno = 0;
	getpriority(PRIO_PROCESS, 0);
	if (errno)
		return 1;
	getpriority(PRIO_USER, getuid()); /* goes on, when it has been seen */
	if (errno)
		return 2;
	if (dup3(0, 78, O_CLOEXEC) != 78 || dup3(0, 77, 0) != 77)
		return 3;
	if (dup3(0, 77, O_CLOEXEC) >= 0 || errno != EXDEV)
		return 4;
	return 0;
}

TEST(conditions_tell_which_calls_are_seen)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	CHECK(supervised(&s, ask_under_conditions) == 0);
	CHECK(shared->seen == 2);
}

static int get_descriptor(void)
{
	if (syscall(SYS_timerfd_create, 0, 0) != 50)
		return 1;
	return fcntl(50, F_GETFD) == FD_CLOEXEC ? 0 : 2;
}

TEST(a_descriptor_is_put_where_it_is_wanted)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	CHECK(supervised(&s, get_descriptor) == 0);
}

TEST(a_call_outlives_its_supervisor)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	shared->deaths = 1;
	CHECK(supervised(&s, ask) == 0);
	CHECK(shared->seen == 5);
}

static int kill_two(void)
{
	if (syscall(SYS_getppid) >= 0 || errno != EIO)
		return 1;
	return ask();
}

TEST(what_has_killed_two_supervisors_fails)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	shared->deaths = 2;
	CHECK(supervised(&s, kill_two) == 0);
}

static int kill_all(void)
{
	for (int i = 0; i < 50; i++)
		if (syscall(SYS_getppid) >= 0)
			return 1;
	errno = 0;
	return syscall(SYS_getppid) < 0 && errno == ENOSYS ? 0 : 2;
}

TEST(who_kills_a_hundred_has_none_in_the_end)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	shared->deaths = 1000;
	CHECK(supervised(&s, kill_all) == 0);
	CHECK(shared->seen == 100);
}

static int ask_nothing(void)
{
	return 0;
}

TEST(a_lazy_one_is_there_when_it_is_called)
{
	struct shared *shared = make_shared();
	struct supervision s = supervision_of(shared);

	s.lazy = true;
	CHECK(supervised(&s, ask_nothing) == 0);
	CHECK(shared->prepared == 0);
	shared->deaths = 1;
	CHECK(supervised(&s, ask) == 0);
	CHECK(shared->prepared == 2 && shared->seen == 5);
}

static int without_processes(void)
{
	return chdir("/a/path/that/is/too/long") < 0 && errno == EAGAIN ? 0 : 1;
}

TEST(a_lazy_one_that_cannot_be_started_fails_a_call)
{
	struct shared *shared = make_shared();
	struct supervision s = supervision_of(shared);

	s.lazy = true;
	s.prepare = NULL;
	CHECK(supervised(&s, without_processes) == 0);
}

static int until_one_is_ready(void)
{
	for (int i = 0; i < 150; i++)
		if (chdir("/asked") == 0 || errno != EAGAIN)
			return 1;
	return chdir("/asked") < 0 && errno == EDOM ? 0 : 2;
}

TEST(a_lazy_one_that_lacks_something_fails_a_call_and_lets_none_go_on)
{
	struct shared *shared = make_shared();
	struct supervision s = supervision_of(shared);

	s.lazy = true;
	shared->unready = 150;
	CHECK(supervised(&s, until_one_is_ready) == 0);
	CHECK(shared->prepared == 1 && shared->seen == 1);
}

/* --- events --- */

struct swap {
	int fd[2];
	struct shared *shared;
};

static void on_nothing(struct notify_loop *l, uint32_t events, void *arg)
{
	struct swap *s = arg;

	(void)l;
	(void)events;
	s->shared->seen += 100;
}

/* Both are readable. The one that is told of first has another take the second one's number. */
static void on_one(struct notify_loop *l, uint32_t events, void *arg)
{
	struct swap *s = arg;
	CLEAN(clean_fd) int silent = eventfd(0, EFD_CLOEXEC);

	(void)events;
	for (int i = 0; i < 2; i++)
		notify_loop_forget(l, s->fd[i]);
	for (int i = 0; i < 2; i++)
		if (dup3(silent, s->fd[i], O_CLOEXEC) < 0 ||
		    notify_loop_watch(l, s->fd[i], EPOLLIN, on_nothing, s) < 0)
			_exit(1);
	s->shared->seen++;
}

static int prepare_swap(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	static struct swap s;

	s.shared = arg;
	for (int i = 0; i < 2; i++) {
		s.fd[i] = eventfd(1, EFD_CLOEXEC);
		if (notify_loop_watch(loop, s.fd[i], EPOLLIN, on_one, &s) < 0)
			return -1;
	}
	return prepare(arg, loop, init, err);
}

TEST(an_event_is_not_given_to_who_has_the_number_since)
{
	struct shared *shared = make_shared();
	struct supervision s = supervision_of(shared);

	s.prepare = prepare_swap;
	CHECK(supervised(&s, ask) == 0);
	CHECK(shared->seen == 4 + 1);
}

/* --- the door --- */

static const char door_path[] = "door";

static int knock(void *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)arg;
	memcpy(a.sun_path, door_path, sizeof(door_path));
	return connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : sock;
}

static const struct supervision *second;

static int (*work_of_another)(void);
static struct shared *left_behind;

/* A process that goes on when the one that made it, and the one that watched that, have gone. */
static int ask_later(void)
{
	if (fork())
		return 0;
	while (!__atomic_load_n(&left_behind->gone, __ATOMIC_ACQUIRE))
		usleep(1000);
	__atomic_store_n(&left_behind->code, 1 + ask(), __ATOMIC_RELEASE);
	_exit(0);
}

static int supervised_by_another(void)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct supervisor v = SUPERVISOR_INIT;
	int listener = -1, pidfd, code;
	pid_t pid;

	/* Not of the one that is supervised already: a listener is inherited. */
	sync_pair(&ours, &theirs, NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (notify_install(second->calls, second->n_calls, &listener, NULL) < 0 ||
		    sync_send(theirs, SYNC_CALLS, listener, NULL) < 0)
			_exit(100);
		close(listener);
		_exit(work_of_another());
	}
	pidfd = pidfd_open(pid, 0);
	if (sync_expect(ours, SYNC_CALLS, &listener, NULL, NULL) < 0 ||
	    supervisor_start(second, listener, pidfd, true, &v, NULL) < 0 || v.pid)
		return 101;
	for (;;) {
		struct pollfd p[1 + SUPERVISOR_POLLS] = { { pidfd, POLLIN, 0 } };

		supervisor_polls(second, &v, &p[1]);
		poll(p, ARRAY_SIZE(p), -1);
		if (p[0].revents)
			break;
		supervisor_again(second, pidfd, true, &v);
	}
	code = v.pid ? 102 : proc_reap(pid);
	supervisor_finish(second, &v);
	supervisor_done(&v);
	close(pidfd);
	return code;
}

static int wait_for_byte(void)
{
	char c;

	return read(STDIN_FILENO, &c, 1) == 1 ? 0 : 1;
}

/* While somebody is supervised who calls nothing, another one comes by the door, and does this. */
static void by_the_door(struct shared *shared, bool lazy, int (*work)(void))
{
	struct supervision first = supervision_of(shared);
	struct supervision other = supervision_of(NULL);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int input[2];
	pid_t pid;

	first.lazy = other.lazy = lazy;
	memcpy(a.sun_path, door_path, sizeof(door_path));
	unlink(door_path);
	first.door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(bind(first.door, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(first.door, 8) == 0);
	CHECK(pipe(input) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(input[0], STDIN_FILENO);
		_exit(supervised(&first, wait_for_byte));
	}
	other.knock = knock;
	second = &other;
	work_of_another = work;
	CHECK(supervised_by_another() == 0);
	/* What it has left behind. */
	__atomic_store_n(&shared->gone, 1, __ATOMIC_RELEASE);
	while (work == ask_later && !__atomic_load_n(&shared->code, __ATOMIC_ACQUIRE))
		usleep(1000);
	CHECK(write(input[1], "x", 1) == 1);
	CHECK(proc_reap(pid) == 0);
	close(first.door);
	unlink(door_path);
}

TEST(further_callers_come_by_the_door)
{
	struct shared *shared = make_shared();

	by_the_door(shared, false, ask);
	CHECK(shared->seen == 4 && shared->prepared == 1);
}

TEST(a_lazy_one_hears_knocks_and_who_calls_nothing_does_not_knock)
{
	struct shared *shared = make_shared();

	by_the_door(shared, true, ask_nothing);
	CHECK(shared->prepared == 0);
	by_the_door(shared, true, ask);
	CHECK(shared->seen == 4 && shared->prepared == 1);
}

TEST(who_is_left_behind_comes_by_the_door_as_well)
{
	struct shared *shared = make_shared();

	left_behind = shared;
	by_the_door(shared, true, ask_later);
	CHECK(shared->code == 1 && shared->prepared == 1);
}

static int install_again(void)
{
	struct err err = { 0 };
	int listener;

	return notify_install(calls, 1, &listener, &err) < 0 && err.kind == ERR_UNSUPPORTED ? 0 : 1;
}

TEST(nobody_has_two_supervisors)
{
	struct shared *shared = make_shared();
	const struct supervision s = supervision_of(shared);

	CHECK(supervised(&s, install_again) == 0);
}

int main(void)
{
	char dir[] = "/tmp/test-notify.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	RUN(a_call_is_answered_in_its_place);
	RUN(conditions_tell_which_calls_are_seen);
	RUN(a_descriptor_is_put_where_it_is_wanted);
	RUN(a_call_outlives_its_supervisor);
	RUN(what_has_killed_two_supervisors_fails);
	RUN(who_kills_a_hundred_has_none_in_the_end);
	RUN(a_lazy_one_is_there_when_it_is_called);
	RUN(a_lazy_one_that_cannot_be_started_fails_a_call);
	RUN(a_lazy_one_that_lacks_something_fails_a_call_and_lets_none_go_on);
	RUN(a_lazy_one_hears_knocks_and_who_calls_nothing_does_not_knock);
	RUN(who_is_left_behind_comes_by_the_door_as_well);
	RUN(an_event_is_not_given_to_who_has_the_number_since);
	RUN(further_callers_come_by_the_door);
	RUN(nobody_has_two_supervisors);
	rmdir(dir);
	return test_summary();
}
