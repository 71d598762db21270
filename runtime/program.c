#include "runtime/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/file.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

static int make_memfd(const char *name)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_EXEC);

	/* Kernels before 6.3 know no such flag, and make them so. */
	return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

int program_in_memory(const char *name, const unsigned char *bytes, size_t n, int *ret_fd,
		      struct err *err)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	CLEAN(clean_fd) int fd = make_memfd(name);
	bool forbidden = fd < 0 && errno == EACCES;

	if (fd < 0) {
		err_sys(err, "cannot make an executable file in memory");
		if (forbidden)
			err_hint(err, "sysctl vm.memfd_noexec=2 forbids it; 1 does not");
		return -1;
	}
	if (write_all(fd, (const char *)bytes, n, err) < 0)
		return err_wrap(err, "cannot make an executable file in memory");
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_sys(err, "cannot seal a file in memory");
	*ret_fd = fd_take(&fd);
	return 0;
}
