#!/usr/bin/env python3
"""R: a registry on loopback that lies.

    lying_registry.py MODE [CERTIFICATE KEY [AUTHORITY]]
                                prints "PORT" and a newline, then serves until it is killed; with a
                                certificate over TLS, asking for one of the AUTHORITY's

It serves one small image of one layer (a few files, 400 KB of them random) under every repository name
and tag, over plain HTTP, and lies about it in the way that MODE says. The image is the same each time.

    GET /_requests              what was asked so far: JSON, [{"method", "path", "range",
                                "authorization", "elsewhere", "certificate"}, ...], without such
                                requests themselves; elsewhere: they came in at the other port;
                                certificate: one was shown

What a pull must do in each mode (exit status 125 unless it says "succeeds"; the store unchanged):

    good                 succeeds
    slow                 succeeds: 12 layers, each of which takes half a minute, until somebody asks for
                         /_release
    index                succeeds: the tag is an index with this platform and others
    redirect             succeeds: blobs are behind a redirect to another port of this host
    cut-once             succeeds: the connection breaks in mid-layer; ranges are honoured
    cut-often            succeeds: it breaks every 64 KiB; ranges are honoured
    cut-no-range         succeeds: it breaks once, and Range is ignored
    500-twice            succeeds: the layer answers 500 twice, then it is there
    500-all              succeeds: everything answers 500 twice, then it is there
    reset-all            succeeds: everything is reset once, then it is there
    429-once 429-date    succeeds: everything answers 429, until the seconds, or the date, of
                         Retry-After; for good to who asks again before
    stall-once           succeeds: the layer stops in the middle once; ranges are honoured
    trickle-once         the same, at a byte a second
    no-length            succeeds: the layer has no Content-Length
    wrong-range          the connection breaks; what comes then is not from where it was asked for
    late                 succeeds: the layer takes some two seconds
    two                  succeeds: an image of two layers, of which the first is the other's
    pages                succeeds: the tags a and b, each on a page of its own
    two-stall            the same, of which the second stops in the middle
    500-manifest 500     "status 500"
    500-held             the same of the layer, once somebody has asked for /_release
    401 403              "authentication required", "access denied"
    429                  "too many requests", Retry-After: 1
    404                  "manifest unknown"
    404-html             the same, though the answer is a page of HTML
    404-escape           the same; its text has ESC and OSC 52 sequences that must not come through
    html                 "not a manifest but of type 'text/html'"
    not-json             "not JSON"
    deep-json            100,000 levels: "not a manifest"
    duplicate-keys       "duplicate"
    schema1              "schema 1"
    artifact             "artifact"
    confusion            manifests and layers in one document: "an image and an index at once"
    confusion-type       Content-Type unlike mediaType: "not of the type"
    bad-digest           sha256:../../x as the layer's digest: "not a SHA-256 digest", and no request
    million-layers       "1000000 layers"
    no-platform          an index without this platform: "no image found for platform"
    nested-index         an index of an index of an index ...: "nested too deeply"
    wrong-manifest       for pulls by digest: "wrong digest"
    wrong-config         "wrong digest"
    wrong-digest         the layer is another, valid one: "wrong digest"
    flipped-bit          "wrong digest"
    wrong-diff-id        "wrong diff ID"
    layer-count          the configuration names two layers, the manifest one
    truncated            the layer breaks off in the middle, each time, from the start
    short                Content-Length and layer are short: "bytes, and"
    long                 Content-Length and layer are long: "longer than"
    lying-size           the manifest's size is too big
    config-size          the same of the configuration's: "bytes, and"
    endless-manifest endless-config endless-error endless-headers endless-layer
                         bytes without end
    redirect-file        to file:///etc/passwd: "redirects to where no registry leads"
    redirect-loop        "in a circle"
    stall                the layer stops in the middle: an error in the end
    stall-manifest       no answer at all: an error in the end
    dotdot               an entry ../../escaped: "leads out of the layer"
    hardlink-out         a hardlink to /etc/passwd: "not in the layer"
    symlink-out          a file beneath a symlink to /: "is not a directory"
    owner                a file of user 70000: "beyond your range"
    not-tar              text, gzipped: "not a valid tar archive"
    not-gzip             the gzip stream is damaged, its digest is right: "not a valid gzip stream"
    garbage-after        something follows the gzip stream: "gzip stream"

Who is asked for something, as me with the password secret (the port that is not the registry's may
never be shown it):

    password             succeeds: Basic; the layer is behind a redirect to the other port
    token-once           succeeds: a token is good for one request, and then has run out
    token-cut            the same, and the layer breaks every 64 KiB; ranges are honoured
    token-500            succeeds: what gives tokens answers 500 twice, then there is one
    token-redirect       succeeds: what gives tokens is behind a redirect to the other port
    realm-port           succeeds: it is at the other port
    redirect-401         the layer is behind a redirect to the other port, which asks for a password:
                         "authentication required"
    challenge-many       succeeds: the Bearer challenge is the last of several
    token-refused        "invalid username/password"
    token-useless        tokens that nobody takes: "authentication required"
    token-endless        "has no end"
    token-html           "not JSON"
    token-long           a token of 40,000 bytes: "no valid token"
    token-newline        a token that would be a header of its own: "no valid token"
    realm-file           file:///etc/passwd: "no address of a token server"
    realm-user           a password in the realm: the same
    realm-http           not on loopback, and without TLS: "does without TLS"
    challenge-bad        "malformed"
    zstd-window          a zstd frame that wants a window of 2 GB: "zstd"

With TLS; the other port has it where it says so:

    redirect-plain       the layer is behind a redirect to the other port, which has none: "redirects
                         to where no registry leads"
    realm-plain          so is what gives tokens: "does without TLS"
    push-plain           so are uploads: "without TLS: refused"
    realm-tls            succeeds: what gives tokens is on 127.0.0.1, at the other port, with TLS

It takes whatever is pushed, and forgets it in the end. GET /_pushed is {"blobs": [digest, ...],
"manifests": {reference: digest}}. What a push of a layer of more than a chunk must do:

    push-good            succeeds
    push-cut             succeeds: the first chunk breaks off in the middle, and the registry has that much
    push-cut-often       succeeds: each PATCH breaks off after 3 MB
    push-partial         succeeds: a PATCH is answered with less in its Range than was sent
    push-lost            succeeds: the first upload is forgotten after its first chunk
    push-500-twice       succeeds: so answers a PATCH, and a PUT
    push-answer-lost     succeeds: the last PUT is taken, and the connection breaks before its answer
    push-429             succeeds: with Retry-After: 1, and then it is taken
    push-429-always      "too many requests"
    push-500             "status 500"
    push-403             "access denied"
    push-elsewhere       succeeds, as me with the password secret: uploads go to the other port, which is
                         never shown it
    push-redirect        POST is answered with a redirect to the other port: "status 307"
    push-nothing         a PATCH is answered as if nothing of it had come: "takes nothing more"
    push-no-location     "does not say where"
    push-file            a Location of file:///etc/passwd: "no place to upload to"
    push-range           it has had more than it was sent: "was not sent"
    push-bad-range       "can't be told"
    push-digest          a blob is said to be another: "something else"
    push-stall           the first chunk is read half, and then nothing happens
    push-manifest-digest the same of the manifest
"""

