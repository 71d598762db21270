/* What unpacking leaves of the disk: on small ones, in a namespace where they can be mounted. */
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "image/unpack.h"
#include "tests/unit/namespaces.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

#define MIB	      (1 << 20)
#define NOT_TO_BE_HAD 77 /* as in_namespaces has it */

/* Files of so many bytes, each of them zeros, as a stream that takes no memory. */
struct zeros {
	struct buf headers; /* one a file */
	size_t file, n, size, sent; /* of the file: sent of its header and content */
};

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	static const char blocks[64 << 10];
	struct zeros *z = arg;
	const size_t whole = TAR_BLOCK + z->size;

	(void)err;
	if (z->file < z->n && z->sent == whole) {
		z->file++;
		z->sent = 0;
	}
	if (z->file == z->n)
		return 0;
	if (z->sent == 0) {
		*ret_data = z->headers.data + z->file * TAR_BLOCK;
		*ret_len = TAR_BLOCK;
	} else {
		*ret_data = blocks;
		*ret_len = whole - z->sent < sizeof(blocks) ? whole - z->sent : sizeof(blocks);
	}
	z->sent += *ret_len;
	return 1;
}

static struct {
	int kib;
	size_t n, size;
} disk; /* how large, and what is unpacked onto it */

/* 0: it is there; 1: there is no room; 2: another error. */
static int unpack_there(void)
{
	const struct unpack_options options = { .single_id = true };
	struct zeros z = { .n = disk.n, .size = disk.size };
	char path[] = "/tmp/tiffin-test-room.XXXXXX", mount_options[32];
	struct err err = { 0 };
	int64_t bytes;
	int root, result;

	for (size_t i = 0; i < disk.n; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		tar_add(&z.headers, (struct tar_entry){
					    .name = name, .type = '0', .size = (int64_t)disk.size });
	}
	snprintf(mount_options, sizeof(mount_options), "size=%dk", disk.kib);
	if (!mkdtemp(path) || mount("tmpfs", path, "tmpfs", 0, mount_options) < 0)
		_exit(NOT_TO_BE_HAD);
	umask(0);
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = unpack_tar(root, next_piece, &z, &options, &bytes, &err);
	close(root);
	umount(path);
	rmdir(path);
	buf_done(&z.headers);
	return result == 0 ? 0 : err.kind == ERR_NO_SPACE && strstr(err.text, "cannot write") ? 1 : 2;
}

/* -1: no such disk is to be had here. */
static int unpacks(int kib, size_t n, size_t size)
{
	int result;

	disk.kib = kib;
	disk.n = n;
	disk.size = size;
	result = in_namespaces(unpack_there);
	if (result < 0)
		printf("#   no user namespaces here: not tested\n");
	return result;
}

static bool is_refused(int kib, size_t n, size_t size)
{
	const int result = unpacks(kib, n, size);

	return result == 1 || result < 0;
}

/* Of 24 MiB, 245 KiB are for others. */
TEST(a_large_file_that_would_leave_too_little_is_not_begun)
{
	CHECK(unpacks(24 << 10, 1, 24 * MIB - (400 << 10)) <= 0);
	CHECK(is_refused(24 << 10, 1, 24 * MIB - (100 << 10)));
}

/* Of little more than 16 MiB, 165 KiB are for others; what is left is looked at after each 16 MiB. */
TEST(small_files_that_leave_too_little_are_noticed)
{
	CHECK(unpacks((16 << 10) + 400, 1025, 16 << 10) <= 0);
	CHECK(is_refused((16 << 10) + 100, 1025, 16 << 10));
}

int main(void)
{
	RUN(a_large_file_that_would_leave_too_little_is_not_begun);
	RUN(small_files_that_leave_too_little_are_noticed);
	return test_summary();
}
