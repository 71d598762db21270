/*
 * An answer is sent when the round is over and all our copies of the container's descriptors are closed:
 * what it does next must find that nobody else holds them. An epoll instance forgets a socket with the last
 * descriptor of it, a port is free when its last listener is closed.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "net/fast_parts.h"

struct fast_said {
	struct notification call;
	int error;
	uint64_t inode;
	int sock; /* or -1 */
	bool cloexec;
};

static struct fast_said *say(struct fast *f, const struct notification *n)
{
	f->said = xrealloc(f->said, (f->n_said + 1) * sizeof(*f->said));
	f->said[f->n_said] = (struct fast_said){ .call = *n, .sock = -1 };
	return &f->said[f->n_said++];
}

void fast_answer(struct fast *f, const struct notification *n, int error, uint64_t inode)
{
	struct fast_said *s = say(f, n);

	s->error = error;
	s->inode = inode;
}

void fast_answer_socket(struct fast *f, const struct notification *n, int sock, bool cloexec)
{
	struct fast_said *s = say(f, n);

	s->sock = sock;
	s->cloexec = cloexec;
}

static void send_one(struct fast *f, struct fast_said *s)
{
	bool heard;

	if (s->sock >= 0) {
		notify_return_fd(&s->call, s->sock, s->cloexec);
		guard_close(&s->sock);
		return;
	}
	heard = s->error ? notify_fail(&s->call, s->error) : notify_return(&s->call, 0);
	if (!heard && s->inode)
		f->shared->owed[f->shared->next_owed++ % FAST_OWED_MAX] = s->inode;
}

void fast_send_answers(struct fast *f)
{
	for (size_t i = 0; i < f->n_said; i++)
		send_one(f, &f->said[i]);
	f->n_said = 0;
}

void fast_owe(struct fast *f, const struct notification *n, uint64_t inode)
{
	struct fast_said s = { .call = *n, .inode = inode, .sock = -1 };

	send_one(f, &s);
}

void fast_unfinished(struct fast *f, uint64_t inode)
{
	f->shared->unfinished[f->shared->next_unfinished++ % FAST_UNFINISHED_MAX] = inode;
}

bool fast_finish(struct fast *f, uint64_t inode)
{
	for (size_t i = 0; i < FAST_UNFINISHED_MAX; i++)
		if (f->shared->unfinished[i] == inode) {
			f->shared->unfinished[i] = 0;
			return true;
		}
	return false;
}

bool fast_is_owed(struct fast *f, const struct notification *n, uint64_t inode)
{
	for (size_t i = 0; i < FAST_OWED_MAX; i++)
		if (f->shared->owed[i] == inode) {
			f->shared->owed[i] = 0;
			return true;
		}
	/* A supervisor before us has died in the middle of it. */
	return n->note && n->note->tries > 1;
}
