#include "cmd/latest.h"

#include "base/cleanup.h"
#include "storage/container.h"

int latest_id(const struct tiffin *t, char **ret, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	if (n)
		*ret = xstrdup(list[0].id);
	container_list_done(list, n);
	return n ? 0 : err_set(err, ERR_NOT_FOUND, "there are no containers: no such container");
}

int latest_operands(const struct tiffin *t, bool latest, const char *verb, size_t least,
		    size_t most, const struct strv *operands, struct strv *ret, struct err *err)
{
	CLEAN(clean_free) char *id = NULL;

	if (latest && operands->n > most)
		return err_set(err, ERR_USAGE, "%s: names and --latest do not go together", verb);
	if (!latest && !operands->n)
		return err_set(err, ERR_USAGE,
			       "%s wants the name or ID of a container, or --latest", verb);
	if (operands->n + latest < least)
		return err_set(err, ERR_USAGE,
			       "%s wants more than the container: see 'tiffin %s --help'", verb,
			       verb);
	if (latest && latest_id(t, &id, err) < 0)
		return -1;
	if (latest)
		strv_add(ret, id);
	for (size_t i = 0; i < operands->n; i++)
		strv_add(ret, operands->v[i]);
	return 0;
}
