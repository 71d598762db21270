#include "runtime/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

void client_set_add(struct client_set *set, int sock, bool attached, bool owner)
{
	if (set->n == CLIENTS_MAX) {
		close(sock);
		return;
	}
	set->v[set->n++] = (struct client){ .sock = sock, .attached = attached, .owner = owner };
}

void client_drop(struct client *c)
{
	if (c->sock >= 0)
		close(c->sock);
	free(c->frames);
	free(c->lengths);
	*c = (struct client){ .sock = -1, .owner = c->owner };
}

bool client_set_tidy(struct client_set *set)
{
	bool owner = false;
	size_t kept = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].sock >= 0)
			set->v[kept++] = set->v[i];
		else
			owner = owner || set->v[i].owner;
	}
	set->n = kept;
	return owner;
}

bool client_set_is_full(const struct client_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].n && !set->v[i].leaving)
			return true;
	return false;
}

static void enqueue(struct client *c, enum frame_kind kind, const void *data, size_t len)
{
	c->frames = xrealloc(c->frames, (c->n + 1) * sizeof(*c->frames));
	c->lengths = xrealloc(c->lengths, (c->n + 1) * sizeof(*c->lengths));
	c->frames[c->n].kind = (char)kind;
	if (len)
		memcpy(c->frames[c->n].data, data, len);
	c->lengths[c->n++] = len;
}

void client_flush(struct client *c)
{
	size_t sent = 0;

	while (c->sock >= 0 && sent < c->n) {
		const struct frame *f = &c->frames[sent];

		if (frame_send(c->sock, (enum frame_kind)f->kind, f->data, c->lengths[sent],
			       MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN)
				break;
			client_drop(c);
			return;
		}
		sent++;
	}
	if (!sent)
		return;
	memmove(c->frames, c->frames + sent, (c->n - sent) * sizeof(*c->frames));
	memmove(c->lengths, c->lengths + sent, (c->n - sent) * sizeof(*c->lengths));
	c->n -= sent;
	if (c->leaving && !c->n)
		client_drop(c);
}

void client_tell(struct client *c, enum frame_kind kind, const void *data, size_t len)
{
	if (c->sock < 0 || (c->n == 0 && frame_send(c->sock, kind, data, len, MSG_DONTWAIT) == 0))
		return;
	enqueue(c, kind, data, len);
	client_flush(c);
}

void client_set_tell(struct client_set *set, enum frame_kind kind, const void *data, size_t len)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].attached && !set->v[i].leaving)
			client_tell(&set->v[i], kind, data, len);
}

void client_set_end(struct client_set *set, int exit_code, bool last_run)
{
	for (size_t i = 0; i < set->n; i++) {
		struct client *c = &set->v[i];

		if (c->leaving || (!c->attached && !last_run))
			continue;
		client_tell(c, FRAME_EXIT, &exit_code, sizeof(exit_code));
		c->leaving = true;
		if (c->sock >= 0 && !c->n)
			client_drop(c);
	}
}

void client_set_thank(struct client_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (!set->v[i].gave)
			continue;
		set->v[i].gave = false;
		client_tell(&set->v[i], FRAME_TAKEN, NULL, 0);
	}
}

void client_set_drain(struct client_set *set)
{
	for (;;) {
		struct pollfd p[CLIENTS_MAX];
		bool waiting = false;

		for (size_t i = 0; i < set->n; i++) {
			p[i] = (struct pollfd){ .fd = set->v[i].n ? set->v[i].sock : -1,
						.events = POLLOUT };
			waiting = waiting || set->v[i].n;
		}
		if (!waiting)
			return;
		if (poll(p, set->n, -1) < 0)
			continue;
		for (size_t i = 0; i < set->n; i++)
			if (p[i].revents)
				client_flush(&set->v[i]);
	}
}
