/* Seccomp profiles: what compiles is a filter that the kernel would look at. */
#include <fcntl.h>
#include <linux/filter.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/seccomp_profile.h"
#include "tests/fuzz/fuzz.h"

static int scratch[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	MUST(pipe2(scratch, O_CLOEXEC) == 0);
	MUST(fcntl(scratch[0], F_SETPIPE_SZ, 65536) >= (int)(SECCOMP_FILTER_MAX * 8));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(strv_done) struct strv caps = { 0 };
	CLEAN(buf_done) struct buf json = { 0 };
	CLEAN(buf_done) struct buf filter = { 0 };
	struct err err = { 0 };

	buf_add(&json, data, size);
	strv_add(&caps, "CAP_CHOWN");
	if (seccomp_profile_compile(&json, &caps, scratch, &filter, &err) < 0) {
		MUST(err.kind && *err.text && !filter.len);
		return 0;
	}
	MUST(filter.len && filter.len % sizeof(struct sock_filter) == 0);
	MUST(filter.len / sizeof(struct sock_filter) <= SECCOMP_FILTER_MAX);
	return 0;
}
