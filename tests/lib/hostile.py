"""Images that mean harm, as docker-archives on standard output, for `tiffin load`.

hostile.py KIND [TARGET]: busybox with one layer more. TARGET is a path on the host.
"""

import hashlib
import io
import json
import sys
import tarfile

from images import ARCH, Layer, busybox_layer

LINKS = ("proc", "sys", "dev", "etc/passwd", "etc/group", "etc/hosts", "var/work")


def layer_of(kind, target):
    layer = Layer()
    if kind in LINKS:
        layer.symlink(kind, target)
    elif kind == "nodes":
        layer.dir("dev").symlink("dev/null", target).symlink("dev/console", target)
        layer.symlink("dev/pts", target).symlink("dev/shm", target)
    elif kind == "volume-link":
        layer.symlink("var/work", target)
    elif kind == "volume":
        layer.dir("work").file("work/file", b"seed").symlink("work/out", "/etc/hostname")
        layer.symlink("work/far", "../../../../../../etc").fifo("work/fifo")
    elif kind == "fifos":
        layer.fifo("etc/passwd").fifo("etc/group")
    elif kind == "users":
        lines = ["root:x:0:0::/root:/bin/sh"]
        for n in (2**31, 2**32 - 1, 2**32, 2**64, -1):
            lines += [f"u{n}:x:{n}:0::/:/bin/sh".replace("u-1", "uminus"), f"g{n}:x:5:{n}::/:/bin/sh"]
        layer.file("etc/passwd", "\n".join(lines + [""]).encode())
    return layer.bytes()


def main(kind, target="/"):
    config = {"Cmd": ["true"]}
    if kind == "workdir":
        config["WorkingDir"] = target
    if kind == "volume":
        config["Volumes"] = {target: {}}
    if kind == "volume-link":
        config["Volumes"] = {"/var/work": {}}
    if kind == "user":
        config["User"] = target
    if kind == "labels":
        config["Labels"] = {
            "run.oci.keep_original_groups": "1", "run.oci.hooks.stdout": target + "/out",
            "run.oci.seccomp_fail_unknown_syscall": "0", "run.oci.mount_context_type": "rootcontext",
            "run.oci.systemd.subgroup": "x", "run.oci.handler": "krun", "module.wasm.image/variant": "compat",
            "io.podman.annotations.privileged": "TRUE", "io.podman.annotations.seccomp": "unconfined",
            "io.podman.annotations.apparmor": "unconfined", "io.podman.annotations.volumes-from": "all",
            "io.containers.capabilities": "SYS_ADMIN", "io.containers.seccomp.profile": "unconfined",
            "io.containerd.runc.v2.group": "x", "io.kubernetes.cri-o.userns-mode": "host",
            "org.systemd.property.User": "'root'", "com.docker.official": "privileged",
        }
    layers = [busybox_layer(), layer_of(kind, target)]
    config = {
        "architecture": ARCH, "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(x).hexdigest() for x in layers]},
    }
    manifest = [{
        "Config": "config.json", "RepoTags": ["localhost/hostile:" + kind.replace("/", "-")],
        "Layers": [f"{i}.tar" for i in range(len(layers))],
    }]
    files = {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(config).encode()}
    files.update((f"{i}.tar", data) for i, data in enumerate(layers))
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))


main(*sys.argv[1:])
