/*
 * What carries a container's network, from the monitor's side: it is started, heard, perhaps lost
 * and started again, and ended with the container.
 */
#ifndef CMD_START_NETWORK_H
#define CMD_START_NETWORK_H

#include <sys/types.h>

#include "base/err.h"
#include "net/dns.h"

struct start;

/* In struct start. The frames are kept for who carries them next; -1 where pasta does. */
struct start_network {
	pid_t pid; /* of tiffin-net, or of pasta's guard; 0: there is none */
	int control, frames;
	pid_t container; /* its first process */
	struct dns_told dns;
};
#define START_NETWORK_INIT { .control = -1, .frames = -1 }

/* As struct launch has it. */
int start_network(void *arg, pid_t pid, int frames, struct err *err);

/* As struct monitor has them. */
int start_network_fd(void *arg);
bool start_network_news(void *arg, struct err *ret_loss);
int start_network_reload(void *arg, struct err *err);

/* Its ports are free when this returns, if it has any; it is to be reaped. */
void start_network_stop(struct start *s);
void start_network_reap(struct start *s);

#endif
