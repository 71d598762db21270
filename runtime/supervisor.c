#include "runtime/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "runtime/sync.h"

/* A supervisor that the container can make die is started again, but not for ever. */
#define STARTS_MAX 100

/* What the container's may take to open. */
#define PATIENCE_MS 5000

/* What it has left to do takes less than one. */
#define FINISH_MS 1000

/* How one ends that could not get what it needs: it has looked at no call. */
#define EXIT_UNREADY 2

enum { LISTENER, INIT, DOOR, DESCRIPTORS };

/* Who brought a listener has gone, and so have those who made calls on it. */
static void on_leave(struct notify_loop *loop, uint32_t events, void *arg)
{
	int sock = (int)(intptr_t)arg;

	(void)events;
	notify_loop_forget(loop, sock);
	close(sock);
}

/* Somebody brings a further listener, as a message of the sync protocol, and stays until we die. */
static void on_knock(struct notify_loop *loop, uint32_t events, void *arg)
{
	CLEAN(clean_fd) int sock = accept4(DOOR, NULL, NULL, SOCK_CLOEXEC);
	int listener = -1;

	(void)events;
	(void)arg;
	if (sock >= 0 && sync_expect(sock, SYNC_CALLS, &listener, NULL, NULL) == 0 &&
	    listener >= 0 && notify_loop_listen(loop, listener, NULL) == 0 &&
	    /* NOLINTNEXTLINE(performance-no-int-to-ptr): a number, which is given back */
	    notify_loop_watch(loop, sock, EPOLLIN, on_leave, (void *)(intptr_t)sock) == 0)
		sync_send(fd_take(&sock), SYNC_CALLS, -1, NULL);
}

/* These by their numbers, and else what the handlers need. The monitor has nothing from 0 to 2. */
static int place(const struct supervision *s, int listener, int init)
{
	const int given[DESCRIPTORS] = { listener, init, s->door };

	for (int i = 0; i < DESCRIPTORS; i++)
		if (given[i] >= 0 && dup3(given[i], i, O_CLOEXEC) < 0)
			return -1;
	close_all_but(DESCRIPTORS, s->keep, s->n_keep);
	return 0;
}

static _Noreturn void supervise(const struct supervision *s, struct notify_notes *notes)
{
	struct notify_loop *loop = notify_loop_new(notes, NULL);

	if (!loop || s->prepare(s->arg, loop, INIT, NULL) < 0 ||
	    (s->door >= 0 && notify_loop_watch(loop, DOOR, EPOLLIN, on_knock, NULL) < 0) ||
	    notify_loop_listen(loop, LISTENER, NULL) < 0)
		_exit(EXIT_UNREADY);
	notify_loop_run(loop);
	_exit(0);
}

/* Who has a door of its own is not to knock at it. */
static int knock(const struct supervision *s)
{
	return s->door < 0 && s->knock ? s->knock(s->arg) : -1;
}

/*
 * True: the container's own supervisor answers now. One that has ended for good leaves its door
 * behind; so it does where the container ends, and then init has been killed, whose end is waited
 * for.
 */
static bool hand_over(const struct supervision *s, int init, struct supervisor *v)
{
	CLEAN(clean_fd) int sock = knock(s);
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = init, .events = POLLIN } };

	if (sock < 0 || sync_send(sock, SYNC_CALLS, v->listener, NULL) < 0)
		return false;
	if (poll(p, ARRAY_SIZE(p), PATIENCE_MS) <= 0 || !p[0].revents ||
	    sync_expect(sock, SYNC_CALLS, NULL, NULL, NULL) < 0)
		return false;
	v->alive = fd_take(&sock);
	return true;
}

