#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The sanitizers reserve terabytes, trace themselves and read /proc. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define MEMORY_MAX ((rlim_t)1 << 30) /* four zstd windows of 128 MiB, and room */
#define FILES_MAX 1024

static void limit(int resource, rlim_t most)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)resource, &r) < 0)
		return;
	r.rlim_max = r.rlim_max < most ? r.rlim_max : most;
	r.rlim_cur = r.rlim_max;
	setrlimit((__rlimit_resource_t)resource, &r);
}

static int set_limits(const struct cage *cage, struct err *err)
{
	(void)cage, (void)err;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
	if (!SANITIZED)
		limit(RLIMIT_DATA, MEMORY_MAX);
	return 0;
}

/*
 * Root's powers over files whose owners are mapped: to give them away (CHOWN, FOWNER, FSETID), to
 * work beneath a directory that its owner may not write (DAC_OVERRIDE), to restore files'
 * capabilities (SETFCAP).
 */
static const int kept_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP };

static bool is_kept(int cap)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_caps); i++)
		if (kept_caps[i] == cap)
			return true;
	return false;
}

static int drop_caps(const struct cage *cage, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	(void)cage;
	/* The bounding set first: to drop from it needs CAP_SETPCAP, which goes next. */
	for (int cap = 0; cap <= 63; cap++)
		if (!is_kept(cap))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return err_sys(err, "cannot read capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		uint32_t mask = 0;

		for (int bit = 0; bit < 32; bit++)
			if (is_kept((int)i * 32 + bit))
				mask |= UINT32_C(1) << bit;
		data[i].permitted &= mask;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return err_sys(err, "cannot drop capabilities");
	return 0;
}

static int set_no_new_privs(const struct cage *cage, struct err *err)
{
	(void)cage;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot set no_new_privs");
	return 0;
}

/* landlock(7). The headers of Linux 6.1 know two of the versions (ABI) that kernels have since. */
#define FS_TRUNCATE	    (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV	    (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP	    (UINT64_C(1) << 0)	/* ABI 4 */
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)	/* ABI 6 */
#define SCOPE_SIGNAL	    (UINT64_C(1) << 1)	/* ABI 6 */

struct landlock_attr {
	uint64_t fs, net, scoped;
};

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define STORE_RIGHTS                                                                              \
	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |            \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                          \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                              \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |  \
	 FS_TRUNCATE)

/* Name resolution, certificates, and the libraries that do the former (nsswitch.conf(5)). */
static const char *const readable[] = {
	"/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager", "/run/nscd",
};
static const char *const readable_files[] = { "/dev/null", "/dev/urandom" };

