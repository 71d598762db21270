#!/usr/bin/env python3
"""A registry on loopback with images that mean harm. What it serves is what it says: its digests are
right, but where they are the point. (A registry that lies is lying_registry.py, whose server this is.)

    hostile_registry.py KIND [ARGUMENT…]     prints "PORT" and a newline, then serves until killed

    digest FIELD FORM   FIELD config, layer, manifest, diff-id: its digest is of the FORM dotdot,
                        upper, short, long, nul, newline, sha512, empty, number, good
    bomb HOW            a layer of some MB that inflates to 100 GB: zstd, gzip; small: to 100 KB
    document WHICH      configuration: deep-config duplicate-config million-diff-ids good-config
    escape WHERE        text for the terminal in: file media-type architecture platform variant
                        created-by command label env (the last four are images that can be pulled)
    entry WHICH         of the layer's archive: whiteout-dotdot whiteout-dot whiteout-nothing
                        overlay-xattrs char-zero uid-max uid-beyond newline good
    layer HOW           zstd, plain, foreign (with URLs that lead to the other port), empty, xz, bzip2, cpio
    index DEPTH         an index of an index … of the image
    variants            an index for arm/v5, v6, v7, arm64/v8, amd64, amd64/v3, 386
"""
import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
import threading
import http.server

import lying_registry as lying
from lying_registry import INDEX, MANIFEST, OCI, digest

ESCAPES = "\x1b[2J\x1b]52;c;aGVsbG8=\x07\r\x9b31m\u202eevil"
FORMS = {
    "dotdot": lambda d: "sha256:../../../../" + "a" * 52,
    "upper": str.upper,
    "short": lambda d: d[:-1],
    "long": lambda d: d + "0",
    "nul": lambda d: d + "\0",
    "newline": lambda d: d + "\n",
    "sha512": lambda d: "sha512:" + d[7:] * 2,
    "empty": lambda d: "",
    "number": lambda d: 7,
    "good": lambda d: d,
}
GB100 = 100 * 10**9


def header(name, size):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = size, 1700000000
    return info.tobuf(tarfile.GNU_FORMAT)


def tar_of(*entries):
    return lying.tar_of(entries)


