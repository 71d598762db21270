#include "cmd/start_network.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "cmd/event.h"
#include "cmd/start.h"
#include "net/network.h"
#include "net/pasta.h"

static bool may_run_again(const struct container_spec *spec)
{
	return spec->restart.kind != RESTART_NO || spec->health.action == HEALTH_RESTART;
}

static int begin(struct start *s, struct err *err)
{
	struct start_network *n = &s->net;

	if (s->spec.network == NETWORK_PASTA)
		return pasta_start(n->container, &s->spec.network_options, s->ports.v, s->ports.n,
				   &n->pid, &n->control, err);
	if (network_start(n->frames, &s->spec.network_options, s->ports.v, s->ports.n, &n->pid,
			  &n->control, err) < 0)
		return -1;
	/* They are tiffin-net's now, and free when it ends; unless another is to have them. */
	if (!may_run_again(&s->spec))
		port_list_close(&s->ports);
	return 0;
}

int start_network(void *arg, pid_t pid, int frames, struct err *err)
{
	struct start *s = arg;

	s->net.container = pid;
	if (frames >= 0) {
		s->net.frames = fcntl(frames, F_DUPFD_CLOEXEC, 3);
		if (s->net.frames < 0)
			return err_sys(err, "cannot keep the network's frames");
	}
	return begin(s, err);
}

int start_network_fd(void *arg)
{
	return ((const struct start *)arg)->net.control;
}

static void note(struct start *s, bool lost)
{
	s->state.network_lost = lost;
	container_save_state(&s->dir, &s->state, NULL);
}

bool start_network_news(void *arg, struct err *ret_loss)
{
	struct start *s = arg;
	struct err why = { .kind = ERR_NONE };

	if (dns_answer(s->net.control, &s->net.dns, &why))
		return false;
	kill(s->net.pid, SIGKILL);
	proc_reap(s->net.pid);
	s->net.pid = 0;
	clean_fd(&s->net.control);
	note(s, true);
	event_container(&s->t->store, s->record, "network_lost", "reason", why.text, NULL);
	err_set(ret_loss, ERR_NETWORK, "container %s has lost its network%s%s", s->name,
		*why.text ? ": " : "", why.text);
	err_hint(ret_loss, "'tiffin network reload %s' brings it back", s->name);
	return true;
}

/* Its ports have been free since it was lost, and may be somebody else's by now. */
static int bind_again(struct start *s, struct err *err)
{
	for (size_t i = 0; i < s->ports.n; i++)
		s->ports.v[i].held = s->ports.v[i].shared;
	if (!may_run_again(&s->spec) && port_list_bind(&s->ports, err) < 0)
		return -1;
	if (s->spec.network == NETWORK_PASTA)
		port_list_close(&s->ports);
	return 0;
}

int start_network_reload(void *arg, struct err *err)
{
	struct start *s = arg;

	if (s->spec.network != NETWORK_PRIVATE && s->spec.network != NETWORK_PASTA)
		return err_set(err, ERR_UNSUPPORTED,
			       "container %s has no network of its own to be reloaded", s->name);
	if (s->net.pid > 0) {
		network_stop(s->net.control, s->net.pid);
		proc_reap(s->net.pid);
		s->net.pid = 0;
		clean_fd(&s->net.control);
	}
	s->net.dns = (struct dns_told){ .file = { .st_dev = 0 } };
	if (bind_again(s, err) < 0 || begin(s, err) < 0 ||
	    (s->spec.network == NETWORK_PRIVATE && network_await(s->net.control, err) < 0)) {
		port_list_close(&s->ports);
		note(s, true);
		return -1;
	}
	note(s, false);
	event_container(&s->t->store, s->record, "network_reload", NULL);
	return 0;
}

void start_network_stop(struct start *s)
{
	if (s->net.pid <= 0)
		return;
	/* What has no ports need not be waited for. */
	if (port_list_is_published(&s->ports) || s->spec.network == NETWORK_PASTA)
		network_stop(s->net.control, s->net.pid);
	else
		kill(s->net.pid, SIGKILL);
}

void start_network_reap(struct start *s)
{
	if (s->net.pid > 0)
		proc_reap(s->net.pid);
	s->net.pid = 0;
	clean_fd(&s->net.control);
	clean_fd(&s->net.frames);
	s->state.network_lost = false;
}
