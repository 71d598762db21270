#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/human.h"
#include "cmd/named_image.h"
#include "storage/layer.h"

static const struct opt no_opts[] = { { 0 } };

static void print_layers(const struct tiffin *t, const struct image_record *image,
			 const struct image_record *list, size_t n)
{
	for (size_t i = 0; i < image->layers.n; i++) {
		const char *layer = image->layers.v[i];
		struct layer_info info = { 0 };
		CLEAN(clean_free) char *size = NULL;

		layer_read_info(&t->store, layer, &info, NULL);
		size = human_size(info.diff_size);
		printf("%s ID: %.12s Size: %7s", i + 1 < image->layers.n ? "├──" : "└──",
		       layer + strlen("sha256:"), size);
		/* The images that end with it. */
		for (size_t k = 0; k < n; k++)
			if (list[k].layers.n == i + 1 && list[k].names.n &&
			    strv_has(&list[k].layers, layer))
				printf(" Top Layer of: [%s]", list[k].names.v[0]);
		putchar('\n');
	}
}

static int tree(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	CLEAN(clean_free) char *size = NULL;
	struct image_record *list = NULL;
	size_t n = 0;

	(void)options;
	if (tiffin_open(t, false, err) < 0 ||
	    named_image_find(t, operands->v[0], false, &image, err) < 0 ||
	    image_list(&t->store, &list, &n, err) < 0)
		return -1;
	size = human_size(image.record.size);
	printf("Image ID: %.12s\nTags:     [", image.record.id);
	for (size_t i = 0; i < image.record.names.n; i++)
		printf("%s%s", i ? " " : "", image.record.names.v[i]);
	printf("]\nSize:     %s\n", size);
	printf(image.record.layers.n ? "Image Layers\n" : "No Image Layers\n");
	print_layers(t, &image.record, list, n);
	image_list_done(list, n);
	return 0;
}

const struct command command_image_tree = {
	.names = "tree",
	.operands = "IMAGE",
	.summary = "show the layers of an image",
	.opts = no_opts,
	.size = 1,
	.min_operands = 1,
	.max_operands = 1,
	.run = tree,
};
