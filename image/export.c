#include "image/export.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "image/tar_tree.h"

int export_tree(int root, int out, const struct owner_list *owners,
		const struct id_mapping *mapping, const struct cancel *cancel, struct err *err)
{
	CLEAN(tar_tree_done) struct tar_tree t;

	tar_tree_init(&t, out, cancel);
	t.owners = owners;
	t.mapping = mapping;
	if (tar_tree_add_all(&t, root, "", err) < 0 || tar_finish(&t.out, err) < 0)
		return err_wrap(err, "cannot export");
	return 0;
}

int export_entry(int dir, const char *entry, const char *name, int out,
		 const struct owner_list *owners, const struct id_mapping *mapping,
		 const struct cancel *cancel, struct err *err)
{
	CLEAN(tar_tree_done) struct tar_tree t;
	CLEAN(clean_fd)
	int fd = openat(dir, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int result;

	tar_tree_init(&t, out, cancel);
	t.owners = owners;
	t.mapping = mapping;
	result = fd >= 0 ? tar_tree_add_all(&t, fd, name, err) :
			   tar_tree_add(&t, dir, entry, name, err);
	if (result < 0 || tar_finish(&t.out, err) < 0)
		return err_wrap(err, "cannot copy");
	return 0;
}
