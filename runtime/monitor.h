/*
 * The monitor: the one process of ours that stays with a container. It launches it, keeps its log,
 * serves the clients that are attached, sees to its health and its restarts, and records how it
 * ended.
 */
#ifndef RUNTIME_MONITOR_H
#define RUNTIME_MONITOR_H

#include "runtime/launch.h"
#include "runtime/log_file.h"

struct monitor {
	struct launch launch; /* all but stdio */
	bool hold;	      /* launch.hold until a client says FRAME_GO; needs a listener */
	bool attached;	      /* the client wants the streams, not only to hear of the start */
	bool stdin_once;      /* stdin ends with the client */
	struct log_config log;
	int log_dir;	      /* where it is kept */
	/* Opens the socket that further clients attach by. NULL: there are to be none. */
	int (*open_listener)(void *arg, int *ret_fd, struct err *err);
	const int *keep;      /* the descriptors that the functions below and in launch need */
	size_t n_keep;
	/*
	 * Before it runs again, where it has namespaces of others: launch.donors of their processes
	 * of now, in their place. ERR_BUSY: one does not run, and may again.
	 */
	int (*find_donors)(void *arg, int donors[NS_KINDS], struct err *err);
	/*
	 * Its program runs, again perhaps. unsupervised: its calls were to be answered, and can't
	 * be. NULL: nobody wants to know.
	 */
	void (*running)(void *arg, bool unsupervised);
	/* There is news of its health check. changed: its status is another. May be NULL. */
	void (*health)(void *arg, const struct health *h, bool changed);
	/*
	 * Its policy says that it runs again: stop what was started beside it, and record how this
	 * run ended. NULL where the policy is RESTART_NO.
	 */
	void (*restarting)(void *arg, int exit_code);
	/*
	 * What carries its network: a descriptor to be watched, or -1; what to do when there is
	 * something to read; true: the network is lost, and *ret_loss what to tell the clients. And
	 * to start it anew. May be NULL together.
	 */
	int (*network_fd)(void *arg);
	bool (*network_news)(void *arg, struct err *ret_loss);
	int (*network_reload)(void *arg, struct err *err);
	/*
	 * The container has ended: stop what was started beside it, record it or let it vanish.
	 * by_user: it was stopped.
	 */
	void (*exited)(void *arg, int exit_code, bool by_user);
	/* The client knows, and need not wait for this: delete, reap. */
	void (*closing)(void *arg);
	/* It never ran. */
	void (*failed)(void *arg);
};

/*
 * Forks the monitor, which outlives us. *ret_client is our end of the socket to it
 * (runtime/attach.h), where FRAME_STARTED or FRAME_FAILED comes first.
 */
int monitor_start(const struct monitor *m, int *ret_client, struct err *err);

#endif