def zstd_bomb(size):
    """RFC 8878: a frame of a raw block, the header, and of RLE blocks of 128 KiB of zeros."""
    head = header("bomb", size)
    blocks = -(-size // (128 << 10))
    rle = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return (bytes.fromhex("28b52ffd") + b"\x00\x38" + (len(head) << 3).to_bytes(3, "little") + head
            + rle * blocks + b"\1\0\0")


def gzip_bomb(size):
    """10 MB of it: the same megabyte of zeros, again and again, between full flushes."""
    import zlib
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = z.compress(header("bomb", size)) + z.flush(zlib.Z_FULL_FLUSH)
    piece = z.compress(bytes(1 << 20)) + z.flush(zlib.Z_FULL_FLUSH)
    return bytes.fromhex("1f8b08000000000002ff") + head + piece * min(size >> 20, 10**7 // len(piece))


def entries_of(which):
    def with_xattrs(name, **xattrs):
        return (name, {"type": tarfile.DIRTYPE, "mode": 0o755, "pax_headers": {
            "SCHILY.xattr." + k.replace("_", "."): v for k, v in xattrs.items()}}, b"")

    return {
        "good": [("d/.wh.x", {}, b""), ("d/y", {"uid": 0}, b"y")],
        "whiteout-dotdot": [("d/.wh...", {}, b"")],
        "whiteout-dot": [("d/.wh..", {}, b"")],
        "whiteout-nothing": [("d/.wh.", {}, b"")],
        "uid-max": [("owned", {"uid": 2**32 - 1}, b"")],
        "uid-beyond": [("owned", {"uid": 2**32 + 5}, b"")],
        "newline": [("new\nline", {}, b""), ("latin-\udce9", {}, b"")],
        "char-zero": [("etc/hello", {"type": tarfile.CHRTYPE, "devmajor": 0, "devminor": 0}, b"")],
        "overlay-xattrs": [
            with_xattrs("etc", user_overlay_opaque="y", trusted_overlay_opaque="y"),
            with_xattrs("root", user_overlay_redirect="/etc"),
        ],
    }[which]


def layer_of(how, tar):
    def cpio():
        return subprocess.run(["bsdtar", "--format", "cpio", "-c", "-f", "-", "/etc/hostname"],
                              stdout=subprocess.PIPE, check=True).stdout
    return {
        "gzip": lambda: gzip.compress(tar, mtime=0),
        "plain": lambda: tar,
        "zstd": lambda: subprocess.run(["zstd", "-qc"], input=tar, stdout=subprocess.PIPE).stdout,
        "foreign": lambda: gzip.compress(tar, mtime=0),
        "empty": lambda: gzip.compress(bytes(1024), mtime=0),
        "xz": lambda: lzma.compress(tar),
        "bzip2": lambda: bz2.compress(tar),
        "cpio": lambda: b"070701" + b"0" * 104 + b"TRAILER!!!" + bytes(500),
    }[how]()


class Image:
    """As lying_registry serves it: manifest, type, blobs, other, indexes."""

    def __init__(self, kind, *arguments):
        self.kind, self.arguments, self.argument = kind, arguments, (arguments or ("",))[0]
        self.blobs, self.indexes, self.other, self.type = {}, {}, None, MANIFEST
        self.bend = lambda field, value: value
        if kind == "digest":
            self.bend = lambda field, value: (FORMS[arguments[1]](value) if field == arguments[0]
                                              else value)
        base = tar_of(("etc", {"type": tarfile.DIRTYPE, "mode": 0o755}, b""),
                      ("etc/hello", {}, b"hello\n"))
        self.tars, self.layers = [], []
        for tar, blob in [(base, layer_of("gzip", base))] + self.more():
            self.tars.append(digest(tar))
            self.blobs[digest(blob)] = blob
            self.layers.append(self.describe_layer(blob))
        config = self.config()
        self.config_digest, self.layer_digest = digest(config), self.layers[0]["digest"]
        self.blobs[self.config_digest] = config
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": self.layers,
            "config": {"mediaType": OCI + "config.v1+json", "size": len(config),
                       "digest": self.bend("config", self.config_digest)}}).encode()
        self.make_indexes()

    def more(self):
        if self.kind == "bomb":
            size = 100_000 if self.argument == "small" else GB100
            blob = gzip_bomb(size) if self.argument == "gzip" else zstd_bomb(size)
            tar = b"never seen"
            if self.argument == "small":
                tar = subprocess.run(["zstd", "-dqc"], input=blob, stdout=subprocess.PIPE).stdout
            return [(tar, blob)]
        if self.kind == "entry":
            tar = tar_of(*entries_of(self.argument))
            return [(tar, layer_of("gzip", tar))]
        if self.kind == "layer":
            tar = bytes(1024) if self.argument == "empty" else tar_of(("more", {}, b"more\n"))
            return [(tar, layer_of(self.argument, tar))]
        if (self.kind, self.argument) == ("escape", "file"):
            tar = tar_of(("../" + ESCAPES, {}, b""))
            return [(tar, layer_of("gzip", tar))]
        return []

    def describe_layer(self, blob):
        d = {"mediaType": OCI + "layer.v1.tar+gzip", "size": len(blob),
             "digest": self.bend("layer", digest(blob))}
        if self.argument == "foreign":
            d["mediaType"] = OCI + "layer.nondistributable.v1.tar+gzip"
            d["urls"] = [f"http://localhost:{lying.Registry.ports[1]}/elsewhere"]
        if (self.kind, self.argument) == ("escape", "media-type"):
            d["mediaType"] += ESCAPES
        return d

    def config(self):
        where = self.argument if self.kind == "escape" else ""
        document = {
            "architecture": "amd64" + (ESCAPES if where == "architecture" else ""), "os": "linux",
            "created": "2023-11-14T22:13:20Z",
            "config": {"Cmd": ["sh", ESCAPES if where == "command" else ""],
                       "Env": ["A=" + (ESCAPES if where == "env" else "b")],
                       "Labels": {"l": ESCAPES if where == "label" else "m"}},
            "rootfs": {"type": "layers", "diff_ids": [self.bend("diff-id", t) for t in self.tars]},
            "history": [{"created_by": ESCAPES if where == "created-by" else "x"}] * len(self.tars),
        }
        if self.kind == "document" and self.argument == "million-diff-ids":
            document["rootfs"]["diff_ids"] = [0] * 1_000_000
        text = json.dumps(document).encode()
        if self.kind == "document" and self.argument == "deep-config":
            text = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
        elif self.kind == "document" and self.argument == "duplicate-config":
            text = b'{"os":"linux",' + text[1:]
        return text

    def index(self, *entries):
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": media_type, "size": len(of), "platform": platform,
             "digest": self.bend("manifest", digest(of))}
            for media_type, of, platform in entries]}).encode()

    def make_indexes(self):
        here = {"os": "linux", "architecture": "amd64"}
        if self.kind == "digest" and self.arguments[0] == "manifest":
            self.other = self.index((MANIFEST, self.manifest, here))
        elif self.kind == "escape" and self.argument in ("platform", "variant"):
            bent = here | {"architecture" if self.argument == "platform" else "variant": ESCAPES}
            self.other = self.index((MANIFEST, self.manifest, bent))
        elif self.kind == "index":
            self.other = self.index((MANIFEST, self.manifest, here))
            for _ in range(int(self.argument) - 1):
                self.indexes[digest(self.other)] = self.other
                self.other = self.index((INDEX, self.other, here))
        elif self.kind == "variants":
            entries = []
            for name in "arm/v5", "arm/v7", "arm/v6", "arm64/v8", "amd64/v3", "amd64", "386":
                arch, _, variant = name.partition("/")
                config = json.dumps({"architecture": arch, "os": "linux", "variant": variant, "config": {},
                                     "rootfs": {"type": "layers", "diff_ids": self.tars}}).encode()
                self.blobs[digest(config)] = config
                manifest = json.loads(self.manifest)
                manifest["config"] |= {"digest": digest(config), "size": len(config)}
                manifest = json.dumps(manifest).encode()
                # Served as any document that is asked for by digest.
                self.indexes[digest(manifest)] = manifest
                entries.append((MANIFEST, manifest, {"os": "linux", "architecture": arch,
                                                     **({"variant": variant} if variant else {})}))
            self.other = self.index(*entries)


class Registry(lying.Registry):
    def get_manifest(self, which):
        image = self.image
        body = image.indexes.get(which)
        if body is None:
            body = image.other if image.other and not which.startswith("sha256:") else image.manifest
        self.reply(200, body, json.loads(body)["mediaType"])

    def get_blob(self, which):
        body = self.image.blobs.get(which)
        if body is None:
            self.refuse(404, "BLOB_UNKNOWN", "blob unknown")
        else:
            self.reply(200, body, "application/octet-stream")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) for _ in range(2)]
    lying.Registry.ports = [s.server_port for s in servers]
    Registry.image = Image(*sys.argv[1:])
    threading.Thread(target=servers[1].serve_forever, daemon=True).start()
    print(servers[0].server_port, flush=True)
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
