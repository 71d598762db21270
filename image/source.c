#include "image/source.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#define LIST_MAX (64u << 20)

struct source *source_list_add(struct source_list *list, const char *registry,
			       const char *repository)
{
	struct source *s;

	list->v = xrealloc(list->v, (list->n + 1) * sizeof(*list->v));
	s = &list->v[list->n++];
	*s = (struct source){ .registry = xstrdup(registry), .repository = xstrdup(repository) };
	return s;
}

void source_list_done(struct source_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].registry);
		free(list->v[i].repository);
		credentials_done(&list->v[i].credentials);
		certificates_done(&list->v[i].certificates);
	}
	free(list->v);
	*list = (struct source_list){ 0 };
}

static json_t *to_json(const struct source_list *list)
{
	json_t *j = json_object(), *all = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct source *s = &list->v[i];
		json_t *one = json_object(), *certificates = certificates_to_json(&s->certificates);

		js_set_str(one, "registry", s->registry);
		js_set_str(one, "repository", s->repository);
		js_set_bool(one, "insecure", s->insecure);
		json_object_set_new(one, "credentials", credentials_to_json(&s->credentials));
		if (certificates)
			json_object_set_new(one, "certificates", certificates);
		json_array_append_new(all, one);
	}
	json_object_set_new(j, "sources", all);
	return j;
}

int source_list_to_fd(const struct source_list *list, int *ret_fd, struct err *err)
{
	CLEAN(clean_json) json_t *j = to_json(list);
	CLEAN(clean_free) char *text = js_dump(j);
	CLEAN(clean_fd) int fd = memfd_create("sources", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return err_sys(err, "cannot make an anonymous file");
	result = write_all(fd, text, strlen(text), err);
	explicit_bzero(text, strlen(text));
	if (result < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	*ret_fd = fd_take(&fd);
	return 0;
}

int source_list_from_fd(int fd, struct source_list *ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	json_t *one;
	size_t i;
	int result;

	if (read_all(fd, LIST_MAX, &text, err) < 0)
		return err_wrap(err, "the sources");
	result = js_parse(buf_str(&text), text.len, &j, err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	if (result < 0)
		return err_wrap(err, "the sources");
	json_array_foreach(js_arr(j, "sources"), i, one)
	{
		struct source *s = source_list_add(ret, js_str(one, "registry") ?: "",
						   js_str(one, "repository"));

		s->insecure = js_bool(one, "insecure");
		credentials_from_json(js_obj(one, "credentials"), &s->credentials);
		certificates_from_json(js_obj(one, "certificates"), &s->certificates);
	}
	return ret->n ? 0 : err_set(err, ERR_USAGE, "there is no source");
}
