/*
 * Layers, written as text (tests/fuzz/tar_script.h): PAX, whiteouts, links, names. The first line is
 * the size of the pieces that the stream comes in, negative where one ID is mapped.
 */
#include "tests/fuzz/layer_scene.h"
#include "tests/fuzz/tar_script.h"

static struct layer_scene scene;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	scene_init(&scene);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(clean_free) char *text = fuzz_text(data, size);
	CLEAN(buf_done) struct buf tar = { 0 };
	const int piece = atoi(text) % 100000;

	script_tar(text + strcspn(text, "\n"), &tar);
	scene_unpack(&scene, &tar, piece ? (size_t)abs(piece) : 4096, piece < 0);
	return 0;
}
