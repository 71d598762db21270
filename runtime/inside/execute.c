/*
 * tiffin-execute: what a process of a container is for the moment before its program.
 *
 *	tiffin-execute REPORT PROGRAM [ARG…]
 *
 * Who executes a script of "#!/proc/self/exe" makes the kernel execute the program that did so.
 * Were that tiffin, the image's dynamic linker would be loaded beside it, with the host's file open
 * behind /proc/self/exe (CVE-2019-5736). This program has no linker, and its file is a copy in
 * memory that is gone with it (runtime/execute.c).
 *
 * Where it fails, errno goes to the descriptor REPORT, which closes when the program is executed.
 * The filter of the container's is on: it calls no more of the kernel than any program does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "runtime/kernel.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int execute(const char *file, char **argv, char **env)
{
	return (int)-kernel(SYS_execve, (long)file, (long)argv, (long)env, 0);
}

static int is_dir(const char *file)
{
	return kernel(SYS_openat, AT_FDCWD, (long)file, O_PATH | O_DIRECTORY | O_CLOEXEC, 0) >= 0;
}

static const char *search_path(char **env)
{
	for (; *env; env++) {
		const char *e = *env, *name = "PATH=";

		while (*name && *e == *name)
			e++, name++;
		if (!*name)
			return e;
	}
	return PATH_DEFAULT;
}

static int has_slash(const char *text)
{
	while (*text && *text != '/')
		text++;
	return *text;
}

/* Puts "dir/name" together; dir ends at ':' and is "." where it is empty. 0: too long. */
static int join(const char *dir, const char *name, char ret[PATH_MAX])
{
	int n = 0;

	if (!*dir || *dir == ':')
		ret[n++] = '.';
	while (*dir && *dir != ':' && n < PATH_MAX - 1)
		ret[n++] = *dir++;
	if (n < PATH_MAX - 1)
		ret[n++] = '/';
	while (*name && n < PATH_MAX - 1)
		ret[n++] = *name++;
	ret[n] = '\0';
	return !*name && (!*dir || *dir == ':');
}

/* Returns where it fails, with the errno that says most. */
static int search_and_execute(char **argv, char **env)
{
	const char *dir = search_path(env);
	char file[PATH_MAX];
	int worst = ENOENT;

	if (has_slash(argv[0]))
		return execute(argv[0], argv, env);
	for (;;) {
		int sys = join(dir, argv[0], file) ? execute(file, argv, env) : ENAMETOOLONG;

		/* A directory is no program: execve says EACCES, and the search goes on. */
		if (sys != ENOENT && sys != ENOTDIR && !(sys == EACCES && is_dir(file)))
			worst = sys;
		while (*dir && *dir != ':')
			dir++;
		if (!*dir++)
			return worst;
	}
}

/* A descriptor's number; -1: a container's own process plays with us. */
static int number(const char *text)
{
	int n = 0;

	for (; *text >= '0' && *text <= '9' && n < 100000000; text++)
		n = 10 * n + (*text - '0');
	return *text ? -1 : n;
}

static int run(int argc, char **argv)
{
	const int report = argc > 2 ? number(argv[1]) : -1;
	int sys;

	if (report < 3)
		return 126;
	/* What can't be closed then would be the program's. */
	sys = (int)-kernel(SYS_fcntl, report, F_SETFD, FD_CLOEXEC, 0);
	if (!sys)
		sys = search_and_execute(argv + 2, argv + argc + 1);
	kernel(SYS_write, report, (long)&sys, sizeof(sys), 0);
	return sys == ENOENT || sys == ENOTDIR ? 127 : 126;
}

PROGRAM(run);
