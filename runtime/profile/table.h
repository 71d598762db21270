/*
 * The system call profile: what a container may call, by reason. Everything else gets ENOSYS, so
 * that programs take the way they have for older kernels.
 *
 * It follows docker's default profile (github.com/moby/profiles) for a container without
 * capabilities of administration, and is stricter where the remarks say so. Names that an
 * architecture does not have are passed over.
 */

/* Files and directories. Not open_by_handle_at: a handle names a file outside of every root. */
static const char *const files[] = {
	"access", "chdir", "chmod", "chown", "chroot", "close", "close_range", "copy_file_range",
	"creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate",
	"fchdir", "fchmod", "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr",
	"flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync",
	"ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr",
	"inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "fanotify_mark",
	"ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
	"lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod", "mknodat",
	"name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pread64", "preadv",
	"preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
	"readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir",
	"sendfile", "setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat",
	"sync", "sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat",
	"utime", "utimensat", "utimes", "write", "writev",
};

/* Memory. Not userfaultfd: it stops the kernel in the middle of a copy. */
static const char *const memory[] = {
	"brk", "get_mempolicy", "madvise", "mbind", "memfd_create", "memfd_secret", "membarrier",
	"mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "msync", "munlock",
	"munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
	"process_mrelease", "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node",
};

/* Processes, threads, signals. clone is ruled below; clone3 is not, whose flags can't be seen. */
static const char *const processes[] = {
	"arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_waitv",
	"get_robust_list", "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid", "getppid",
	"getpriority", "getrlimit", "getrusage", "getsid", "gettid", "ioprio_get", "ioprio_set",
	"kill", "modify_ldt", "pause", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "prctl",
	"prlimit64", "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
	"sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
	"sched_setparam", "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area",
	"set_tid_address", "setpgid", "setpriority", "setrlimit", "setsid", "sigaltstack",
	"signalfd", "signalfd4", "tgkill", "tkill", "vfork", "wait4", "waitid", "waitpid",
};

/* Users and their rights; what they may do is for the capabilities to say. */
static const char *const users[] = {
	"capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid",
	"getuid", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid",
	"setresuid", "setreuid", "setuid",
};

/* Waiting and talking. socket is ruled below. */
static const char *const channels[] = {
	"accept", "accept4", "bind", "connect", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "getpeername",
	"getsockname", "getsockopt", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
	"io_setup", "io_submit", "listen", "mq_getsetattr", "mq_notify", "mq_open",
	"mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
	"pipe", "pipe2", "poll", "ppoll", "pselect6", "recvfrom", "recvmmsg", "recvmsg", "select",
	"semctl", "semget", "semop", "semtimedop", "sendmmsg", "sendmsg", "sendto", "setsockopt",
	"shmat", "shmctl", "shmdt", "shmget", "shutdown", "socketpair",
};

/* Time. Setting it is not namespaced. */
static const char *const clocks[] = {
	"adjtimex", "alarm", "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep",
	"getitimer", "gettimeofday", "nanosleep", "setitimer", "time", "timer_create",
	"timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
	"timerfd_gettime", "timerfd_settime", "times",
};

/* The system, as far as asking goes; and programs that give up more of their own rights. */
static const char *const the_rest[] = {
	"getrandom", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
	"seccomp", "sysinfo", "uname",
};

/*
 * Denied with EPERM rather than ENOSYS: programs know the call, and that root may be refused it.
 * New namespaces, mounts, keys, the kernel's other programmable parts.
 */
static const char *const refused[] = {
	"acct", "add_key", "bpf", "clock_settime", "delete_module", "fanotify_init", "finit_module",
	"fsconfig", "fsmount", "fsopen", "fspick", "init_module", "ioperm", "iopl", "kcmp",
	"kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mount", "mount_setattr",
	"move_mount", "move_pages", "migrate_pages", "open_by_handle_at", "open_tree",
	"perf_event_open", "pivot_root", "quotactl", "quotactl_fd", "reboot", "request_key",
	"setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog",
	"umount2", "unshare", "userfaultfd", "vhangup", "vmsplice",
};

/* personality(2): Linux, Linux of 32 bits, each with or without UNAME26, and "what is it?". */
static const unsigned long personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

/* The highest address family that is looked at one by one; everything above is refused. */
#define FAMILY_LAST AF_NETLINK
/* socket(2). Not AF_ALG, AF_VSOCK, AF_PACKET: CVEs without end, and no use without capabilities. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
