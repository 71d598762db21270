#include "image/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/base64.h"
#include "image/credential_helper.h"
#include "image/user_path.h"

#define FILE_MAX     (4u << 20)
#define HUB	     "docker.io"
#define HUB_OF_DOCKER "https://index.docker.io/v1/"
#define INDENTATION  8

/* One file of the list. */
struct place {
	char *path;
	bool docker; /* its config.json, whose keys are URLs, or hosts */
	bool named;  /* by the user: it has to be there */
	json_t *json;
};

static void place_done(struct place *p)
{
	free(p->path);
	json_decref(p->json);
	*p = (struct place){ 0 };
}

#define PLACES 3

/* The files to look at, in order; those after the last have no path. */
static void find_places(const char *authfile, struct place ret[PLACES])
{
	const char *only = authfile ?: user_variable("REGISTRY_AUTH_FILE");
	int n = 0;

	memset(ret, 0, PLACES * sizeof(*ret));
	if (only) {
		ret[0].path = xstrdup(only);
		ret[0].named = true;
		return;
	}
	ret[n].path = user_path("XDG_RUNTIME_DIR", NULL, "containers/auth.json");
	n += ret[n].path != NULL;
	ret[n].path = user_path("XDG_CONFIG_HOME", ".config", "containers/auth.json");
	n += ret[n].path != NULL;
	ret[n].path = user_path("DOCKER_CONFIG", ".docker", "config.json");
	ret[n].docker = ret[n].path != NULL;
}

static void places_done(struct place places[PLACES])
{
	for (int i = 0; i < PLACES; i++)
		place_done(&places[i]);
}

/* The file itself, where the path is a symlink, as the ones of dot-file managers are. */
static char *resolve(const char *path)
{
	char real[PATH_MAX];

	return xstrdup(realpath(path, real) ? real : path);
}

/* 1: read; 0: there is none. */
static int load(struct place *p, struct err *err)
{
	CLEAN(clean_free) char *path = resolve(p->path);
	CLEAN(buf_done) struct buf text = { 0 };
	struct err why = { 0 };
	int result;

	if (file_read_at(AT_FDCWD, path, FILE_MAX, &text, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND || why.sys == ENOTDIR)
			return 0;
		if (err)
			*err = why;
		return err_wrap(err, "credentials");
	}
	/* An empty one is what `touch` and some tools make. */
	if (text.len == 0)
		return 0;
	result = js_parse(buf_str(&text), text.len, &p->json, err);
	explicit_bzero(text.data, text.len);
	return result < 0 ? err_wrap(err, "credentials: '%s'", p->path) : 1;
}

static bool is_hub(const char *host)
{
	return streq(host, HUB) || streq(host, "index.docker.io") ||
	       streq(host, "registry-1.docker.io");
}

/* A key as we would write it: no scheme, no path behind a URL's host. The caller frees. */
static char *plain_key(const char *key, bool docker)
{
	const char *host = key;
	CLEAN(clean_free) char *first = NULL;
	const char *rest;
	size_t len;

	if (starts_with(host, "https://"))
		host += strlen("https://");
	else if (starts_with(host, "http://"))
		host += strlen("http://");
	len = strcspn(host, "/");
	rest = docker || host != key ? "" : host + len;
	first = xstrndup(host, len);
	return xasprintf("%s%s", is_hub(first) ? HUB : first, rest);
}

/* The member of that very key, or else of another spelling of it; its key in *ret_key. */
static json_t *member_of(const struct place *p, const char *object, const char *key,
			 const char **ret_key)
{
	json_t *members = js_obj(p->json, object), *value = json_object_get(members, key);
	const char *name;

	*ret_key = key;
	if (value)
		return value;
	json_object_foreach(members, name, value)
	{
		CLEAN(clean_free) char *plain = plain_key(name, p->docker);

		if (!streq(plain, key))
			continue;
		*ret_key = name;
		return value;
	}
	return NULL;
}

