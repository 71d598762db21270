#include "image/certificates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/base64.h"
#include "image/user_path.h"

#define FILE_MAX (1u << 20)

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(ptr_take(text));
}

void certificates_done(struct certificates *c)
{
	wipe(&c->authorities);
	wipe(&c->certificate);
	wipe(&c->key);
}

static void clean_names(struct dirent ***names)
{
	for (struct dirent **n = *names; n && *n; n++)
		free(*n);
	free(*names);
}

/* The entries of a directory by name, with a NULL behind them. */
static int list(int dir, struct dirent ***ret, struct err *err)
{
	int n = scandirat(dir, ".", ret, NULL, alphasort);

	if (n < 0) {
		*ret = NULL;
		return err_sys(err, "cannot list it");
	}
	*ret = xrealloc(*ret, ((size_t)n + 1) * sizeof(void *));
	(*ret)[n] = NULL;
	return 0;
}

/* Links are followed: to a file that others keep is how they are often put there. */
static int read_pem(int dir, const char *name, char **ret, struct err *err)
{
	CLEAN(clean_fd) int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct buf text = { 0 };

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", name);
	if (read_all(fd, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "cannot read '%s'", name);
	buf_adds(&text, "\n");
	*ret = text.data;
	return 0;
}

static bool has(struct dirent **names, const char *name)
{
	for (; *names; names++)
		if (streq((*names)->d_name, name))
			return true;
	return false;
}

/* The name of the other one of a pair; the caller frees. */
static char *partner(const char *name, const char *suffix, const char *other)
{
	return xasprintf("%.*s%s", (int)(strlen(name) - strlen(suffix)), name, other);
}

static int take_authority(int dir, const char *name, struct certificates *c, struct err *err)
{
	CLEAN(clean_free) char *before = c->authorities;
	CLEAN(clean_free) char *text = NULL;

	c->authorities = NULL;
	if (read_pem(dir, name, &text, err) < 0)
		return -1;
	c->authorities = xasprintf("%s%s", before ?: "", text);
	return 0;
}

static int take_pair(int dir, struct dirent **names, const char *name, struct certificates *c,
		     struct err *err)
{
	CLEAN(clean_free) char *key = partner(name, ".cert", ".key");

	if (!has(names, key)) {
		err_set(err, ERR_NOT_FOUND, "missing key %s for client certificate %s", key, name);
		return err_hint(err, "the certificates of authorities end in .crt");
	}
	if (c->certificate)
		return 0;
	return read_pem(dir, name, &c->certificate, err) < 0 ||
		       read_pem(dir, key, &c->key, err) < 0 ?
		       -1 :
		       0;
}

static int take(int dir, struct dirent **names, const char *name, struct certificates *c,
		struct err *err)
{
	if (ends_with(name, ".crt"))
		return take_authority(dir, name, c, err);
	if (ends_with(name, ".cert"))
		return take_pair(dir, names, name, c, err);
	if (ends_with(name, ".key")) {
		CLEAN(clean_free) char *certificate = partner(name, ".key", ".cert");

		if (!has(names, certificate))
			return err_set(err, ERR_NOT_FOUND,
				       "missing client certificate %s for key %s", certificate,
				       name);
	}
	return 0;
}

static int read_directory(int dir, struct certificates *ret, struct err *err)
{
	CLEAN(certificates_done) struct certificates c = { 0 };
	CLEAN(clean_names) struct dirent **names = NULL;

	if (list(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; names[i]; i++)
		if (take(dir, names, names[i]->d_name, &c, err) < 0)
			return -1;
	*ret = c;
	c = (struct certificates){ 0 };
	return 0;
}

/* 1: there is one, and it was read. */
static int try_directory(const char *path, struct certificates *ret, struct err *err)
{
	CLEAN(clean_fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (dir < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (read_directory(dir, ret, err) < 0)
		return err_wrap(err, "certificates in '%s'", path);
	return 1;
}

int certificates_find(const char *directory, const char *registry, struct certificates *ret,
		      struct err *err)
{
	CLEAN(clean_free) char *own = user_path("XDG_CONFIG_HOME", ".config", "containers/certs.d");
	const char *const places[] = { own, "/etc/containers/certs.d", "/etc/docker/certs.d" };
	int found = 0;

	if (directory) {
		found = try_directory(directory, ret, err);
		return found == 0 ? err_set(err, ERR_NOT_FOUND,
					    "--cert-dir: there is no directory '%s' to read", directory) :
				    found < 0 ? -1 : 0;
	}
	for (size_t i = 0; found == 0 && i < ARRAY_SIZE(places); i++) {
		CLEAN(clean_free)
		char *path = places[i] ? xasprintf("%s/%s", places[i], registry) : NULL;

		if (path)
			found = try_directory(path, ret, err);
	}
	return found < 0 ? -1 : 0;
}

static void set_encoded(json_t *j, const char *key, const char *text)
{
	if (text)
		js_set_str_take(j, key, base64_encode(text, strlen(text)));
}

json_t *certificates_to_json(const struct certificates *c)
{
	json_t *j;

	if (!c->authorities && !c->certificate)
		return NULL;
	j = json_object();
	set_encoded(j, "authorities", c->authorities);
	set_encoded(j, "certificate", c->certificate);
	set_encoded(j, "key", c->key);
	return j;
}

static char *get_encoded(const json_t *j, const char *key)
{
	const char *text = js_str(j, key);
	size_t len;

	return text ? base64_decode(text, &len) : NULL;
}

void certificates_from_json(const json_t *j, struct certificates *ret)
{
	*ret = (struct certificates){
		.authorities = get_encoded(j, "authorities"),
		.certificate = get_encoded(j, "certificate"),
		.key = get_encoded(j, "key"),
	};
}
