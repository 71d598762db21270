/*
 * Skeletons that somebody has tampered with: the input is one, uncompressed, of a layer with the
 * files "a" and "d/b" and a symlink that leads out. What comes of it is the layer, or an error.
 */
#include <zstd.h>

#include "tests/fuzz/layer_scene.h"
#include "tests/fuzz/tar_script.h"

static struct layer_scene scene;
static char diff_id[DIGEST_SIZE], path[192];
static struct buf tar;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char text[] = "0 644 a||content of a\n5 755 d\n0 600 d/b||b\n2 777 out|../../../../canary\n";
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	const struct layer_info info = { .digest = "sha256:" };
	struct layer_stage stage = LAYER_STAGE_INIT;
	struct unpack_options options = { .single_id = true };
	struct scene_stream stream = { .tar = &tar, .piece = 4096 };
	int64_t bytes;

	(void)argc, (void)argv;
	scene_init(&scene);
	scene.store.single_id = true;
	script_tar(text, &tar);
	digest_of(tar.data, tar.len, diff_id);
	MUST(layer_stage_new(&scene.store, &stage, NULL) == 0);
	MUST(skeleton_new(stage.dir, &skeleton, NULL) == 0);
	options.skeleton = skeleton;
	MUST(unpack_tar(stage.fs, scene_next, &stream, &options, &bytes, NULL) == 0);
	free(stream.last);
	MUST(skeleton_finish(skeleton, NULL) == 0);
	MUST(layer_stage_commit(&scene.store, &stage, diff_id, &info, NULL) == 0);
	layer_stage_done(&scene.store, &stage);
	snprintf(path, sizeof(path), "%s/store/layers/%s.single/" SKELETON_NAME, scene.path,
		 digest_hex(diff_id));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t room = ZSTD_compressBound(size);
	CLEAN(clean_free) char *frame = xmalloc(room);
	const size_t len = ZSTD_compress(frame, room, data, size, 1);
	CLEAN(buf_done) struct buf got = { 0 };
	struct err err = { 0 };
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int64_t total;

	MUST(fd >= 0 && !ZSTD_isError(len) && write_all(fd, frame, len, NULL) == 0);
	if (skeleton_size(&scene.store, diff_id, &total, &err) == 0)
		MUST(total >= 0);
	if (skeleton_replay(&scene.store, diff_id, scene_collect, &got, &err) == 0)
		MUST(got.len == tar.len && memcmp(got.data, tar.data, got.len) == 0);
	return 0;
}