/* {"auth": base64 of "user:password", "identitytoken": …}. An empty one says nothing. */
static int read_entry(const json_t *entry, struct credentials *ret, struct err *err)
{
	const char *auth = js_str(entry, "auth"), *token = js_str(entry, "identitytoken");
	CLEAN(clean_free) char *pair = NULL;
	size_t len = 0;
	char *colon;

	if (auth && *auth) {
		pair = base64_decode(auth, &len);
		colon = pair ? strchr(pair, ':') : NULL;
		if (!colon)
			return err_set(err, ERR_CORRUPT,
				       "'auth' is not the base64 of USER:PASSWORD");
		*colon = '\0';
		ret->username = xstrdup(pair);
		ret->password = xstrdup(colon + 1);
		explicit_bzero(pair, len);
	}
	if (token && *token)
		ret->identity_token = xstrdup(token);
	return 0;
}

static const char *server_name(const struct place *p, const char *registry)
{
	return p->docker && streq(registry, HUB) ? HUB_OF_DOCKER : registry;
}

static const char *helper_of(const struct place *p, const char *registry)
{
	const char *key;
	const char *name = json_string_value(member_of(p, "credHelpers", registry, &key));

	return name && *name ? name : NULL;
}

static const char *store_of(const struct place *p)
{
	const char *name = js_str(p->json, "credsStore");

	return name && *name ? name : NULL;
}

static int find_entry(const struct place *p, const char *registry, const char *repository,
		      struct credentials *ret, struct err *err)
{
	CLEAN(clean_free)
	char *key = repository ? xasprintf("%s/%s", registry, repository) : xstrdup(registry);
	const char *name;

	for (char *slash = key; slash && !credentials_are_set(ret);) {
		if (read_entry(member_of(p, "auths", key, &name), ret, err) < 0)
			return err_wrap(err, "credentials for '%s': '%s'", key, p->path);
		slash = strrchr(key, '/');
		if (slash)
			*slash = '\0';
	}
	return 0;
}

static int find_in(const struct place *p, const char *registry, const char *repository,
		   struct credentials *ret, struct err *err)
{
	const char *helper = helper_of(p, registry);
	bool found = false;

	if (helper && credential_helper_get(helper, server_name(p, registry), ret, &found, err) < 0)
		return -1;
	if (found)
		return 0;
	if (find_entry(p, registry, repository, ret, err) < 0)
		return -1;
	if (credentials_are_set(ret) || !store_of(p))
		return 0;
	return credential_helper_get(store_of(p), server_name(p, registry), ret, &found, err);
}

int auth_file_find(const char *authfile, const char *registry, const char *repository,
		   struct credentials *ret, struct err *err)
{
	CLEAN(credentials_done) struct credentials c = { 0 };
	struct place places[PLACES];
	int result = 0;

	find_places(authfile, places);
	for (int i = 0; i < PLACES && places[i].path && result >= 0 && !credentials_are_set(&c);
	     i++) {
		result = load(&places[i], err);
		if (result == 0 && places[i].named)
			result = err_set(err, ERR_NOT_FOUND, "credentials: there is no file '%s'",
					 places[i].path);
		if (result > 0)
			result = find_in(&places[i], registry, repository, &c, err);
	}
	places_done(places);
	if (result < 0)
		return -1;
	*ret = c;
	c = (struct credentials){ 0 };
	return 0;
}

/* The file that login writes: the first whose directory is there, or can be made. */
static int open_own(const char *authfile, struct place *ret, struct err *err)
{
	struct place places[PLACES];
	const char *runtime = user_variable("XDG_RUNTIME_DIR");
	int first = 0;

	find_places(authfile, places);
	/* In a session that has ended, or was never begun, it is not there. */
	if (!places[0].named && runtime && access(runtime, W_OK) < 0)
		first = 1;
	if (!places[first].path) {
		places_done(places);
		return err_set(err, ERR_NOT_FOUND, "cannot keep credentials: neither "
						   "XDG_RUNTIME_DIR nor HOME is set");
	}
	*ret = places[first];
	places[first] = (struct place){ 0 };
	places_done(places);
	if (load(ret, err) < 0)
		return -1;
	if (!ret->json)
		ret->json = json_object();
	return 0;
}

