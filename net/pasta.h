/*
 * The network by pasta(1), where it is installed: it copies the host's addresses and routes into
 * the container's namespace, and makes sockets of what arrives on its own tap device there.
 */
#ifndef NET_PASTA_H
#define NET_PASTA_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "net/network.h"

/* The address that is the host's name server in the container: podman's choice. */
#define PASTA_DNS "169.254.1.1"

/* Client: are these its options, and is it there? ERR_NOT_FOUND with a hint; ERR_UNSUPPORTED. */
int pasta_check(const struct strv *options, struct err *err);

/*
 * Parent, when the namespaces of the process exist and its IDs are mapped: as network_start, but
 * that it returns when the interface is up, and that pasta binds the ports itself: nobody else may
 * hold them. *ret_pid is a process that ends pasta when control is closed: network_stop, never a
 * signal.
 */
int pasta_start(pid_t target, const struct strv *options, const struct network_port *ports,
		size_t n_ports, pid_t *ret_pid, int *ret_control, struct err *err);

#endif
