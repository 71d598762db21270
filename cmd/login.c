#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/helper.h"
#include "cmd/prompt.h"
#include "cmd/registry_name.h"
#include "image/auth_file.h"

struct login_options {
	struct access_options access;
	char *username, *password;
	bool password_stdin, get_login;
};

static const struct opt login_opts[] = {
	{ 'u', "username", "USER", "the user's name; else it is asked for", set_string,
	  FIELD(login_options, username) },
	{ 'p', "password", "PASSWORD", "others can see it in ps; better --password-stdin",
	  set_string,
	  FIELD(login_options, password) },
	{ 0, "password-stdin", NULL, "read the password from standard input", set_flag,
	  FIELD(login_options, password_stdin) },
	{ 0, "get-login", NULL, "print who is logged in, and nothing else", set_flag,
	  FIELD(login_options, get_login) },
	{ 0, "authfile", "FILE", "keep the credentials there", set_string,
	  FIELD(login_options, access.authfile) },
	ACCESS_CERT_DIR(login_options, access),
	ACCESS_TLS_VERIFY(login_options, access),
	{ 0 },
};

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void login_done(void *options)
{
	struct login_options *o = options;

	free(o->username);
	wipe(o->password);
	access_options_done(&o->access);
}

static int check_options(const struct login_options *o, struct err *err)
{
	if (o->password_stdin && o->password)
		return err_set(err, ERR_USAGE,
			       "--password and --password-stdin exclude each other");
	if (o->password_stdin && !o->username)
		return err_set(err, ERR_USAGE, "must provide --username with --password-stdin");
	if (o->password && !o->username)
		return err_set(err, ERR_USAGE, "must provide --username with --password");
	if (o->username && strchr(o->username, ':'))
		return err_set(err, ERR_USAGE, "a user's name has no colon in it");
	return 0;
}

/* --authfile names a file that login makes: that there is none is no error. */
static int find_kept(const struct login_options *o, const char *key, struct credentials *ret,
		     struct err *err)
{
	CLEAN(clean_free) char *host = xstrndup(key, strcspn(key, "/"));
	const char *path = key[strlen(host)] ? key + strlen(host) + 1 : NULL;
	struct err why = { 0 };

	if (auth_file_find(o->access.authfile, host, path, ret, &why) == 0 ||
	    why.kind == ERR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

/* By what was given, and else by asking. */
static int get_credentials(struct login_options *o, struct credentials *ret, struct err *err)
{
	CLEAN(credentials_done) struct credentials c = { .username = xstrdup(o->username) };

	if (o->password)
		c.password = xstrdup(o->password);
	else if (o->password_stdin && read_stdin_secret(&c.password, err) < 0)
		return -1;
	if (!c.username && prompt("Username: ", true, &c.username, err) < 0)
		return -1;
	if (!c.password && prompt("Password: ", false, &c.password, err) < 0)
		return err_hint(err, "--password-stdin takes it from a pipe or a file");
	if (!*c.username)
		return err_set(err, ERR_USAGE, "a user's name is wanted");
	*ret = c;
	c = (struct credentials){ 0 };
	return 0;
}

/* Are they good? */
static int check(struct tiffin *t, const struct login_options *o, const char *host,
		 const struct credentials *c, struct err *err)
{
	CLEAN(source_list_done) struct source_list list = { 0 };

	if (access_add_registry(&o->access, host, c, &list, err) < 0)
		return -1;
	return helper_login(t, &list, err);
}

/* Who is logged in already need not type anything: 1. */
static int try_kept(struct tiffin *t, const struct login_options *o, const char *key,
		    const char *host, struct err *err)
{
	CLEAN(credentials_done) struct credentials kept = { 0 };
	struct err why = { 0 };

	if (o->username || find_kept(o, key, &kept, err) < 0)
		return o->username ? 0 : -1;
	if (!credentials_are_set(&kept))
		return 0;
	warn("Authenticating with existing credentials for %s", key);
	if (check(t, o, host, &kept, &why) == 0) {
		printf("Existing credentials are valid. Already logged in to %s\n", key);
		return 1;
	}
	if (why.kind != ERR_DENIED) {
		*err = why;
		return -1;
	}
	warn("Existing credentials are invalid, please enter valid username and password");
	return 0;
}

static int get_login(const struct login_options *o, const char *key, struct err *err)
{
	CLEAN(credentials_done) struct credentials kept = { 0 };

	if (find_kept(o, key, &kept, err) < 0)
		return -1;
	if (!kept.username)
		return err_set(err, ERR_NOT_FOUND, "not logged into %s", key);
	printf("%s\n", kept.username);
	return 0;
}

static int login(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct login_options *o = options;
	CLEAN(credentials_done) struct credentials c = { 0 };
	CLEAN(clean_free) char *key = NULL;
	CLEAN(clean_free) char *host = NULL;
	int kept;

	if (registry_name_parse(operands->n ? operands->v[0] : NULL, &key, &host, err) < 0 ||
	    check_options(o, err) < 0)
		return -1;
	if (o->get_login)
		return get_login(o, key, err);
	if (tiffin_open(t, false, err) < 0)
		return -1;
	kept = try_kept(t, o, key, host, err);
	if (kept)
		return kept < 0 ? -1 : 0;
	if (get_credentials(o, &c, err) < 0)
		return -1;
	if (check(t, o, host, &c, err) < 0)
		return err_wrap(err, "logging into \"%s\"", key);
	if (auth_file_put(o->access.authfile, key, &c, err) < 0)
		return -1;
	printf("Login Succeeded!\n");
	return 0;
}

const struct command command_login = {
	.names = "login",
	.operands = "[OPTIONS] [REGISTRY]",
	.summary = "log in to a registry, and keep the password for it",
	.opts = login_opts,
	.size = sizeof(struct login_options),
	.max_operands = 1,
	.run = login,
	.done = login_done,
};
