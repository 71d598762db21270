/*
 * Files of credentials: the input is one, as podman's and as docker's. What is put into a file that
 * reads is found in it again, and what is removed is not.
 *
 * There are no helpers: PATH leads nowhere.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/auth_file.h"
#include "tests/fuzz/fuzz.h"

static const char *const hosts[] = { "docker.io", "localhost:5000", "quay.io" };
static char path[128];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[64], docker[128];

	(void)argc, (void)argv;
	fuzz_dir(dir);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	snprintf(docker, sizeof(docker), "%s/none", dir);
	setenv("PATH", "/nowhere", 1);
	setenv("DOCKER_CONFIG", dir, 1);
	setenv("XDG_RUNTIME_DIR", docker, 1);
	setenv("XDG_CONFIG_HOME", docker, 1);
	unsetenv("REGISTRY_AUTH_FILE");
	return 0;
}

static void write_file(const uint8_t *data, size_t size)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write_all(fd, data, size, NULL) == 0);
}

static void find(const char *authfile, const char *host, const char *repository)
{
	CLEAN(credentials_done) struct credentials c = { 0 };
	struct err err = { 0 };

	if (auth_file_find(authfile, host, repository, &c, &err) < 0)
		MUST(err.kind && *err.text && !c.username && !c.password && !c.identity_token);
	else
		MUST(!c.username == !c.password);
}

/* Where a helper is named, which isn't there, this fails. */
static void change(void)
{
	const struct credentials in = { .username = (char *)"me", .password = (char *)"s:cret" };
	CLEAN(credentials_done) struct credentials out = { 0 };
	bool found = false;

	if (auth_file_put(path, "quay.io/a", &in, NULL) < 0)
		return;
	/* A helper is asked before. */
	if (auth_file_find(path, "quay.io", "a", &out, NULL) == 0)
		MUST(streq(out.username, "me") && streq(out.password, "s:cret"));
	MUST(auth_file_remove(path, "quay.io/a", &found, NULL) == 0 && found);
	auth_file_clear(path, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	write_file(data, size);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		find(path, hosts[i], i % 2 ? "a/b" : NULL);
		find(NULL, hosts[i], "a");
	}
	change();
	return 0;
}
