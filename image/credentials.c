#include "image/credentials.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#define CREDENTIALS_MAX (1u << 20)

static void wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void credentials_done(struct credentials *c)
{
	wipe(&c->username);
	wipe(&c->password);
	wipe(&c->identity_token);
}

bool credentials_are_set(const struct credentials *c)
{
	return (c->username && c->password) || c->identity_token;
}

int credentials_parse(const char *text, struct credentials *ret, struct err *err)
{
	const size_t len = strcspn(text, ":");

	if (len == 0)
		return err_set(err, ERR_USAGE, "credentials are USER:PASSWORD, and a user is missing");
	*ret = (struct credentials){
		.username = xstrndup(text, len),
		.password = xstrdup(text[len] ? text + len + 1 : ""),
	};
	return 0;
}

int credentials_to_fd(const struct credentials *c, int *ret_fd, struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;
	CLEAN(clean_fd) int fd = memfd_create("credentials", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return err_sys(err, "cannot make an anonymous file");
	js_set_str(j, "username", c->username);
	js_set_str(j, "password", c->password);
	js_set_str(j, "identity_token", c->identity_token);
	text = js_dump(j);
	result = write_all(fd, text, strlen(text), err);
	explicit_bzero(text, strlen(text));
	if (result < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	*ret_fd = fd_take(&fd);
	return 0;
}

int credentials_from_fd(int fd, struct credentials *ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	int result;

	if (read_all(fd, CREDENTIALS_MAX, &text, err) < 0)
		return err_wrap(err, "the credentials");
	result = js_parse(buf_str(&text), text.len, &j, err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	if (result < 0)
		return err_wrap(err, "the credentials");
	*ret = (struct credentials){
		.username = xstrdup(js_str(j, "username")),
		.password = xstrdup(js_str(j, "password")),
		.identity_token = xstrdup(js_str(j, "identity_token")),
	};
	return 0;
}
