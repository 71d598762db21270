#include "storage/container.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

int container_save_pause(const struct store *s, const struct container *c, json_t *stopped,
			 bool whole, struct err *err)
{
	CLEAN(clean_fd)
	int dir = openat(s->containers, c->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;

	if (dir < 0)
		return err_sys(err, "cannot open container %.12s", c->id);
	js_set_int(j, "pid", c->state.init.pid);
	js_set_int(j, "start", (int64_t)c->state.init.start);
	js_set_str(j, "boot", c->state.init.boot);
	js_set_bool(j, "whole", whole);
	json_object_set(j, "stopped", stopped);
	text = js_dump(j);
	return file_replace_at(dir, "paused", text, strlen(text), 0600, RELAXED, err);
}

void container_clear_pause(const struct store *s, const struct container *c)
{
	char path[CONTAINER_ID_LEN + 16];

	snprintf(path, sizeof(path), "%s/paused", c->id);
	unlinkat(s->containers, path, 0);
}

bool container_is_of_run(const struct container *c, const json_t *note)
{
	const struct proc_id *init = &c->state.init;

	return js_int(note, "pid") == init->pid && js_int(note, "start") == (int64_t)init->start &&
	       streq(js_str(note, "boot") ?: "", init->boot);
}
