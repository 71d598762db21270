/* What the machine has: a place for the store, a network, and time. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "cmd/doctor.h"
#include "net/dns.h"
#include "net/network.h"
#include "net/pasta.h"
#include "runtime/userns.h"
#include "storage/rootfs.h"

#define LITTLE_SPACE (1LL << 30)
#define NO_SPACE     (32LL << 20)

/* --- The store --- */

static void probe_store(struct tiffin *t, struct finding *f)
{
	struct err err = { .kind = ERR_NONE };

	if (tiffin_open(t, false, &err) == 0) {
		finding_ok(f, "%s", t->store.root);
		return;
	}
	finding_bad(f, FINDING_BROKEN, "%s", err.text);
	finding_follows(f, "there is no place for images and containers");
	finding_mend(f, "%s",
		     *err.hint ? err.hint : "export TIFFIN_ROOT=/var/tmp/tiffin-$(id -un)");
}

static int try_overlay(void *arg, int *ret_fd, struct err *err)
{
	const struct tiffin *t = arg;

	if (rootfs_probe_overlay(&t->store, err) < 0)
		return -1;
	*ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void probe_overlay(struct tiffin *t, struct finding *f)
{
	struct err err = { .kind = ERR_NONE };
	CLEAN(clean_fd) int fd = -1;

	if (t->store.fd < 0) {
		finding_bad(f, FINDING_LIMITED, "not tried: there is no store");
		return;
	}
	if (userns_open(&t->ids, try_overlay, t, &fd, &err) == 0) {
		finding_ok(f, "layers are stacked on the store's file system");
		return;
	}
	finding_bad(f, FINDING_LIMITED, "%s", err.text);
	finding_follows(f,
			"each container gets a copy of its image's files: slower, "
			"and more of the disk");
	finding_mend(f, "export TIFFIN_ROOT=DIRECTORY, where that is on ext4, XFS, btrfs or tmpfs");
}

static void probe_space(struct tiffin *t, struct finding *f)
{
	struct statvfs disk;
	long long space;

	if (t->store.fd < 0 || fstatvfs(t->store.fd, &disk) < 0) {
		finding_bad(f, FINDING_LIMITED, "not looked at: there is no store");
		return;
	}
	space = (long long)disk.f_bavail * (long long)disk.f_frsize;
	finding_ok(f, "%lld MB free, and room for %llu files", space / 1000000,
		   (unsigned long long)disk.f_favail);
	/* Some file systems have no number of inodes, and say 0 of 0. */
	if (space >= LITTLE_SPACE && (disk.f_favail >= 10000 || disk.f_files == 0))
		return;
	f->state = space < NO_SPACE ? FINDING_BROKEN : FINDING_LIMITED;
	finding_follows(f, space < NO_SPACE ? "no image fits" : "large images do not fit");
	finding_mend(f, "tiffin container prune -f && tiffin image prune -a -f");
}

/* --- The network --- */

/* The interface, as a container's child makes it. */
static int make_interface(void *arg, int *ret_fd, struct err *err)
{
	struct network_config config;

	(void)arg;
	network_config_init(&config);
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(err, "cannot make a network namespace");
	return network_interface_up(&config, ret_fd, err);
}

/* And tiffin-net on it: up to the point where it carries frames. */
static int carry(int frames, struct err *err)
{
	const struct strv none = { 0 };
	CLEAN(clean_fd) int control = -1;
	int result;
	pid_t pid;

	if (network_start(frames, &none, NULL, 0, &pid, &control, err) < 0)
		return -1;
	result = network_await(control, err);
	network_stop(control, pid);
	proc_reap(pid);
	return result;
}

static void probe_network(struct tiffin *t, struct finding *f)
{
	struct err err = { .kind = ERR_NONE };
	CLEAN(clean_fd) int frames = -1;
	struct stat kind;

	if (userns_open(&t->ids, make_interface, NULL, &frames, &err) < 0 ||
	    carry(frames, &err) < 0) {
		finding_bad(f, FINDING_BROKEN, "%s", err.text);
		finding_follows(f, "containers run with --network none or host only");
		finding_mend(f, "sudo modprobe tun && sudo chmod 666 /dev/net/tun");
		return;
	}
	if (fstat(frames, &kind) == 0 && S_ISCHR(kind.st_mode)) {
		finding_ok(f, "a tap device, and tiffin-net confined beside it");
		return;
	}
	finding_bad(f, FINDING_LIMITED,
		    "a veth pair, and tiffin-net confined beside it: /dev/net/tun can't be opened");
	finding_follows(f,
			"the network works, and takes more time of the processor; --network pasta "
			"does not work");
	finding_mend(f, "sudo modprobe tun && sudo chmod 666 /dev/net/tun");
}

static void probe_pasta(struct tiffin *t, struct finding *f)
{
	const struct strv none = { 0 };
	struct err err = { .kind = ERR_NONE };

	(void)t;
	if (pasta_check(&none, &err) == 0) {
		finding_ok(f, "installed");
		return;
	}
	finding_bad(f, FINDING_LIMITED, "%s", err.text);
	finding_follows(f, "--network pasta is refused; the built-in network needs nothing");
	finding_mend(f, "sudo apt-get install passt");
}

static int bind_low(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	/* One that is taken is one that we might have had. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EADDRINUSE)
		return errno;
	return 0;
}

static void probe_ports(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(bind_low);

	(void)t;
	if (error == 0) {
		finding_ok(f, "-p 80:80 can be had");
		return;
	}
	finding_bad(f, FINDING_LIMITED, "port 80 of the host: %s", strerror(error));
	finding_follows(f,
			"ports are published from %ld on; "
			"inside of containers every port can be had",
			doctor_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
	finding_mend(f, "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80");
}

static void probe_names(struct tiffin *t, struct finding *f)
{
	char text[DNS_TEXT_MAX + 1];
	size_t len = dns_read(text);
	CLEAN(strv_done) struct strv servers = { 0 };
	CLEAN(buf_done) struct buf list = { 0 };
	char *rest;

	(void)t;
	text[len] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char address[NETWORK_TEXT_MAX];

		if (sscanf(line, "nameserver %63s", address) == 1)
			strv_add(&servers, address);
	}
	for (size_t i = 0; i < servers.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", servers.v[i]);
	if (servers.n) {
		finding_ok(f, "%s, by way of tiffin-net", buf_str(&list));
		return;
	}
	finding_bad(f, FINDING_LIMITED, "'%s' names no server", DNS_FILE);
	finding_follows(f, "containers find no names, but with --dns ADDRESS");
}

/* --- The rest --- */

static void probe_fuse(struct tiffin *t, struct finding *f)
{
	CLEAN(clean_fd) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	(void)t;
	if (fd >= 0) {
		finding_ok(f, "can be opened, for containers with --device /dev/fuse");
		return;
	}
	finding_bad(f, FINDING_LIMITED, "can't be opened: %s", strerror(errno));
	finding_follows(f,
			"no container can have it by --device /dev/fuse; tiffin itself needs none");
	finding_mend(f, "sudo modprobe fuse && sudo chmod 666 /dev/fuse");
}

/* Our cgroup's directory, by the line of version 2: "0::/user.slice/…". NULL: there is none. */
static char *own_cgroup(void)
{
	CLEAN(buf_done) struct buf text = { 0 };
	const char *line;

	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0 ||
	    file_read_at(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL) < 0)
		return NULL;
	line = strstr(buf_str(&text), "0::");
	return line ? xasprintf("/sys/fs/cgroup%.*s", (int)strcspn(line + 3, "\n"), line + 3) :
		      NULL;
}

static void probe_cgroup(struct tiffin *t, struct finding *f)
{
	CLEAN(clean_free) char *own = own_cgroup();
	CLEAN(clean_free) char *trial = NULL;

	(void)t;
	if (own)
		trial = xasprintf("%s/tiffin-doctor-%d", own, (int)getpid());
	if (trial && mkdir(trial, 0755) == 0) {
		rmdir(trial);
		finding_ok(f, "version 2, and ours to divide");
		return;
	}
	if (!own)
		finding_bad(f, FINDING_LIMITED, "there is no cgroup of version 2");
	else
		finding_bad(f, FINDING_LIMITED,
			    "version 2, and not ours to divide: %s", strerror(errno));
	finding_follows(f, "no limit on memory or processors could be set");
	if (own)
		finding_mend(f, "systemd-run --user --scope -p Delegate=yes $SHELL");
	else
		finding_mend(f,
			     "boot with the kernel's parameter systemd.unified_cgroup_hierarchy=1");
}

static void probe_runtime_dir(struct tiffin *t, struct finding *f)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	(void)t;
	if (dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    access(dir, W_OK) == 0) {
		finding_ok(f, "%s", dir);
		return;
	}
	finding_bad(f, FINDING_LIMITED, "%s", dir ? "names no directory of ours" : "is not set");
	finding_follows(f,
			"'tiffin login' keeps credentials below the home directory, where they "
			"outlive the session; containers need none");
	finding_mend(f, "sudo loginctl enable-linger \"$(id -un)\", and a new login");
}

