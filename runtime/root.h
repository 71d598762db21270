/*
 * Paths inside a root file system that is not entered yet, and may be hostile: resolved as after a
 * chroot, by descriptor, so that no symlink in it leads out (CVE-2021-30465, CVE-2019-19921).
 */
#ifndef RUNTIME_ROOT_H
#define RUNTIME_ROOT_H

#include "base/err.h"

enum target_kind {
	TARGET_DIR,
	TARGET_FILE,
};

/*
 * Opens a mount point (O_PATH), following symlinks within root and making what is missing: parents
 * and directories 0755, files 0644 and empty. One of the other kind is ERR_EXISTS.
 */
int root_open_target(int root, const char *path, enum target_kind kind, int *ret_fd,
		     struct err *err);
/* A directory directly under root that must not be a symlink ("proc"), made where it is missing. */
int root_open_plain_dir(int root, const char *name, int *ret_fd, struct err *err);

#endif
