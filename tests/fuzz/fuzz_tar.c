/*
 * Layers as raw tar bytes, of any dialect that libarchive knows: sparse files, long names, base-256
 * numbers. Checksums of what looks like a header are put right first: they guard against no attacker,
 * and would keep the fuzzer out.
 */
#include "tests/fuzz/layer_scene.h"
#include "tests/unit/tar_writer.h"

static struct layer_scene scene;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	scene_init(&scene);
	return 0;
}

static void put_right(char *h)
{
	unsigned int sum = 0;
	char text[8];

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(text, sizeof(text), "%06o", sum & 0777777);
	memcpy(h + 148, text, 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(buf_done) struct buf tar = { 0 };

	buf_add(&tar, data, size);
	for (size_t at = 0; at + TAR_BLOCK <= tar.len; at += TAR_BLOCK)
		if (memcmp(tar.data + at + 257, "ustar", 5) == 0)
			put_right(tar.data + at);
	scene_unpack(&scene, &tar, size % 2 ? 4096 : 65536, size % 3);
	return 0;
}
