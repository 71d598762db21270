#!/usr/bin/env python3
"""Test images, made from Debian packages and pushed to a registry, without tiffin.

    images.py push HOST:PORT [NAME…]        makes and pushes: all, or those named
    images.py debian HOST:PORT TARBALL CONF pushes debian:bookworm from a gzipped root file
                                            system and a directory of files to lay over it

The same input gives the same digests. What each image holds is said where it is made; the bats
files say what must come out of it.
"""
import gzip
import hashlib
import http.client
import io
import json
import os
import platform
import random
import subprocess
import sys
import tarfile

MTIME = 1700000000
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OTHER_ARCH = "arm64" if ARCH == "amd64" else "amd64"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUSYBOX = "/bin/busybox"

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution."
CONFIG_TYPE = {"oci": OCI + "config.v1+json", "docker": "application/vnd.docker.container.image.v1+json"}
MANIFEST_TYPE = {"oci": OCI + "manifest.v1+json", "docker": DOCKER + "manifest.v2+json"}
INDEX_TYPE = {"oci": OCI + "index.v1+json", "docker": DOCKER + "manifest.list.v2+json"}
LAYER_TYPE = {
    ("oci", "gzip"): OCI + "layer.v1.tar+gzip",
    ("oci", "zstd"): OCI + "layer.v1.tar+zstd",
    ("oci", "plain"): OCI + "layer.v1.tar",
    ("docker", "gzip"): "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class Layer:
    """Tar entries in the order they are added."""

    def __init__(self):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w", format=tarfile.PAX_FORMAT)

    def entry(self, name, kind, mode, data=b"", link="", uid=0, gid=0, xattrs=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname, info.mtime = kind, mode, link, MTIME
        info.uid, info.gid, info.size = uid, gid, len(data)
        info.pax_headers = {"SCHILY.xattr." + k: v for k, v in (xattrs or {}).items()}
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def dir(self, name, mode=0o755, **more):
        return self.entry(name + "/", tarfile.DIRTYPE, mode, **more)

    def file(self, name, data=b"", mode=0o644, **more):
        return self.entry(name, tarfile.REGTYPE, mode, data, **more)

    def symlink(self, name, target, **more):
        return self.entry(name, tarfile.SYMTYPE, 0o777, link=target, **more)

    def hardlink(self, name, target, mode=0o644, **more):
        return self.entry(name, tarfile.LNKTYPE, mode, link=target, **more)

    def fifo(self, name, mode=0o644):
        return self.entry(name, tarfile.FIFOTYPE, mode)

    def whiteout(self, name):
        head, _, tail = name.rpartition("/")
        return self.file(f"{head}/.wh.{tail}" if head else f".wh.{tail}", mode=0)

    def opaque(self, name):
        return self.file(f"{name}/.wh..wh..opq", mode=0)

    def bytes(self):
        self.tar.close()
        return self.out.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Registry:
    """The part of the distribution specification that a push needs."""

    def __init__(self, address):
        self.http = http.client.HTTPConnection(address, timeout=60)

    def ask(self, method, path, body=None, headers=None):
        self.http.request(method, path, body, headers or {})
        reply = self.http.getresponse()
        return reply, reply.read()

    def blob(self, name, data, digest=None):
        digest = digest or digest_of(data)
        if self.ask("HEAD", f"/v2/{name}/blobs/{digest}")[0].status == 200:
            return digest
        reply, text = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        where = reply.getheader("Location")
        if reply.status != 202:
            raise SystemExit(f"Error: cannot push to '{name}': {text.decode()}")
        where += ("&" if "?" in where else "?") + "digest=" + digest
        reply, text = self.ask("PUT", where, data, {"Content-Type": "application/octet-stream"})
        if reply.status != 201:
            raise SystemExit(f"Error: cannot push a blob of '{name}': {text.decode()}")
        return digest

    def manifest(self, name, reference, document):
        body = compact(document)
        reply, text = self.ask("PUT", f"/v2/{name}/manifests/{reference or digest_of(body)}", body,
                               {"Content-Type": document["mediaType"]})
        if reply.status != 201:
            raise SystemExit(f"Error: cannot push '{name}:{reference}': {text.decode()}")
        return {"mediaType": document["mediaType"], "digest": digest_of(body), "size": len(body)}


class Blob:
    """A layer as it travels: compressed bytes, and the digest of the tar inside."""

    def __init__(self, tar, how="gzip"):
        self.how, self.data, self.diff_id = how, compress(tar, how), digest_of(tar)


def push_image(registry, name, tag, blobs, config, kind="oci", arch=ARCH):
    """Pushes one image; tag None: by digest only. Returns its descriptor."""
    document = {
        "architecture": arch,
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": {"Env": [PATH], **config},
        "rootfs": {"type": "layers", "diff_ids": [b.diff_id for b in blobs]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "tests/lib/images.py"} for _ in blobs],
    }
    body = compact(document)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE[kind],
        "config": {"mediaType": CONFIG_TYPE[kind], "digest": registry.blob(name, body), "size": len(body)},
        "layers": [
            {"mediaType": LAYER_TYPE[kind, b.how], "digest": registry.blob(name, b.data), "size": len(b.data)}
            for b in blobs
        ],
    }
    return registry.manifest(name, tag, manifest)


