#!/usr/bin/env python3
"""fault.py TIFFIN INJECT REGISTRY [--step N] [--only NAME,…] [--faults NAME,…]

Runs each command of the table below again and again, and has one system call after the other go wrong
in it (inject.c): the process is killed there, or all of them are; the call fails with ENOSPC (once, or
from then on), EIO, EMFILE or EINTR. After each of them the store must be what it should: see verify().

--step N tries every Nth point only, beginning at one that differs from command to command. Prints a
line for each command and fault, and exits 1 where something was lost, left, or lied about.
"""
import argparse
import concurrent.futures
import functools
import os
import subprocess
import sys
import tempfile

FAULTS = {
    "kill": ["-k"],
    "kill-all": ["-K"],
    "ENOSPC": ["-e", "ENOSPC"],
    "disk-full": ["-e", "ENOSPC", "-a"],
    "EIO": ["-e", "EIO"],
    "EMFILE": ["-s", "open", "-e", "EMFILE"],
    "EINTR": ["-s", "wait", "-e", "EINTR"],
}
HANGS = 120  # seconds: what takes longer has stopped working, on however slow a machine


class Lost(Exception):
    """An invariant that does not hold."""


class Command:
    """What is put to the test: its words, the store that it begins with, and what it is to do.

    done: words that succeed if, and only if, it has done its work. recover: what a user would do
    next; each of them must succeed, whatever happened.
    """

    def __init__(self, name, words, done=None, undone=None, recover=(), stdin=None):
        self.name, self.words, self.done, self.undone = name, words, done, undone
        self.recover, self.stdin = recover, stdin


def commands(registry, work):
    box, layers, config = (f"{registry}/{n}" for n in ("busybox", "layers", "config"))
    return [
        Command("pull", ["pull", "-q", layers], done=["image", "exists", layers],
                recover=[["pull", "-q", layers], ["rmi", layers]]),
        Command("load", ["load", "-q", "-i", f"{work}/config.tar"], done=["image", "exists", config],
                recover=[["load", "-q", "-i", f"{work}/config.tar"]]),
        Command("run", ["run", "--rm", "--network", "none", "-v", "kept:/v", box, "true"],
                recover=[["run", "--rm", "--network", "none", box, "true"]]),
        Command("run-default-network", ["run", "--name", "again", box, "true"],
                done=["container", "exists", "again"],
                recover=[["rm", "-f", "again"], ["run", "--name", "again", box, "true"]]),
        Command("create", ["create", "--name", "made", "-v", "new:/new", box, "true"],
                done=["container", "exists", "made"],
                recover=[["rm", "-f", "made"], ["create", "--name", "made", box, "true"],
                         ["start", "-a", "made"]]),
        Command("start", ["start", "-a", "ended"], recover=[["start", "-a", "ended"]]),
        Command("commit", ["commit", "-q", "written", "localhost/committed"],
                done=["image", "exists", "localhost/committed"],
                recover=[["commit", "-q", "written", "localhost/committed"],
                         ["run", "--rm", "--network", "none", "localhost/committed", "cat", "/written"]]),
        Command("rm", ["rm", "written"], undone=["container", "exists", "written"],
                recover=[["rm", "-f", "written"]]),
        Command("rmi", ["rmi", config], undone=["image", "exists", config],
                recover=[["rmi", "-f", config], ["pull", "-q", config]]),
        Command("container-prune", ["container", "prune", "-f"], undone=["container", "exists", "ended"],
                recover=[["container", "prune", "-f"]]),
        Command("image-prune", ["image", "prune", "-a", "-f"], undone=["image", "exists", config],
                recover=[["image", "prune", "-a", "-f"]]),
        Command("system-prune", ["system", "prune", "-a", "-f"], undone=["image", "exists", config],
                recover=[["system", "prune", "-a", "-f"]]),
        Command("tag", ["tag", box, "localhost/other"], done=["image", "exists", "localhost/other"],
                recover=[["tag", box, "localhost/other"]]),
        Command("volume-create", ["volume", "create", "fresh"], done=["volume", "exists", "fresh"],
                recover=[["volume", "create", "--ignore", "fresh"]]),
        Command("volume-rm", ["volume", "rm", "unused"], undone=["volume", "exists", "unused"],
                recover=[["volume", "rm", "-f", "unused"]]),
        Command("volume-prune", ["volume", "prune", "-f"], recover=[["volume", "prune", "-f"]]),
        Command("cp", ["cp", f"{work}/config.tar", "written:/config.tar"],
                recover=[["cp", f"{work}/config.tar", "written:/config.tar"]]),
        Command("save", ["save", "-o", "/dev/null", box], recover=[["save", "-o", "/dev/null", box]]),
    ]