import base64
import email.utils
import gzip
import hashlib
import http.server
import io
import json
import random
import socket
import ssl
import struct
import sys
import tarfile
import threading
import time

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
CHUNK = 64 << 10
PASSWORD = "Basic " + base64.b64encode(b"me:secret").decode()
BEARER = 'Bearer realm="http://localhost:%(own)d/token",service="lunch"'
CHALLENGES = dict.fromkeys(("token-once", "token-cut", "token-500", "token-redirect", "token-refused", "token-useless",
                            "token-endless", "token-html", "token-long", "token-newline"), [BEARER])
CHALLENGES |= {
    "password": ['Basic realm="lunch"'],
    "push-elsewhere": ['Basic realm="lunch"'],
    "realm-port": [BEARER.replace("own", "other")],
    "realm-file": ['Bearer realm="file:///etc/passwd"'],
    "realm-user": [BEARER.replace("localhost", "me:secret@localhost")],
    "realm-plain": [BEARER.replace("own", "other")],
    "realm-tls": ['Bearer realm="https://127.0.0.1:%(other)d/token"'],
    "realm-http": ['Bearer realm="http://192.0.2.1/token"'],
    "challenge-bad": ['Bearer realm="http://localhost:%(own)d/token'],
    "challenge-many": ["Negotiate abc==", 'Digest qop="auth", nonce="Bearer realm=x", Basic',
                       BEARER],
}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, fields, data in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime, info.size = 0o644, 1700000000, len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entries_of(mode):
    noise = random.Random(1).randbytes(400_000)
    entries = [("etc", {"type": tarfile.DIRTYPE, "mode": 0o755}, b""),
               ("etc/hello", {}, b"hello\n"), ("noise", {}, noise)]
    extra = {
        "dotdot": [("../../escaped", {}, b"out\n")],
        "hardlink-out": [("passwd", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, b"")],
        "symlink-out": [("out", {"type": tarfile.SYMTYPE, "linkname": "../../../../../.."}, b""),
                        ("out/noise/escaped", {}, b"out\n")],
        "owner": [("owned", {"uid": 70000, "gid": 70000}, b"x")],
    }
    return entries + extra.get(mode, [])