def push_index(registry, name, tag, kind, images):
    """An index of (descriptor, architecture)."""
    registry.manifest(name, tag, {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE[kind],
        "manifests": [{**d, "platform": {"os": "linux", "architecture": a}} for d, a in images],
    })


def busybox_layer():
    """busybox with every applet as a symlink; users root, daemon, app (1000) and nobody."""
    layer = Layer()
    for name in "bin sbin usr usr/bin usr/sbin dev etc home proc root sys var var/run".split():
        layer.dir(name, 0o700 if name == "root" else 0o755)
    layer.dir("tmp", 0o1777).dir("home/app", 0o755, uid=1000, gid=1000)
    with open(BUSYBOX, "rb") as program:
        layer.file("bin/busybox", program.read(), 0o755)
    applets = subprocess.run([BUSYBOX, "--list-full"], stdout=subprocess.PIPE, check=True)
    for path in sorted(applets.stdout.decode().split()):
        if path != "bin/busybox":
            layer.symlink(path, "/bin/busybox")
    layer.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                             b"daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                             b"app:x:1000:1000:app:/home/app:/bin/sh\n"
                             b"nobody:x:65534:65534:nobody:/:/bin/false\n")
    layer.file("etc/group", b"root:x:0:\ndaemon:x:1:\nwww-data:x:33:\napp:x:1000:\n"
                            b"extra:x:2000:app\nnogroup:x:65534:\n")
    return layer.bytes()


