#include "image/credentials.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

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

void credentials_copy(const struct credentials *c, struct credentials *ret)
{
	*ret = (struct credentials){
		.username = xstrdup(c->username),
		.password = xstrdup(c->password),
		.identity_token = xstrdup(c->identity_token),
	};
}

int credentials_parse(const char *text, struct credentials *ret, struct err *err)
{
	const size_t len = strcspn(text, ":");

	if (len == 0)
		return err_set(err, ERR_USAGE,
			       "credentials are USER:PASSWORD, and a user is missing");
	*ret = (struct credentials){
		.username = xstrndup(text, len),
		.password = xstrdup(text[len] ? text + len + 1 : ""),
	};
	return 0;
}

json_t *credentials_to_json(const struct credentials *c)
{
	json_t *j = json_object();

	js_set_str(j, "username", c->username);
	js_set_str(j, "password", c->password);
	js_set_str(j, "identity_token", c->identity_token);
	return j;
}

void credentials_from_json(const json_t *j, struct credentials *ret)
{
	*ret = (struct credentials){
		.username = xstrdup(js_str(j, "username")),
		.password = xstrdup(js_str(j, "password")),
		.identity_token = xstrdup(js_str(j, "identity_token")),
	};
}
