#!/usr/bin/env python3
"""order.py TIFFIN REGISTRY

A power cut leaves on the disk what was synced, and of the rest any part in any order. So the order of
writes, syncs and renames is recorded (strace) and checked:

- what is renamed to its place in the store is on the disk, all of it;
- when a name comes to mean something, the directories that this is in are on the disk as well;
- when the command ends with success, so is what it has done.

Commands run with one mapped ID, as newuidmap has no privileges under strace: they do not find it.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

CALLS = ("openat,write,pwrite64,writev,copy_file_range,ftruncate,mkdirat,mkdir,linkat,symlinkat,mknodat,"
         "renameat,renameat2,rename,unlinkat,fsync,fdatasync,syncfs,fchmod,fsetxattr")
LINE = re.compile(r"^(\d+) +(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?")
FD = re.compile(r"^(?:AT_FDCWD|\d+)<([^>]*)>$")
# Arguments: descriptors with paths, strings, and what is neither.
ARGUMENT = re.compile(r'((?:AT_FDCWD|\d+)<(?:[^>\\]|\\.)*>|"(?:[^"\\]|\\.)*"(?:\.\.\.)?|\{[^}]*\}|\[[^]]*\]|[^,]+)(?:, |$)')


class Disk:
    """What may be lost, of one store."""

    def __init__(self, store):
        self.store = store
        self.data, self.entries = set(), set()  # paths whose bytes, or whose name, are not on the disk
        self.faults, self.renames = [], 0

    def within(self, path):
        return path.startswith(self.store + "/")

    def beneath(self, what, top):
        return sorted(p for p in what if p == top or p.startswith(top + "/"))

    def created(self, path):
        if self.within(path):
            self.entries.add(path)

    def wrote(self, path):
        if self.within(path):
            self.data.add(path)

    def synced(self, path):
        self.data.discard(path)
        # Of a directory: the names in it. Of a file, ext4 and others sync its name, too; not all do.
        self.entries = {p for p in self.entries if os.path.dirname(p) != path}

    def synced_all(self):
        self.data.clear()
        self.entries.clear()

    def removed(self, path):
        self.data -= set(self.beneath(self.data, path))
        self.entries -= set(self.beneath(self.entries, path))

    def renamed(self, old, new):
        place = os.path.relpath(new, self.store).split("/")[0]
        if not self.within(new) or place == "tmp":
            self.removed(old)
            return
        self.renames += 1
        lost = self.beneath(self.data, old) + [p for p in self.beneath(self.entries, old) if p != old]
        # Which blobs a layer is known as is a hint: one that can't be read is as good as none.
        if os.path.basename(new) == "blobs":
            self.removed(old)
            return
        if place in ("layers", "images", "volumes") and lost:
            self.faults.append(f"'{new}' gets its name before {lost[:3]} is on the disk")
        if new.endswith("images/references"):
            others = [p for p in self.entries if os.path.relpath(p, self.store).split("/")[0] in ("layers", "images")
                      and p not in (old, new)]
            if others:
                self.faults.append(f"references are replaced before {others[:3]} is on the disk")
        self.removed(old)
        self.removed(new)
        self.entries.add(new)


def path_of(arguments, at):
    """Of a descriptor and a name."""
    fd = FD.match(arguments[at])
    name = arguments[at + 1].strip().strip('"')
    return os.path.normpath(os.path.join(fd.group(1) if fd else "/", name))


def play(disk, name, text, opened):
    a = [m.group(1) for m in ARGUMENT.finditer(text.strip())]
    fd = FD.match(a[0]) if a else None
    if name == "openat" and "O_CREAT" in text:
        disk.created(opened or path_of(a, 0))
    elif name in ("write", "pwrite64", "writev", "ftruncate", "fchmod", "fsetxattr") and fd:
        disk.wrote(fd.group(1))
    elif name == "copy_file_range":
        disk.wrote(FD.match(a[2]).group(1))
    elif name in ("mkdirat", "mknodat"):
        disk.created(path_of(a, 0))
    elif name in ("linkat",):
        disk.created(path_of(a, 2))
    elif name == "symlinkat":
        disk.created(path_of(a, 1))
    elif name in ("fsync", "fdatasync") and fd:
        disk.synced(fd.group(1))
    elif name == "syncfs":
        disk.synced_all()
    elif name == "unlinkat":
        disk.removed(path_of(a, 0))
    elif name in ("renameat", "renameat2"):
        disk.renamed(path_of(a, 0), path_of(a, 2))


def replay(trace, disk):
    waiting = {}
    for line in open(trace, errors="surrogateescape"):
        pid, rest = LINE.match(line).groups()
        if rest.endswith("<unfinished ...>"):
            waiting[pid] = rest[:-len("<unfinished ...>")]
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        if resumed:
            rest = waiting.pop(pid, "") + resumed.group(1)
        call = CALL.match(rest)
        if call and int(call.group(3)) >= 0:
            play(disk, call.group(1), call.group(2), call.group(4))


def main():
    tiffin, registry = sys.argv[1:3]
    work = tempfile.mkdtemp(prefix="order.", dir=os.environ.get("TMPDIR", "/var/tmp"))
    store = f"{work}/store"
    env = dict(os.environ, TIFFIN_ROOT=store, PATH="/nonexistent")
    strace = shutil.which("strace")
    box = f"{registry}/busybox"
    commands = [
        ("pull", ["pull", "-q", f"{registry}/layers"], "images/references"),
        ("pull again", ["pull", "-q", box], "images/references"),
        ("tag", ["tag", box, "localhost/other"], "images/references"),
        ("save", ["save", "-q", "-o", f"{work}/a.tar", box], None),
        ("rmi", ["rmi", "-f", box, "localhost/other"], None),
        ("load", ["load", "-q", "-i", f"{work}/a.tar"], "images/references"),
        ("volume create", ["volume", "create", "kept"], "volumes/kept"),
        ("create", ["create", "--name", "c", box, "true"], None),
        ("commit", ["commit", "-q", "c", "localhost/committed"], "images/references"),
    ]
    failed = False
    for name, words, last in commands:
        trace = f"{work}/trace"
        result = subprocess.run([strace, "-f", "-qq", "-y", "-s", "256", "-e", f"trace={CALLS}", "-o", trace,
                                 tiffin, *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        disk = Disk(store)
        replay(trace, disk)
        faults = disk.faults
        if result.returncode != 0:
            faults.append(f"it ended with {result.returncode}: {result.stderr.strip()}")
        if last and f"{store}/{last}" in disk.entries | disk.data:
            faults.append(f"it ends before '{last}' is on the disk")
        if last and not disk.renames:
            faults.append("no rename was seen")
        print(f"{'not ok' if faults else 'ok'} - order: {name}: {disk.renames} renames in order"
              f"{': ' + '; '.join(faults) if faults else ''}", flush=True)
        failed |= bool(faults)
    if not failed:
        subprocess.run(["sh", "-c", 'chmod -R u+rwX "$1"; rm -rf "$1"', "sh", work], check=False)
    return 1 if failed else 0


sys.exit(main())
