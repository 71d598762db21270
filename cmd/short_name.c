#include "cmd/short_name.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "image/endpoint.h"

int short_name_names(const char *text, struct strv *ret, struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf conf = { 0 };

	return registries_conf_load(&conf, err) < 0 ? -1 : short_name_expand(&conf, text, ret, err);
}

/* What is made here without a registry's name is localhost's. */
static void add_localhost(const char *text, struct strv *names)
{
	CLEAN(clean_free) char *full = xasprintf("localhost/%s", text);
	CLEAN(reference_done) struct reference ref = { 0 };

	if (reference_parse(full, &ref, NULL) == 0)
		strv_add_take(names, reference_canonical(&ref));
}

int short_name_find(const struct store *s, const char *text, struct image_record *ret,
		    char **io_name, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (!reference_is_short(text))
		return err_set(err, ERR_NOT_FOUND, "%s: image not known", text);
	/* A configuration that can't be read is told of where it is needed: by the pull. */
	short_name_names(text, &names, NULL);
	add_localhost(text, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (image_find(s, names.v[i], NULL, ret, NULL) < 0)
			continue;
		free(*io_name);
		*io_name = xstrdup(names.v[i]);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "%s: image not known", text);
}

int short_name_pull(struct tiffin *t, const char *text, const struct pull_options *options,
		    char **ret_id, char **ret_name, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (short_name_names(text, &names, err) < 0)
		return -1;
	for (size_t i = 0;; i++) {
		struct err why = { 0 };

		if (helper_pull(t, names.v[i], options, ret_id, &why) == 0) {
			*ret_name = xstrdup(names.v[i]);
			return 0;
		}
		if (i + 1 == names.n) {
			*err = why;
			return -1;
		}
		warn("Warning: %s", why.text);
	}
}
