#include "image/export.h"

#include "base/cleanup.h"
#include "image/tar_tree.h"

int export_tree(int root, int out, const struct owner_list *owners, const struct cancel *cancel,
		struct err *err)
{
	CLEAN(tar_tree_done) struct tar_tree t;

	tar_tree_init(&t, out, cancel);
	t.owners = owners;
	if (tar_tree_add_all(&t, root, "", err) < 0 || tar_finish(&t.out, err) < 0)
		return err_wrap(err, "cannot export");
	return 0;
}