class Bench:
    def __init__(self, options, work):
        self.tiffin, self.inject, self.work = options.tiffin, options.inject, work
        self.registry = options.registry
        self.box = f"{self.registry}/busybox"
        self.template = f"{work}/template"
        self.ranged = subprocess.run(["unshare", "--user", "--map-root-user", "--map-auto", "true"],
                                     capture_output=True).returncode == 0

    def run(self, store, words, before=(), timeout=HANGS):
        env = dict(os.environ, TIFFIN_ROOT=store)
        return subprocess.run([*before, self.tiffin, *words], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=timeout)

    def must(self, store, *words):
        result = self.run(store, words)
        if result.returncode != 0:
            raise Lost(f"'{' '.join(words)}' ended with {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def as_owner(self, *words):
        """A command that may touch files of subordinate users, and directories of mode 000."""
        before = ["unshare", "--user", "--map-root-user"] + ["--map-auto"] * self.ranged
        subprocess.run([*before, *words], check=True, stdin=subprocess.DEVNULL)

    def make_template(self):
        for image in ("busybox", "config"):
            self.must(self.template, "pull", "-q", f"{self.registry}/{image}")
        self.must(self.template, "save", "-o", f"{self.work}/config.tar", f"{self.registry}/config")
        self.must(self.template, "rmi", f"{self.registry}/config")
        self.plain = f"{self.work}/plain"
        self.as_owner("cp", "-a", self.template, self.plain)
        self.must(self.template, "pull", "-q", f"{self.registry}/config")
        self.must(self.template, "run", "--name", "ended", "--network", "none", "-v", "kept:/v", self.box,
                  "sh", "-c", "echo precious >/v/file")
        self.must(self.template, "run", "--name", "written", "--network", "none", self.box, "sh", "-c",
                  "echo here >/written; mkdir /d; chmod 0 /d; rm /bin/true")
        self.must(self.template, "volume", "create", "unused")

    def copy(self, command):
        store = tempfile.mkdtemp(dir=self.work) + "/s"
        # What is to be loaded must not be there.
        self.as_owner("cp", "-a", self.plain if command.name == "load" else self.template, store)
        return store

    def drop(self, store):
        self.as_owner("rm", "-rf", store)
        os.rmdir(os.path.dirname(store))

    def has_volume(self, store):
        return os.path.exists(f"{store}/volumes/kept")

    def verify(self, command, store, fault, result):
        """The invariants: exit codes are true; the next command works; what is listed is whole; nothing
        is left over; volumes are untouched."""
        kept = command.name != "load"
        errors = result.stderr.count("Error: ")
        if result.returncode == 0 and command.done and self.run(store, command.done).returncode != 0:
            raise Lost("it says that it has done what it has not")
        if result.returncode == 0 and command.undone and self.run(store, command.undone).returncode == 0:
            raise Lost("it says that it has removed what is there")
        # A prune goes on with the next container, or kind.
        most = {"container-prune": 2, "system-prune": 4}.get(command.name, 1)
        if result.returncode == 125 and not fault.startswith("kill") and not 1 <= errors <= most:
            raise Lost(f"{errors} lines of error: {result.stderr!r}")
        for words in (["images"], ["ps", "-a"], ["volume", "ls"]):
            self.must(store, *words)
        for words in command.recover:
            self.must(store, *words)
        self.must(store, "rm", "-f", "-a")
        self.must(store, "system", "prune", "-f")
        self.must(store, "system", "check")
        if os.listdir(f"{store}/tmp"):
            raise Lost(f"left in tmp: {os.listdir(f'{store}/tmp')}")
        if os.listdir(f"{store}/containers") or os.listdir(f"{store}/names"):
            raise Lost(f"left: {os.listdir(f'{store}/containers')} {os.listdir(f'{store}/names')}")
        if kept and command.name not in ("volume-prune",):
            with open(f"{store}/volumes/kept/_data/file") as f:
                if f.read() != "precious\n":
                    raise Lost("a volume was changed")

    @functools.lru_cache(maxsize=None)
    def count(self, command, flags):
        store = self.copy(command)
        result = self.run(store, command.words, [self.inject, "-c", *flags])
        self.drop(store)
        if result.returncode != 0:
            raise Lost(f"'{command.name}' fails without any fault: {result.stderr}")
        return int(result.stderr.rsplit("inject: ", 1)[1])

    def try_point(self, command, fault, n):
        store = self.copy(command)
        hit = f"{os.path.dirname(store)}.hit"
        try:
            result = self.run(store, command.words, [self.inject, "-o", hit, "-n", str(n), *FAULTS[fault]])
            self.verify(command, store, fault, result)
        except subprocess.TimeoutExpired as e:
            return self.describe(command, fault, n, hit, f"hangs: {' '.join(e.cmd[-6:])}", store)
        except (Lost, OSError) as e:
            return self.describe(command, fault, n, hit, str(e), store)
        self.drop(store)
        if os.path.exists(hit):
            os.remove(hit)
        return None

    @staticmethod
    def describe(command, fault, n, hit, what, store):
        call = open(hit).readline().strip() if os.path.exists(hit) else "none"
        return f"{command.name}, {fault} at {n} ({call}): {what} [{store}]"


def points(count, step, seed):
    first = seed % step + 1
    return range(min(first, count) if count else 1, count + 1, step)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tiffin")
    parser.add_argument("inject")
    parser.add_argument("registry")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--faults", default="")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="fault.", dir=os.environ.get("TMPDIR", "/var/tmp"))
    bench = Bench(options, work)
    bench.make_template()
    failures = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for at, command in enumerate(commands(options.registry, work)):
            if options.only and command.name not in options.only.split(","):
                continue
            for fault in FAULTS:
                if options.faults and fault not in options.faults.split(","):
                    continue
                count = bench.count(command, tuple(FAULTS[fault][:2] if "-s" in FAULTS[fault] else ()))
                tried = points(count, options.step, 7 * at + len(fault))
                found = [f for f in pool.map(lambda n: bench.try_point(command, fault, n), tried) if f]
                failures += found
                print(f"{'not ok' if found else 'ok'} - {command.name}: {fault} at {len(tried)} of {count} "
                      f"calls{f', {len(found)} failed' if found else ''}", flush=True)
                for line in found:
                    print(f"#   {line}", flush=True)
    if not failures:
        bench.as_owner("rm", "-rf", work)
    return 1 if failures else 0


sys.exit(main())
