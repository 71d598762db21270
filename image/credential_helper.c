#include "image/credential_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"

#define ANSWER_MAX (1u << 20)
#define TOKEN_USER "<token>" /* the secret is an identity token */
#define NOT_FOUND  "credentials not found"

static bool name_valid(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789._-")];
}

static void clean_secret(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	buf_done(b);
}

/* In a file, which can't block as a pipe can, nor break as one does. */
static int question(const char *text, int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int fd = memfd_create("question", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot make an anonymous file");
	if (write_all(fd, text, strlen(text), err) < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Runs it to its end: its exit status and what it said. */
static int converse(const char *program, const char *verb, int in, struct buf *ret, int *ret_status,
		    struct err *err)
{
	const char *const argv[] = { program, verb, NULL };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int ends[2], result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	if (proc_spawn(argv,
		       (const struct fd_map[]){ { in, STDIN_FILENO }, { theirs, STDOUT_FILENO },
						FD_MAP_END },
		       &pid, err) < 0)
		return -1;
	close(fd_take(&theirs));
	result = read_all(ours, ANSWER_MAX, ret, err);
	if (result < 0)
		kill(pid, SIGKILL);
	*ret_status = proc_reap(pid);
	return result;
}

/* *ret_found is false where it says that there are none, which is its one failure that is none. */
static int ask(const char *name, const char *verb, const char *text, struct buf *ret,
	       bool *ret_found, struct err *err)
{
	CLEAN(clean_free) char *program = xasprintf("docker-credential-%s", name);
	CLEAN(clean_fd) int in = -1;
	int status = 0;

	if (!name_valid(name)) {
		CLEAN(clean_free) char *safe = str_printable(name);

		return err_set(err, ERR_CORRUPT, "'%.100s' is no credential helper's name", safe);
	}
	if (question(text, &in, err) < 0 || converse(program, verb, in, ret, &status, err) < 0)
		return err_wrap(err, "credential helper '%s'", program);
	*ret_found = status == 0;
	if (status == 0 || strstr(buf_str(ret), NOT_FOUND))
		return 0;
	CLEAN(clean_free) char *safe = str_printable(buf_str(ret));

	return err_set(err, ERR_DENIED, "credential helper '%s': '%s' ends with status %d: %.200s",
		       program, verb, status, safe);
}

int credential_helper_read(const char *text, size_t len, struct credentials *ret, bool *ret_found,
			   struct err *err)
{
	CLEAN(clean_json) json_t *j = NULL;
	const char *user, *secret;

	if (js_parse(text, len, &j, err) < 0)
		return -1;
	user = js_str(j, "Username");
	secret = js_str(j, "Secret");
	*ret_found = user && secret && *secret;
	if (!*ret_found)
		return 0;
	*ret = (struct credentials){ 0 };
	if (streq(user, TOKEN_USER)) {
		ret->identity_token = xstrdup(secret);
	} else {
		ret->username = xstrdup(user);
		ret->password = xstrdup(secret);
	}
	return 0;
}

int credential_helper_get(const char *name, const char *server, struct credentials *ret,
			  bool *ret_found, struct err *err)
{
	CLEAN(clean_secret) struct buf text = { 0 };

	if (ask(name, "get", server, &text, ret_found, err) < 0)
		return -1;
	if (*ret_found &&
	    credential_helper_read(buf_str(&text), text.len, ret, ret_found, err) < 0)
		return err_wrap(err, "credential helper 'docker-credential-%s'", name);
	return 0;
}

int credential_helper_store(const char *name, const char *server, const struct credentials *c,
			    struct err *err)
{
	CLEAN(clean_secret) struct buf ignored = { 0 };
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;
	bool found;
	int result;

	js_set_str(j, "ServerURL", server);
	js_set_str(j, "Username", c->username);
	js_set_str(j, "Secret", c->password);
	text = js_dump(j);
	result = ask(name, "store", text, &ignored, &found, err);
	explicit_bzero(text, strlen(text));
	return result;
}

int credential_helper_erase(const char *name, const char *server, struct err *err)
{
	CLEAN(clean_secret) struct buf ignored = { 0 };
	bool found;

	return ask(name, "erase", server, &ignored, &found, err);
}