def layers_layers():
    """What layers can say: what is deleted, hidden, linked, replaced, owned and marked."""
    one = Layer().dir("data")
    one.file("data/kept", b"kept\n").file("data/deleted", b"deleted\n")
    one.dir("data/deleted-dir").file("data/deleted-dir/file", b"deleted\n")
    one.dir("data/opaque").file("data/opaque/old", b"old\n").dir("data/opaque/olddir")
    one.dir("data/opaque-late").file("data/opaque-late/old", b"old\n")
    one.file("data/changed", b"first\n").file("data/reborn", b"first\n")
    one.file("data/file-to-dir", b"file\n").dir("data/dir-to-file").file("data/dir-to-file/in", b"x\n")
    one.dir("data/link-to-dir-target").symlink("data/link-to-dir", "link-to-dir-target")
    one.dir("hard").dir("hard/other").file("hard/a", b"linked\n", 0o640, uid=33, gid=33)
    for name in "hard/b", "hard/other/c":
        one.hardlink(name, "hard/a", 0o640, uid=33, gid=33)
    one.symlink("data/absolute", "/data/kept").symlink("data/relative", "kept")
    one.symlink("data/upward", "../../../data/kept").symlink("data/dangling", "/no/such/file", uid=1000, gid=1000)
    one.dir("modes").file("modes/setuid", b"s", 0o4755).file("modes/setgid", b"s", 0o2755, uid=0, gid=33)
    one.dir("modes/sticky", 0o1777).dir("modes/sgid-dir", 0o2775, gid=33).file("modes/none", b"", 0o000)
    one.dir("modes/closed", 0o000).file("modes/write-only", b"", 0o200)
    one.dir("owners").file("owners/root", b"0").file("owners/app", b"1", uid=1000, gid=1000)
    one.file("owners/www-data", b"2", 0o600, uid=33, gid=33).file("owners/mixed", b"3", uid=1000, gid=33)
    one.dir("owners/app-dir", 0o700, uid=1000, gid=1000).file("owners/last", b"4", uid=65534, gid=65534)
    one.dir("xattrs").file("xattrs/user", b"x", xattrs={"user.tiffin": "a value"})
    one.dir("xattrs/dir", xattrs={"user.on.dir": "yes"})
    # vfs_cap_data, revision 2, effective: CAP_NET_BIND_SERVICE (capabilities(7), capability.h).
    one.file("xattrs/capable", b"x", 0o755,
             xattrs={"security.capability": "\x01\x00\x00\x02\x00\x04" + "\x00" * 14})
    one.dir("special").fifo("special/fifo", 0o622)
    one.dir("names").file("names/with space", b"1").file("names/grün-漢字", b"2")
    one.file("names/quote'\"back\\slash", b"3").file("names/" + "n" * 255, b"4").file("names/-dash", b"5")
    one.dir("deep").file("deep/" + "/".join(["d" * 50] * 5) + "/leaf", b"deep\n")
    # Later layers
    two = Layer().whiteout("data/deleted").whiteout("data/deleted-dir").whiteout("data/reborn")
    two.dir("data/opaque", 0o750).opaque("data/opaque").file("data/opaque/new", b"new\n")
    # An opaque marker that comes after its siblings hides lower layers only.
    two.dir("data/opaque-late").file("data/opaque-late/new", b"new\n").opaque("data/opaque-late")
    two.file("data/changed", b"second\n", 0o600)
    two.whiteout("data/file-to-dir").dir("data/file-to-dir").file("data/file-to-dir/in", b"dir\n")
    two.file("data/dir-to-file", b"file\n")
    two.dir("data/link-to-dir").file("data/link-to-dir/in", b"real dir\n")
    three = Layer().file("data/reborn", b"third\n").whiteout("data/never-was")
    three.dir("late").file("late/added", b"three\n")
    return [busybox_layer(), one.bytes(), two.bytes(), three.bytes()]


def push_busybox(registry):
    blobs = [Blob(busybox_layer())]
    push_image(registry, "busybox", "latest", blobs, {"Cmd": ["sh"]})
    push_image(registry, "busybox", "1", blobs, {"Cmd": ["sh"]})
    # Another configuration, and so another image, of the same layer.
    push_image(registry, "busybox", "other", blobs, {"Cmd": ["echo", "other"]})
    push_image(registry, "team/tools/busybox", "v1.0_x", blobs, {"Cmd": ["sh"]})


def push_layers(registry):
    """One content, in every form a registry has it."""
    tars, config = layers_layers(), {"Cmd": ["sh"]}
    gz = [Blob(t) for t in tars]
    mine = push_image(registry, "layers", "latest", gz, config)
    schema2 = push_image(registry, "layers", "docker", gz, config, "docker")
    push_image(registry, "layers", "zstd", [Blob(t, "zstd") for t in tars], config)
    push_image(registry, "layers", "plain", [Blob(t, "plain") for t in tars], config)
    other = {"Cmd": ["sh"], "Env": [PATH, "OTHER=yes"]}
    theirs = push_image(registry, "layers", None, gz, other, arch=OTHER_ARCH)
    theirs2 = push_image(registry, "layers", None, gz, other, "docker", OTHER_ARCH)
    push_index(registry, "layers", "index", "oci", [(theirs, OTHER_ARCH), (mine, ARCH)])
    push_index(registry, "layers", "list", "docker", [(theirs2, OTHER_ARCH), (schema2, ARCH)])
    push_index(registry, "layers", "foreign", "oci", [(theirs, OTHER_ARCH)])
    # The same layer twice: overlayfs refuses one directory named twice.
    push_image(registry, "layers", "twice", [gz[0], gz[1], gz[2], gz[1]], config)