/* A whole container, of the host's own files: all of the above at once. */
static void probe_start(struct tiffin *t, struct finding *f)
{
	const char *const argv[] = { "/proc/self/exe", "run", "--rm", "--rootfs", "/:O", "true",
				     NULL };
	struct err err = { .kind = ERR_NONE };
	CLEAN(clean_fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int64_t began = now_monotonic();
	int status;
	pid_t pid;

	if (t->store.fd < 0) {
		finding_bad(f, FINDING_LIMITED, "not tried: there is no store");
		return;
	}
	if (proc_spawn(argv,
		       (const struct fd_map[]){ { null, 0 }, { null, 1 }, { null, 2 }, FD_MAP_END },
		       &pid, &err) < 0) {
		finding_bad(f, FINDING_BROKEN, "%s", err.text);
		return;
	}
	status = proc_reap(pid);
	if (status == 0) {
		finding_ok(f, "a container of the host's own files ran, and was gone after %lld ms",
			   (long long)((now_monotonic() - began) / 1000000));
		return;
	}
	finding_bad(f, FINDING_BROKEN,
		    "a container of the host's own files did not run: status %d", status);
	finding_follows(f, "the command below says why");
	finding_mend(f, "tiffin run --rm --rootfs /:O true");
}

const struct probe doctor_host[] = {
	{ "store", probe_store },
	{ "overlayfs", probe_overlay },
	{ "disk", probe_space },
	{ "network", probe_network },
	{ "fast network", doctor_fast },
	{ "pasta", probe_pasta },
	{ "low ports", probe_ports },
	{ "name servers", probe_names },
	{ "cgroup", probe_cgroup },
	{ "/dev/fuse", probe_fuse },
	{ "XDG_RUNTIME_DIR", probe_runtime_dir },
	{ "start", probe_start },
	{ NULL, NULL },
};
