/*
 * "-v [SRC:]DST[:OPTIONS]" and "--tmpfs DST[:OPTIONS]".
 */
#ifndef CMD_VOLUME_OPTION_H
#define CMD_VOLUME_OPTION_H

#include "base/err.h"
#include "runtime/spec.h"

/* Each appends one mount. ERR_USAGE; ERR_NOT_FOUND: the host's directory; ERR_UNSUPPORTED. */
int volume_option_add(const char *text, struct container_spec *spec, struct err *err);
int tmpfs_option_add(const char *text, struct container_spec *spec, struct err *err);
/* One option of a tmpfs, "size=64m": among the file system's, or a word. */
int tmpfs_option_word(const char *option, struct buf *file_system, struct strv *words,
		      struct mount_spec *m, struct err *err);
/* Puts outer mounts before inner ones. ERR_USAGE: "duplicate mount destination". */
int volume_options_sort(struct container_spec *spec, struct err *err);

#endif