/* What is not there needs no rule. */
static int allow_fd(int ruleset, int fd, const char *path, uint64_t rights, struct err *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	if (fd < 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_sys(err, "cannot allow '%s' with Landlock", path);
	return 0;
}

static int allow(int ruleset, const char *path, uint64_t rights, struct err *err)
{
	CLEAN(clean_fd) int fd = open(path, O_PATH | O_CLOEXEC);

	return allow_fd(ruleset, fd, path, rights, err);
}

static uint64_t known_rights(long abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 */

	if (abi >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

/*
 * Before ABI 2 a rename from tmp/ to layers/ would be refused whatever the rules say, and the store
 * can't do without. Such a kernel (5.13 to 5.18) is treated as one without Landlock.
 */
static int landlock(const struct cage *cage, struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const uint64_t all = known_rights(abi);
	const struct landlock_attr attr = {
		.fs = all,
		.net = abi >= 4 ? NET_BIND_TCP : 0,
		.scoped = abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0,
	};
	CLEAN(clean_fd) int ruleset = -1;

	if (abi < 2)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 && errno == E2BIG)
		ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.fs), 0);
	if (ruleset < 0)
		return err_sys(err, "cannot make a Landlock ruleset");
	if (allow(ruleset, cage->store, STORE_RIGHTS & all, err) < 0 ||
	    allow_fd(ruleset, cage->directory, "the directory", STORE_RIGHTS & all, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		if (allow(ruleset, readable[i], READ_RIGHTS, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(readable_files); i++)
		if (allow(ruleset, readable_files[i], LANDLOCK_ACCESS_FS_READ_FILE, err) < 0)
			return -1;
	if (SANITIZED && allow(ruleset, "/proc", READ_RIGHTS, err) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_sys(err, "cannot restrict ourselves with Landlock");
	return 0;
}

/*
 * A list of what is denied, not of what is allowed: the resolver loads whatever modules the host's
 * nsswitch.conf names, which may call anything that is ordinary. What follows is not.
 */
static const int denied_calls[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork),
	/* Other processes. */
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal), SCMP_SYS(kcmp),
	SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo),
	SCMP_SYS(setpriority), SCMP_SYS(ioprio_set), SCMP_SYS(move_pages), SCMP_SYS(migrate_pages),
	/* Mounts, roots and namespaces. */
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(swapon), SCMP_SYS(swapoff),
	/* The kernel's attack surface. */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
	SCMP_SYS(syslog), SCMP_SYS(acct), SCMP_SYS(personality), SCMP_SYS(modify_ldt),
	SCMP_SYS(fanotify_init), SCMP_SYS(lookup_dcookie), SCMP_SYS(uselib), SCMP_SYS(vmsplice),
	SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	/* Who we are. */
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
	SCMP_SYS(setgroups),
	/* Nobody connects to us. */
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
};

static const unsigned int namespace_flags[] = {
	CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
	CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP,
};

/* The resolver's and our own; in particular neither AF_PACKET nor AF_ALG nor AF_VSOCK. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static bool is_family(int f)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i] == f)
			return true;
	return false;
}

/* Calls that are fine but for some of their arguments. The high half is the kernel's to ignore. */
#define LOW(n, value) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value))

static int add_argument_rules(scmp_filter_ctx f)
{
	const uint32_t eperm = SCMP_ACT_ERRNO(EPERM), no_family = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(namespace_flags); i++)
		bad |= seccomp_rule_add(f, eperm, SCMP_SYS(clone), 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, namespace_flags[i],
						namespace_flags[i]));
	/* Its flags are in memory, where no filter looks: without it, glibc uses clone. */
	bad |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (int family = 0; family < AF_MAX; family++)
		if (!is_family(family))
			bad |= seccomp_rule_add(f, no_family, SCMP_SYS(socket), 1, LOW(0, family));
	bad |= seccomp_rule_add(f, no_family, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, AF_MAX));
	/* Keystrokes for the shell that waits behind us (CVE-2017-5226, CVE-2019-10063). */
	bad |= seccomp_rule_add(f, eperm, SCMP_SYS(ioctl), 1, LOW(1, TIOCSTI));
	bad |= seccomp_rule_add(f, eperm, SCMP_SYS(ioctl), 1, LOW(1, TIOCLINUX));
	bad |= seccomp_rule_add(f, eperm, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_NE, getpid()));
	if (!SANITIZED)
		bad |= seccomp_rule_add(f, eperm, SCMP_SYS(ptrace), 0);
	return bad;
}

static void clean_filter(scmp_filter_ctx *f)
{
	if (*f)
		seccomp_release(*f);
}

static int filter_calls(const struct cage *cage, struct err *err)
{
	CLEAN(clean_filter) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int bad;

	(void)cage;
	if (!f)
		return err_set(err, ERR_SYSTEM, "cannot make a seccomp filter");
	bad = add_argument_rules(f);
	for (size_t i = 0; i < ARRAY_SIZE(denied_calls); i++)
		bad |= seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0);
	if (bad)
		return err_set(err, ERR_SYSTEM, "cannot fill a seccomp filter");
	errno = -seccomp_load(f);
	/* A kernel without seccomp still has the rest. */
	if (errno && errno != EINVAL && errno != ENOSYS)
		return err_sys(err, "cannot load a seccomp filter");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct cage *cage, struct err *err);
} steps[] = {
	{ "limit memory and files", set_limits },
	{ "drop capabilities", drop_caps },
	{ "allow no new privileges", set_no_new_privs }, /* Landlock and seccomp insist on it */
	{ "restrict the file system", landlock },
	{ "filter system calls", filter_calls }, /* last: it filters the rest */
};

int image_confine(const struct cage *cage, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].run(cage, err) < 0)
			return err_wrap(err, "cannot %s", steps[i].name);
	return 0;
}
