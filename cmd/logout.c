#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/registry_name.h"
#include "image/auth_file.h"

struct logout_options {
	char *authfile;
	bool all;
};

static const struct opt logout_opts[] = {
	{ 'a', "all", NULL, "of every registry", set_flag, FIELD(logout_options, all) },
	{ 0, "authfile", "FILE", "remove them from there", set_string,
	  FIELD(logout_options, authfile) },
	{ 0 },
};

static void logout_done(void *options)
{
	free(((struct logout_options *)options)->authfile);
}

static int logout(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct logout_options *o = options;
	CLEAN(clean_free) char *key = NULL;
	CLEAN(clean_free) char *host = NULL;
	CLEAN(credentials_done) struct credentials elsewhere = { 0 };
	bool found;

	(void)t;
	if (o->all && operands->n)
		return err_set(err, ERR_USAGE, "--all takes no registry");
	if (o->all) {
		if (auth_file_clear(o->authfile, err) < 0)
			return -1;
		printf("Removed login credentials for all registries\n");
		return 0;
	}
	if (registry_name_parse(operands->n ? operands->v[0] : NULL, &key, &host, err) < 0 ||
	    auth_file_remove(o->authfile, key, &found, err) < 0)
		return -1;
	if (found) {
		printf("Removed login credentials for %s\n", key);
		return 0;
	}
	if (auth_file_find(o->authfile, host, NULL, &elsewhere, NULL) == 0 &&
	    credentials_are_set(&elsewhere))
		return err_set(err, ERR_NOT_FOUND,
			       "not logged into %s with tiffin or podman, but with docker: use "
			       "'docker logout'", key);
	return err_set(err, ERR_NOT_FOUND, "not logged into %s", key);
}

const struct command command_logout = {
	.names = "logout",
	.operands = "[OPTIONS] [REGISTRY]",
	.summary = "forget the password for a registry",
	.opts = logout_opts,
	.size = sizeof(struct logout_options),
	.max_operands = 1,
	.run = logout,
	.done = logout_done,
};
