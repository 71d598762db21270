/*
 * The words that say how something is mounted ("ro", "nosuid", "rslave", "U" …), behind "-v
 * SRC:DST:" and among the keys of --mount, as podman knows them.
 */
#ifndef CMD_MOUNT_WORDS_H
#define CMD_MOUNT_WORDS_H

#include "base/err.h"
#include "base/str.h"
#include "runtime/mount_spec.h"

/*
 * Puts them into *m. ERR_USAGE in podman's words: one that is none ("invalid option type"), or two
 * that exclude each other; ERR_UNSUPPORTED: what only root can do.
 */
int mount_words_apply(const struct strv *said, struct mount_spec *m, struct err *err);

/* Is it one of them? */
bool mount_word_known(const char *word);

/*
 * A place in the container as it is compared and mounted: absolute, without ".", "..", "//" and a
 * slash at its end. ERR_USAGE: not absolute, or the root. The caller frees.
 */
int mount_target_clean(const char *text, char **ret, struct err *err);
/* A path on the host, made absolute. ERR_NOT_FOUND in podman's words. The caller frees. */
int mount_source_find(const char *text, char **ret, struct err *err);

#endif
