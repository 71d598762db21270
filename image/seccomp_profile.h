/*
 * Seccomp profiles in docker's JSON format (docs.docker.com/engine/security/seccomp, and the
 * runtime specification's config-linux.md, "Seccomp"), compiled to BPF.
 */
#ifndef IMAGE_SECCOMP_PROFILE_H
#define IMAGE_SECCOMP_PROFILE_H

#include "base/err.h"
#include "base/str.h"

#define SECCOMP_PROFILE_MAX (1u << 20) /* of JSON */
#define SECCOMP_FILTER_MAX  4096       /* instructions: BPF_MAXINSNS */

/*
 * Compiles for this machine, its kernel, and a container whose bounding set is caps ("CAP_CHOWN"):
 * rules include and exclude by these. *ret is an array of struct sock_filter. scratch is a pipe's
 * two ends, which hold a whole filter. ERR_USAGE: the profile makes no sense; ERR_UNSUPPORTED: it
 * asks for more than a filter (a listener, flags).
 */
int seccomp_profile_compile(const struct buf *json, const struct strv *caps,
			    const int scratch[2], struct buf *ret, struct err *err);

#endif