class Image:
    """The documents and blobs, with the lies that are in the bytes themselves."""

    def __init__(self, mode):
        tar = tar_of(entries_of(mode))
        layer = gzip.compress(b"not an archive\n" * 1000 if mode == "not-tar" else tar, mtime=0)
        if mode == "not-gzip":
            layer = layer[:1000] + bytes(100) + layer[1100:]
        elif mode == "garbage-after":
            layer += b"garbage"
        elif mode == "zstd-window":
            layer = bytes.fromhex("28b52ffd00a8010000") + bytes(1000)
        diff_ids = [digest(b"another" if mode == "wrong-diff-id" else tar)]
        more = [tar_of([(f"more{n}", {}, random.Random(n).randbytes(1_000_000))])
                for n in range(11 if mode == "slow" else 0)]
        diff_ids += [digest(tar) for tar in more]
        if mode == "layer-count":
            diff_ids *= 2
        config = self.document(architecture="amd64", os="linux", config={"Cmd": ["hello"]},
                               rootfs={"type": "layers", "diff_ids": diff_ids})
        size = len(layer) + (1000 if mode == "lying-size" else 0)
        layer_entry = {"mediaType": OCI + "layer.v1.tar+gzip", "digest": digest(layer), "size": size}
        if mode == "bad-digest":
            layer_entry["digest"] = "sha256:../../x"
        layers = [layer_entry] * (1_000_000 if mode == "million-layers" else 1)
        self.second = None
        if mode.startswith("two"):
            tar = tar_of([("second", {}, random.Random(2).randbytes(400_000))])
            second = gzip.compress(tar, mtime=0)
            self.second = digest(second)
            layers.append({"mediaType": OCI + "layer.v1.tar+gzip", "digest": self.second,
                           "size": len(second)})
            config = self.document(architecture="amd64", os="linux", rootfs={
                "type": "layers", "diff_ids": diff_ids + [digest(tar)]})
        self.layer_digest, self.config_digest = digest(layer), digest(config)
        self.blobs = {self.layer_digest: self.twist(mode, layer), self.config_digest: config}
        if self.second:
            self.blobs[self.second] = second
        for tar in more:
            blob = gzip.compress(tar, 1, mtime=0)
            self.blobs[digest(blob)] = blob
            layers.append(layer_entry | {"digest": digest(blob), "size": len(blob)})
        if mode == "wrong-config":
            self.blobs[self.config_digest] = config.replace(b"hello", b"olleh")
        # As small as it can be, so that a million layers stay under the limit of 4 MiB.
        if mode == "million-layers":
            layers = [0] * 1_000_000
        self.manifest = self.document(
            schemaVersion=2, mediaType=MANIFEST, layers=layers,
            config={"mediaType": OCI + "config.v1+json", "digest": self.config_digest,
                    "size": len(config) + (mode == "config-size")})
        self.type = MANIFEST
        self.other = None  # what the tag stands for, where it is not the manifest
        self.indexes = {}  # others, by digest
        self.lie_in_manifest(mode)

    @staticmethod
    def document(**members):
        return json.dumps(members, separators=(",", ":")).encode()

    @staticmethod
    def twist(mode, layer):
        if mode == "wrong-digest":
            return gzip.compress(tar_of([("other", {}, b"other\n")]), mtime=0).ljust(len(layer), b"\0")
        if mode == "flipped-bit":
            middle = len(layer) // 2
            return layer[:middle] + bytes([layer[middle] ^ 1]) + layer[middle + 1:]
        if mode == "short":
            return layer[:-1000]
        if mode == "long":
            return layer + bytes(1000)
        return layer

    def index(self, *architectures, of=None):
        return self.document(schemaVersion=2, mediaType=INDEX, manifests=[
            {"mediaType": INDEX if of else MANIFEST, "digest": digest(of or self.manifest),
             "size": len(of or self.manifest), "platform": {"os": "linux", "architecture": a}}
            for a in architectures])

    def lie_in_manifest(self, mode):
        body = json.loads(self.manifest) if mode != "million-layers" else {}
        if mode == "index":
            self.other = self.index("s390x", "amd64", "arm64")
        elif mode == "no-platform":
            self.other = self.index("pdp11")
        elif mode == "nested-index":
            self.other = self.index("amd64", "arm64")
            for _ in range(10):
                self.indexes[digest(self.other)] = self.other
                self.other = self.index("amd64", "arm64", of=self.other)
        elif mode == "schema1":
            self.type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
            self.manifest = self.document(schemaVersion=1, name="x", tag="latest", fsLayers=[])
        elif mode == "artifact":
            body["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
            self.manifest = self.document(**body)
        elif mode == "confusion":
            self.manifest = self.document(manifests=[], **body)
        elif mode == "confusion-type":
            self.type = INDEX
        elif mode == "duplicate-keys":
            self.manifest = b'{"schemaVersion":2,' + self.manifest[1:]
        elif mode == "deep-json":
            self.manifest = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
        elif mode == "html":
            self.type, self.manifest = "text/html; charset=utf-8", b"<html>Please log in</html>"
        elif mode == "not-json":
            self.manifest = b"Please log in"


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode, image, requests, asked, ports, lock = "", None, [], {}, [], threading.Lock()
    tokens = set()
    uploads, pushed, manifests = {}, {}, {}
    released = threading.Event()

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        self.reply(status, Image.document(errors=[{"code": code, "message": message}]), **headers)

    def endless(self, piece, status=200, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(piece)

    def times(self, path):
        """How often the path was asked for, this time included."""
        with self.lock:
            self.asked[path] = self.asked.get(path, 0) + 1
            return self.asked[path]

    def do_HEAD(self):
        self.do_GET()

    def record(self):
        with self.lock:
            self.requests.append({"method": self.command, "path": self.path,
                                  "range": self.headers.get("Range"),
                                  "authorization": self.headers.get("Authorization"),
                                  "elsewhere": self.is_elsewhere(),
                                  "certificate": self.is_certified()})

    def is_certified(self):
        return isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())

    def do_POST(self):
        self.record()
        left = int(self.headers.get("Content-Length", 0))
        try:
            if self.path.startswith("/token"):
                self.rfile.read(left)
                self.get_token()
            elif self.mode in CHALLENGES and not self.is_elsewhere() and not self.is_shown_in():
                self.rfile.read(left)
                self.challenge()
            else:
                self.take(self.path.partition("?")[0], left)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_PUT = do_PATCH = do_DELETE = do_POST

    def take(self, path, left):
        """One of the requests of a push."""
        mode, name = self.mode, path.rpartition("/")[2]
        if self.command == "POST":
            if mode == "push-403":
                self.refuse(403, "DENIED", "not for you")
            elif mode == "push-redirect" and not self.is_elsewhere():
                self.reply(307, b"", Location=f"http://127.0.0.1:{self.ports[1]}{self.path}")
            elif mode == "push-500":
                self.refuse(500, "UNKNOWN", "out of order")
            elif mode == "push-429-always" or (mode == "push-429" and self.times("POST") == 1):
                self.refuse(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
            else:
                name = str(self.times("uploads"))
                self.uploads[name] = bytearray()
                self.say_where(202, name)
        elif "/manifests/" in path:
            said = got = digest(self.rfile.read(left))
            self.manifests[name] = got
            if mode == "push-manifest-digest":
                said = digest(b"another")
            self.reply(201, b"", Docker_Content_Digest=said)
        elif name not in self.uploads:
            self.rfile.read(left)
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "what upload?")
        elif self.command == "PATCH":
            self.take_chunk(name, left)
        elif self.command == "PUT":
            self.take_blob(name, left)
        else:
            self.reply(204, b"")

    def take_chunk(self, name, left):
        mode, upload, number = self.mode, self.uploads[name], self.times("PATCH")
        start = int(self.headers.get("Content-Range", "0-").partition("-")[0])
        if mode == "push-500-twice" and number <= 2:
            self.rfile.read(left)
            self.refuse(500, "UNKNOWN", "out of order")
        elif mode == "push-nothing":
            self.rfile.read(left)
            self.say_where(202, name, Range="0-0")
        elif start != len(upload):
            self.rfile.read(left)
            self.refuse(416, "RANGE", "not there")
        elif mode == "push-stall":
            self.rfile.read(left // 2)
            time.sleep(3600)
        elif (mode in ("push-cut", "push-bad-range") and number == 1) or (mode == "push-cut-often" and left > 3 << 20):
            upload += self.rfile.read(3 << 20 if mode == "push-cut-often" else left // 2)
            self.close_connection = True
        else:
            upload += self.rfile.read(left - (1 << 20 if mode == "push-partial" and left > 1 << 20 else 0))
            if mode == "push-partial":
                self.rfile.read(1 << 20 if left > 1 << 20 else 0)
            if mode == "push-lost" and number == 1:
                del self.uploads[name]
            extra = 1000 if mode == "push-range" else -1
            self.say_where(202, name, Range=f"0-{len(upload) + extra}")

    def take_blob(self, name, left):
        mode, number = self.mode, self.times("PUT")
        if mode == "push-500-twice" and number <= 2:
            self.rfile.read(left)
            self.refuse(500, "UNKNOWN", "out of order")
            return
        data = bytes(self.uploads.pop(name) + self.rfile.read(left))
        said = got = digest(data)
        if "digest=" + got not in self.path:
            self.refuse(400, "DIGEST_INVALID", "it is not what it says")
            return
        self.pushed[got] = len(data)
        if mode == "push-digest":
            said = digest(b"another")
        if mode == "push-answer-lost" and number == 1:
            self.close_connection = True
        else:
            self.reply(201, b"", Docker_Content_Digest=said)

    def say_where(self, status, name, **headers):
        elsewhere = self.mode in ("push-elsewhere", "push-plain")
        port = self.ports[1 if elsewhere else 0]
        where = f"/v2/lunch/blobs/uploads/{name}?state=x%2Fy"
        if elsewhere:
            where = f"http://127.0.0.1:{port}{where}"
        elif self.mode == "push-file":
            where = "file:///etc/passwd"
        if self.mode != "push-no-location":
            headers["Location"] = where
        self.reply(status, b"", **headers)

    def get_upload(self, name):
        if name not in self.uploads:
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "what upload?")
        elif self.mode == "push-bad-range":
            self.say_where(204, name, Range="many")
        else:
            self.say_where(204, name, Range=f"0-{max(len(self.uploads[name]) - 1, 0)}")

    def do_GET(self):
        if self.path == "/_requests":
            self.reply(200, json.dumps(self.requests).encode())
            return
        if self.path == "/_release":
            self.released.set()
            self.reply(200, b"{}")
            return
        if self.path == "/_pushed":
            self.reply(200, json.dumps({"blobs": sorted(self.pushed),
                                        "manifests": self.manifests}).encode())
            return
        self.record()
        try:
            if self.is_out_of_order():
                return
            if self.path.startswith("/token"):
                self.get_token()
            elif self.mode in CHALLENGES and not self.is_elsewhere() and not self.is_shown_in():
                self.challenge()
            elif "/uploads/" in self.path:
                self.get_upload(self.path.partition("?")[0].rpartition("/")[2])
            elif self.path.rpartition("/")[2] in self.pushed:
                self.reply(200, bytes(self.pushed[self.path.rpartition("/")[2]]))
            elif self.path.startswith(("/v2/lunch/tags/list", "/v2/_catalog")):
                self.get_list()
            elif self.path.startswith("/v1/search"):
                self.refuse(404, "UNKNOWN", "no such thing")
            elif "/manifests/" in self.path:
                self.get_manifest(self.path.rpartition("/")[2])
            elif "/blobs/" in self.path:
                self.get_blob(self.path.rpartition("/")[2])
            else:
                self.reply(200, b"{}")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def is_out_of_order(self):
        """What is wrong with every path, at first."""
        mode = self.mode
        if mode == "500-all" and self.times("all " + self.path) <= 2:
            self.refuse(500, "UNKNOWN", "out of order")
        elif mode == "reset-all" and self.times("all " + self.path) == 1:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif mode in ("429-once", "429-date"):
            with self.lock:
                first = self.path not in self.asked
                # To the second, as dates are: the date of Retry-After is no earlier than this.
                since = self.asked.setdefault(self.path, int(time.time()) + 2)
                early = time.time() < since
                if early and not first:
                    self.asked[self.path] = 1 << 40
            if early:
                when = email.utils.formatdate(since, usegmt=True)
                self.refuse(429, "TOOMANYREQUESTS", "slow down",
                            Retry_After=when if mode == "429-date" else "2")
            return early
        else:
            return False
        return True

    def is_elsewhere(self):
        return self.server.server_port != self.ports[0]

    def is_shown_in(self):
        shown = self.headers.get("Authorization", "")
        if self.mode in ("password", "push-elsewhere"):
            return shown == PASSWORD
        if self.mode in ("token-once", "token-cut"):
            with self.lock:
                good = shown in self.tokens
                self.tokens.discard(shown)
            return good
        return shown.startswith("Bearer token") and self.mode != "token-useless"

    def challenge(self):
        body = Image.document(errors=[{"code": "UNAUTHORIZED", "message": "who are you?"}])
        self.send_response(401)
        for text in CHALLENGES[self.mode]:
            self.send_header("WWW-Authenticate", text % {"own": self.ports[0],
                                                         "other": self.ports[1]})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def get_token(self):
        mode = self.mode
        if mode == "token-redirect" and not self.is_elsewhere():
            self.reply(307, b"", Location=f"http://127.0.0.1:{self.ports[1]}{self.path}")
        elif mode == "token-500" and self.times("token") <= 2:
            self.refuse(500, "UNKNOWN", "out of order")
        elif mode == "token-refused":
            self.refuse(401, "UNAUTHORIZED", "wrong")
        elif mode == "token-endless":
            self.endless(b" " * CHUNK)
        elif mode == "token-html":
            self.reply(200, b"<html>Please log in</html>", "text/html")
        elif mode == "token-long":
            self.reply(200, json.dumps({"token": "t" * 40_000}).encode())
        elif mode == "token-newline":
            self.reply(200, json.dumps({"token": "token\r\nX-Injected: yes"}).encode())
        else:
            token = f"token{self.times('/token')}"
            self.tokens.add("Bearer " + token)
            self.reply(200, json.dumps({"access_token": token}).encode())

    def get_list(self):
        key, names = ("tags", "ab") if "tags" in self.path else ("repositories", ["lunch", "brunch"])
        path, _, last = self.path.partition("?last=")
        more = {} if last else {"Link": f'<{path}?last={names[0]}>; rel="next"'}
        self.reply(200, json.dumps({"name": "lunch", key: [names[1 if last else 0]]}).encode(), **more)

    def get_manifest(self, which):
        mode, image = self.mode, self.image
        if mode == "500-manifest":
            self.refuse(500, "UNKNOWN", "out of order")
        elif mode == "401":
            self.refuse(401, "UNAUTHORIZED", "who are you?", WWW_Authenticate='Basic realm="lunch"')
        elif mode == "403":
            self.refuse(403, "DENIED", "not for you")
        elif mode == "404":
            self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        elif mode == "404-html":
            self.reply(404, b"<html>not here</html>", "text/html")
        elif mode == "404-escape":
            self.refuse(404, "NAME_UNKNOWN", "\x1b[2J\x1b]52;c;aGVsbG8=\x07\u202egone")
        elif mode == "429":
            self.refuse(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
        elif mode == "endless-manifest":
            self.endless(b" " * CHUNK, kind=MANIFEST)
        elif mode == "endless-error":
            self.endless(b" " * CHUNK, status=404)
        elif mode == "endless-headers":
            self.send_response(200)
            while True:
                self.send_header("X-More", "x" * 1000)
                self.flush_headers()
        elif mode == "stall-manifest":
            time.sleep(3600)
        elif mode == "wrong-manifest":
            self.reply(200, image.manifest + b" ", MANIFEST)
        elif image.other and not which.startswith("sha256:"):
            self.reply(200, image.other, INDEX)
        elif which in image.indexes:
            self.reply(200, image.indexes[which], INDEX)
        else:
            self.reply(200, image.manifest, image.type,
                       Docker_Content_Digest=digest(image.manifest))

    def get_blob(self, which):
        mode, image = self.mode, self.image
        body = image.blobs.get(which)
        if body is None:
            self.refuse(404, "BLOB_UNKNOWN", "blob unknown")
        elif which == image.config_digest:
            self.endless(b" " * CHUNK) if mode == "endless-config" else self.reply(200, body)
        elif mode == "redirect-file":
            self.reply(307, b"", Location="file:///etc/passwd")
        elif mode == "redirect-loop":
            self.reply(307, b"", Location=self.path)
        elif mode == "redirect-401" and self.is_elsewhere():
            self.refuse(401, "UNAUTHORIZED", "who are you?", WWW_Authenticate='Basic realm="lunch"')
        elif mode in ("redirect", "redirect-plain", "redirect-401", "password") and not self.is_elsewhere():
            self.reply(307, b"", Location=f"http://127.0.0.1:{self.ports[1]}{self.path}")
        elif mode in ("500", "500-held") or (mode == "500-twice" and self.times(which) <= 2):
            if mode == "500-held":
                self.released.wait()
            self.refuse(500, "UNKNOWN", "out of order")
        elif mode == "endless-layer":
            self.endless(body, kind="application/octet-stream")
        else:
            self.send_layer(body, self.times(which + " layer"))

    def send_layer(self, body, attempt):
        start, cut = 0, len(body)
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and self.mode not in ("cut-no-range", "truncated"):
            start = int(wanted[6:].partition("-")[0])
        if start >= len(body):
            self.refuse(416, "RANGE", "nothing there")
            return
        stalls = self.mode == "stall" or (self.mode == "stall-once" and attempt == 1) or (
            self.mode == "two-stall" and self.path.endswith(self.image.second))
        once = ("cut-once", "cut-no-range", "trickle-once", "wrong-range")
        if stalls or self.mode in ("truncated", "late") or (self.mode in once and attempt == 1):
            cut = len(body) // 2
        elif self.mode in ("cut-often", "token-cut"):
            cut = start + CHUNK
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/octet-stream")
        if self.mode == "no-length":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body) - start))
        if start and self.mode == "wrong-range":
            start += 1
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if self.mode == "slow":
            for at in range(0, len(body), 2 << 10):
                self.wfile.write(body[at:at + (2 << 10)])
                self.released.wait(0.06)
            return
        self.wfile.write(body[start:cut])
        if cut < len(body):
            self.wfile.flush()
            if stalls:
                time.sleep(3600)
            if self.mode == "late":
                time.sleep(2)
                self.wfile.write(body[cut:])
                return
            if self.mode == "trickle-once":
                for byte in body[cut:]:
                    time.sleep(1)
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
            self.close_connection = True


def speak_tls(server, certificate, key, authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    # Each connection shakes hands in its own thread: with its first read.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


def main():
    modes = {word for line in __doc__.splitlines() if line.startswith("    ") and line[4:5].strip()
             for word in line[4:24].split()} - {"lying_registry.py", "GET"}
    modes |= {"endless-config", "endless-error", "endless-headers", "endless-layer"}
    if len(sys.argv) not in (2, 4, 5) or sys.argv[1] not in modes:
        sys.exit(f"usage: lying_registry.py MODE, one of {' '.join(sorted(modes))}")
    Registry.mode = sys.argv[1]
    Registry.image = Image(Registry.mode)
    # The second one is where "redirect" leads.
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) for _ in range(2)]
    Registry.ports = [s.server_port for s in servers]
    for server in servers if Registry.mode == "realm-tls" else servers[:1]:
        if len(sys.argv) > 2:
            speak_tls(server, *sys.argv[2:])
    threading.Thread(target=servers[1].serve_forever, daemon=True).start()
    print(servers[0].server_port, flush=True)
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