static int make_notes(struct notify_notes **ret, struct err *err)
{
	void *m = mmap(NULL, sizeof(**ret), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	if (m == MAP_FAILED)
		return err_sys(err, "cannot get memory for the container's supervisor");
	*ret = m;
	return 0;
}

static int start(const struct supervision *s, int init, struct supervisor *v, struct err *err)
{
	sigset_t all;
	pid_t pid;

	if (!s->prepare)
		return err_set(err, ERR_SYSTEM, "the container's supervisor does not answer");
	if (!v->notes && make_notes(&v->notes, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot make the container's supervisor");
	if (pid == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		prctl(PR_SET_NAME, "tiffin-calls");
		if (s->in_supervisor)
			s->in_supervisor(s->arg);
		if (place(s, v->listener, init) < 0)
			_exit(EXIT_UNREADY);
		supervise(s, v->notes);
	}
	v->alive = pidfd_open(pid, 0);
	if (v->alive < 0) {
		err_sys(err, "cannot watch the container's supervisor");
		kill(pid, SIGKILL);
		proc_reap(pid);
		return -1;
	}
	v->pid = pid;
	return 0;
}

static int find_one(const struct supervision *s, int init, bool joins, struct supervisor *v,
		    struct err *err)
{
	if (!(joins && hand_over(s, init, v)) && start(s, init, v, err) < 0)
		return -1;
	v->starts++;
	return 0;
}

int supervisor_start(const struct supervision *s, int listener, int init, bool joins,
		     struct supervisor *ret, struct err *err)
{
	struct supervisor v = { .alive = -1, .listener = listener };

	if (!s->lazy && find_one(s, init, joins, &v, err) < 0) {
		supervisor_done(&v);
		return -1;
	}
	*ret = v;
	return 0;
}

/* Its end; and until there is one, whatever wants it. */
void supervisor_polls(const struct supervision *s, const struct supervisor *v,
		      struct pollfd ret[SUPERVISOR_POLLS])
{
	bool wanted = s && v->listener >= 0 && v->alive < 0;

	ret[0] = (struct pollfd){ .fd = wanted ? v->listener : v->alive, .events = POLLIN };
	ret[1] = (struct pollfd){ .fd = wanted ? s->door : -1, .events = POLLIN };
}

/* Is there nobody left who could make a call? */
static bool is_over(int listener)
{
	struct pollfd p = { .fd = listener };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

/* Out of processes or descriptors, as who calls might be: one call, and one knock, are answered so. */
static void turn_away(const struct supervision *s, const struct supervisor *v)
{
	CLEAN(clean_fd) int sock = s->door >= 0 ? accept4(s->door, NULL, NULL, SOCK_CLOEXEC) : -1;
	struct seccomp_notif buffer = { 0 };
	struct notification n;

	if (notify_receive(v->listener, &buffer, &n) > 0)
		notify_fail(&n, EAGAIN);
}

void supervisor_again(const struct supervision *s, int init, bool joins, struct supervisor *v)
{
	int code = v->pid ? proc_reap(v->pid) : -1;
	bool ended = code == 0 || is_over(v->listener), unready = s->lazy && code == EXIT_UNREADY;

	v->pid = 0;
	clean_fd(&v->alive);
	/* Of a lack that may be over soon nobody is to have died. */
	if (unready)
		v->starts--;
	else if (!ended && v->starts < STARTS_MAX && find_one(s, init, joins, v, NULL) == 0)
		return;
	if (!ended && v->starts < STARTS_MAX && s->lazy)
		turn_away(s, v);
	else
		clean_fd(&v->listener);
}

/* Its monitor ends, and has them supervised by who stays: there is no answer to wait for. */
static void leave_behind(const struct supervision *s, const struct supervisor *v)
{
	CLEAN(clean_fd) int sock = v->alive < 0 && !is_over(v->listener) ? knock(s) : -1;

	if (sock >= 0)
		sync_send(sock, SYNC_CALLS, v->listener, NULL);
}

void supervisor_finish(const struct supervision *s, struct supervisor *v)
{
	if (v->listener >= 0)
		leave_behind(s, v);
	clean_fd(&v->listener);
	if (!v->pid || pidfd_wait(v->alive, FINISH_MS) < 0)
		return;
	proc_reap(v->pid);
	v->pid = 0;
	clean_fd(&v->alive);
}

void supervisor_done(struct supervisor *v)
{
	if (v->pid)
		pidfd_send_signal(v->alive, SIGKILL, NULL, 0);
	if (v->pid)
		proc_reap(v->pid);
	if (v->notes)
		munmap(v->notes, sizeof(*v->notes));
	clean_fd(&v->alive);
	clean_fd(&v->listener);
	*v = (struct supervisor)SUPERVISOR_INIT;
}
