"""The answers of tests/posture/probe.c under each tool, as a table in Markdown."""

TOOLS = ("tiffin", "podman", "bwrap")

CAPS = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()

# What docker's documentation says of its defaults (docs.docker.com/engine/containers/run, "Runtime privilege and Linux
# capabilities"; /engine/security/seccomp): not probed. What it does not say is left open.
DOCKER = {
    "capabilities": "14 (CHOWN, DAC_OVERRIDE, FSETID, FOWNER, MKNOD, NET_RAW, SETGID, SETUID, SETFCAP, SETPCAP, "
    "NET_BIND_SERVICE, SYS_CHROOT, KILL, AUDIT_WRITE)",
    "seccomp": "filter",
    "add_key": "denied", "keyctl": "denied", "request_key": "denied", "bpf": "denied", "clone(user)": "denied",
    "clock_settime": "denied", "delete_module": "denied", "finit_module": "denied", "init_module": "denied",
    "iopl": "denied", "ioperm": "denied", "kcmp": "denied", "kexec_load": "denied", "mount": "denied",
    "move_pages": "denied", "open_by_handle_at": "denied", "perf_event_open": "denied", "pivot_root": "denied",
    "quotactl": "denied", "reboot": "denied", "setns": "denied", "swapon": "denied", "umount2": "denied",
    "unshare(user)": "denied", "unshare(mount)": "denied", "unshare(net)": "denied", "userfaultfd": "denied",
    "acct": "denied",
}
# The kernel was asked, and found fault with the arguments only.
ASKED = {"done", "EFAULT", "EBADF", "EINVAL", "ESRCH", "ENOENT", "ENOEXEC", "E2BIG", "EOPNOTSUPP", "ENXIO", "ENOTTY", "ENODEV"}
CONTROLS = ("getppid", "ioctl(TIOCGWINSZ)", "socket(AF_INET)")


def read(name):
    answers, devices = {}, []
    with open(name + ".out") as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("\t")
            if key.startswith("device "):
                devices.append((key[7:], value.endswith("opens")))
            else:
                answers[key] = value
    answers["devices"] = devices
    return answers


def capabilities(answers, key):
    mask = int(answers[key], 16)
    names = [name for n, name in enumerate(CAPS) if mask >> n & 1]
    if not names:
        return "none"
    return "all" if len(names) == len(CAPS) else f"{len(names)} ({', '.join(names)})"


def call(answers, host, name):
    answer = answers.get(name, "?")
    if answer in ("ENOSYS", "EAFNOSUPPORT") and answer == host.get(name):
        return "not in this kernel"
    return f"let in ({answer})" if answer in ASKED else f"denied ({answer})"


def row(name, cells, docker=None):
    print("| " + " | ".join([name, *cells, docker or DOCKER.get(name, "–")]) + " |")


def main():
    host = read("host")
    all_ = [read(tool) for tool in TOOLS]
    print("| | tiffin | podman, rootless | bubblewrap | docker, as documented |\n|---|---|---|---|---|")
    row("capabilities", [capabilities(a, "CapEff") for a in all_])
    row("bounding set", [capabilities(a, "CapBnd") for a in all_])
    row("inheritable, ambient", [f"{capabilities(a, 'CapInh')}, {capabilities(a, 'CapAmb')}" for a in all_])
    row("no_new_privs", ["on" if a["NoNewPrivs"] == "1" else "off" for a in all_], "off")
    row("seccomp", [{"0": "none", "2": "filter"}.get(a["Seccomp"], "?") for a in all_])
    for space in "user mnt pid uts ipc cgroup net".split():
        key = "namespace " + space
        documented = {"user": "shared", "cgroup": None}.get(space, "its own")
        row(key, ["shared" if a[key] == host[key] else "its own" for a in all_], documented)
    names = [name for name in all_[0] if "/" not in name and not name.startswith(("namespace", "reach"))
             and name not in CONTROLS + ("devices", "descriptors", "NoNewPrivs", "Seccomp", "Groups")
             and not name.startswith("Cap")]
    for name in names:
        row(name, [call(a, host, name) for a in all_])
    for kind, good in (("see", "seen"), ("write", "yes")):
        paths = [key for key in all_[0] if key.startswith(kind + " ") and host.get(key) != "absent"]
        cells = [", ".join(p.split()[1] for p in paths if a.get(p) == good) or "none" for a in all_]
        row({"see": "of the usual hidden paths, readable",
             "write": "of the kernel's settings, can be opened to write"}[kind], cells)
    row("devices that open", [", ".join(sorted(d for d, opens in a["devices"] if opens)) for a in all_])
    row("descriptors", [a["descriptors"] for a in all_])
    for address, text in (("127.0.0.1", "its own 127.0.0.1"), ("10.0.2.2", "10.0.2.2"), ("10.0.2.3", "10.0.2.3")):
        row(f"the host's loopback by {text}",
            ["reached" if a.get("reach " + address) == "yes" else "not reached" for a in all_])


main()
