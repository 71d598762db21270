#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/link.h"

int link_tap(int *ret_frames, struct err *err)
{
	CLEAN(clean_fd) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq request = link_request(NETWORK_INTERFACE);

	/* Without the driver, the node is a node of nothing. */
	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		errno = ENOENT;
	if (fd < 0)
		return err_sys(err, "cannot open '/dev/net/tun'");
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return err_sys(err, "cannot make the tap device '%s'", NETWORK_INTERFACE);
	*ret_frames = fd_take(&fd);
	return 0;
}
