#include "cmd/env_option.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

void env_option_add(struct strv *env, const char *text)
{
	CLEAN(clean_free) char *entry = NULL;

	if (strchr(text, '=')) {
		strv_set_env(env, text);
		return;
	}
	if (!getenv(text))
		return;
	entry = xasprintf("%s=%s", text, getenv(text));
	strv_set_env(env, entry);
}

int env_option_add_file(struct strv *env, const char *path, struct err *err)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEAN(clean_file) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	CLEAN(clean_free) char *line = NULL;
	size_t size = 0;

	if (!f)
		return err_sys(err, "cannot open '%s'", path);
	fd_take(&fd);
	while (getline(&line, &size, f) >= 0) {
		const char *text = line + strspn(line, " \t");

		line[strcspn(line, "\r\n")] = '\0';
		if (*text && *text != '#')
			env_option_add(env, text);
	}
	return 0;
}