def push_config(registry):
    """Every field of a configuration that a run goes by."""
    script = b'#!/bin/sh\necho "entry:$*"\nif [ "$1" = exec ]; then shift; exec "$@"; fi\n'
    extra = Layer().file("entry", script, 0o755).dir("vol").file("vol/seed", b"seeded\n", uid=1000, gid=1000)
    extra.file("not-executable", b"#!/bin/sh\n", 0o644).file("bad-interpreter", b"#!/no/such/thing\n", 0o755)
    blobs = [Blob(busybox_layer()), Blob(extra.bytes())]
    push_image(registry, "config", "latest", blobs, {
        "Entrypoint": ["/entry"],
        "Cmd": ["from", "cmd"],
        "Env": [PATH, "FROM_IMAGE=yes", "EMPTY=", "SPACED=a b"],
        "User": "app",
        "WorkingDir": "/work/made/here",
        "Volumes": {"/vol": {}},
        "Labels": {"org.example.title": "config", "spaced": "a b"},
        "StopSignal": "SIGUSR1",
        "ExposedPorts": {"80/tcp": {}},
    })
    push_image(registry, "config", "nocommand", blobs, {})
    push_image(registry, "config", "group", blobs, {"User": "1000:www-data", "Cmd": ["id"]})
    # As databases are: a user, a directory of that user's alone, and what makes it on the first start.
    start = b"""#!/bin/sh
set -e
cd /var/lib/db
[ -s version ] || { echo 15 >version; mkdir -m 700 base; echo 0 >base/count; }
n=$(($(cat base/count) + 1))
echo $n >base/count
echo "started $n $(stat -c %u:%a .) $(stat -c %u version)"
exec "$@"
"""
    db = Layer().file("start", start, 0o755).dir("var/lib").dir("var/lib/db", 0o700, uid=999, gid=999)
    push_image(registry, "config", "database", [Blob(busybox_layer()), Blob(db.bytes())], {
        "Entrypoint": ["/start"], "Cmd": ["true"], "User": "999:999", "Volumes": {"/var/lib/db": {}}})
    push_image(registry, "config", "nobody", blobs, {"User": "no-such-user", "Cmd": ["id"]})


def push_big(registry):
    """16 MiB that do not compress: too much for a small disk."""
    layer = Layer().dir("big").file("big/file", random.Random(1).randbytes(16 << 20))
    push_image(registry, "big", "latest", [Blob(busybox_layer()), Blob(layer.bytes(), "plain")], {"Cmd": ["sh"]})


def push_twice(registry):
    """A layer in which later entries take the place of earlier ones, which docker and podman refuse."""
    layer = Layer().file("twice", b"first" * 1000).file("twice", b"second" * 500)
    layer.dir("d").file("d/f", b"in d" * 300).file("d/f", b"again" * 300).file("d", b"a file" * 10000)
    layer.file("twice", b"third" * 2000).symlink("d", "twice").hardlink("h", "twice")
    layer.file("h", b"own" * 1000)
    push_image(registry, "twice", "latest", [Blob(busybox_layer()), Blob(layer.bytes())], {"Cmd": ["sh"]})


def push_debian(address, tarball, overlay):
    """The root file system, and over it the files that make apt work."""
    registry = Registry(address)
    layer = Layer()
    for folder, _, files in sorted(os.walk(overlay)):
        for name in sorted(files):
            path = os.path.join(folder, name)
            with open(path, "rb") as source:
                layer.file(os.path.relpath(path, overlay), source.read())
    base = Blob.__new__(Blob)
    with open(tarball, "rb") as source:
        base.how, base.data = "gzip", source.read()
    base.diff_id = digest_of(gzip.decompress(base.data))
    push_image(registry, "debian", "bookworm", [base, Blob(layer.bytes())], {"Cmd": ["bash"]})


IMAGES = {"busybox": push_busybox, "layers": push_layers, "config": push_config, "big": push_big,
          "twice": push_twice}


def main(argv):
    if len(argv) >= 3 and argv[1] == "push":
        registry = Registry(argv[2])
        for name in argv[3:] or IMAGES:
            IMAGES[name](registry)
    elif len(argv) == 5 and argv[1] == "debian":
        push_debian(*argv[2:])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
