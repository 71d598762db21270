#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "net/network.h"

/*
 * The address that the kernel would send from to somewhere else (TEST-NET-1, RFC 5737: nothing is
 * sent). A container's connection to it comes from this machine, and ends there.
 */
bool network_host_address(char ret[NETWORK_TEXT_MAX])
{
	CLEAN(clean_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	socklen_t len = sizeof(address);

	inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&address, len) == 0 &&
	       getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET &&
	       inet_ntop(AF_INET, &address.sin_addr, ret, NETWORK_TEXT_MAX) != NULL;
}