static int save(const struct place *p, struct err *err)
{
	CLEAN(clean_free) char *path = resolve(p->path);
	CLEAN(clean_free) char *text = json_dumps(p->json, JSON_INDENT(INDENTATION));
	char *slash = strrchr(path, '/');
	CLEAN(clean_fd) int dir = -1;
	const char *parent = slash == path ? "/" : slash ? path : ".";
	int result;

	if (!text)
		return err_set(err, ERR_SYSTEM, "cannot write '%s'", p->path);
	if (slash)
		*slash = '\0';
	if (slash && slash != path && dir_ensure(path, 0700, err) < 0)
		return err_wrap(err, "cannot keep credentials");
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "cannot keep credentials: cannot open '%s'", parent);
	result = file_replace_at(dir, slash ? slash + 1 : path, text, strlen(text), 0600, DURABLE,
				 err);
	explicit_bzero(text, strlen(text));
	return result < 0 ? err_wrap(err, "cannot keep credentials") : 0;
}

static json_t *auths_of(struct place *p)
{
	if (!js_obj(p->json, "auths"))
		json_object_set_new(p->json, "auths", json_object());
	return js_obj(p->json, "auths");
}

static json_t *new_entry(const struct credentials *c)
{
	CLEAN(clean_free) char *pair = xasprintf("%s:%s", c->username, c->password);
	CLEAN(clean_free) char *encoded = base64_encode(pair, strlen(pair));
	json_t *entry = json_object();

	js_set_str(entry, "auth", encoded);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(encoded, strlen(encoded));
	return entry;
}

int auth_file_put(const char *authfile, const char *key, const struct credentials *c,
		  struct err *err)
{
	CLEAN(place_done) struct place p = { 0 };
	CLEAN(clean_free) char *host = xstrndup(key, strcspn(key, "/"));
	const char *helper, *name;

	if (open_own(authfile, &p, err) < 0)
		return -1;
	helper = helper_of(&p, host) ?: store_of(&p);
	if (helper && !strchr(key, '/'))
		return credential_helper_store(helper, server_name(&p, host), c, err);
	member_of(&p, "auths", key, &name);
	json_object_set_new(auths_of(&p), name, new_entry(c));
	return save(&p, err);
}

int auth_file_remove(const char *authfile, const char *key, bool *ret_found, struct err *err)
{
	CLEAN(place_done) struct place p = { 0 };
	CLEAN(clean_free) char *host = xstrndup(key, strcspn(key, "/"));
	CLEAN(credentials_done) struct credentials kept = { 0 };
	const char *helper, *name;

	*ret_found = false;
	if (open_own(authfile, &p, err) < 0)
		return -1;
	helper = helper_of(&p, host) ?: store_of(&p);
	if (helper && !strchr(key, '/') &&
	    (credential_helper_get(helper, server_name(&p, host), &kept, ret_found, err) < 0 ||
	     (*ret_found && credential_helper_erase(helper, server_name(&p, host), err) < 0)))
		return -1;
	if (!member_of(&p, "auths", key, &name))
		return 0;
	json_object_del(auths_of(&p), name);
	*ret_found = true;
	return save(&p, err);
}

int auth_file_clear(const char *authfile, struct err *err)
{
	CLEAN(place_done) struct place p = { 0 };
	const char *key;
	json_t *value;

	if (open_own(authfile, &p, err) < 0)
		return -1;
	json_object_foreach(js_obj(p.json, "credHelpers"), key, value)
	{
		CLEAN(clean_free) char *host = plain_key(key, true);

		if (json_is_string(value) &&
		    credential_helper_erase(json_string_value(value), server_name(&p, host), err) < 0)
			return -1;
	}
	if (json_object_size(js_obj(p.json, "auths")) == 0)
		return 0;
	json_object_clear(auths_of(&p));
	return save(&p, err);
}
