#!/usr/bin/env python3
"""storm.py TIFFIN REGISTRY [--seconds N] [--containers N] [--only NAME,…]

Faults that no single system call is to blame for: many at once, killed at random, with their runtime
directory deleted; a thousand containers removed at once; stores too small for what is asked of them.
Prints a line for each, and exits 1 where something was lost, left, or lied about.
"""
import argparse
import concurrent.futures
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
HANGS = 600  # seconds: what takes longer has stopped working, on however slow a machine


class Lost(Exception):
    """An invariant that does not hold."""


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            found += map(int, open(f"/proc/{pid}/task/{task}/children").read().split())
        except OSError:
            pass
    return found


def descendants(pid):
    """All of them but zombies."""
    found = []
    for child in children(pid) if os.path.exists(f"/proc/{pid}") else []:
        try:
            alive = open(f"/proc/{child}/stat").read().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            continue
        found += ([child] if alive else []) + descendants(child)
    return found


def reap():
    try:
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
            pass
    except ChildProcessError:
        pass


class Place:
    """A store and a runtime directory of their own."""

    def __init__(self, options):
        self.tiffin, self.registry = options.tiffin, options.registry
        self.box, self.layers = (f"{self.registry}/{n}" for n in ("busybox", "layers"))
        self.work = tempfile.mkdtemp(prefix="storm.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.runtime = f"{self.work}/runtime"
        os.mkdir(self.runtime, 0o700)
        self.env = dict(os.environ, TIFFIN_ROOT=f"{self.work}/store", XDG_RUNTIME_DIR=self.runtime)

    def run(self, *words, timeout=HANGS):
        return subprocess.run([self.tiffin, *words], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=timeout)

    def must(self, *words):
        result = self.run(*words)
        if result.returncode != 0:
            raise Lost(f"'{' '.join(words)}' ended with {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def check_end(self):
        """What must hold when all is over: nothing of it is left, and what is listed is whole."""
        self.must("rm", "-f", "-a")
        # Monitors go on for a moment, and so does what a client has begun that was killed.
        deadline = time.monotonic() + HANGS
        while descendants(os.getpid()):
            reap()
            if time.monotonic() > deadline:
                left = [open(f"/proc/{p}/cmdline").read().replace("\0", " ") for p in descendants(os.getpid())]
                raise Lost(f"still running: {left[:5]}")
            time.sleep(0.05)
        self.must("system", "prune", "-f")
        self.must("system", "check")
        for name in ("tmp", "containers", "names"):
            left = os.listdir(f"{self.work}/store/{name}")
            if left:
                raise Lost(f"left in {name}: {left[:5]}")

    def remove(self):
        ranged = subprocess.run(["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", self.work],
                                capture_output=True)
        if ranged.returncode != 0:
            subprocess.run(["chmod", "-R", "u+rwX", self.work], check=False)
            shutil.rmtree(self.work, ignore_errors=True)


def storm(place, options):
    """Workers that do everything at once, while any of their processes may be killed."""
    end = time.monotonic() + options.seconds
    done, killed = [0], [0]
    place.must("pull", "-q", place.box)

    def work(number):
        mine = f"worker{number}"
        choices = [
            ["run", "--rm", place.box, "true"],
            ["run", "-d", "--replace", "--name", mine, "--network", "none", place.box, "sleep", "3"],
            ["run", "--rm", "-v", f"{mine}:/v", "--network", "none", place.box, "touch", "/v/file"],
            ["rm", "-f", mine], ["stop", "-t", "0", mine], ["exec", mine, "true"], ["ps", "-a"],
            ["pull", "-q", place.layers], ["rmi", "-f", place.layers],
            ["container", "prune", "-f"], ["image", "prune", "-f"], ["volume", "prune", "-f"],
        ]
        dice = random.Random(number)
        while time.monotonic() < end:
            result = place.run(*dice.choice(choices))
            done[0] += 1
            if result.returncode == 125 and result.stderr.count("Error: ") != 1:
                raise Lost(f"not one line of error: {result.stderr!r}")

    def kill():
        dice = random.Random(0)
        while time.monotonic() < end:
            time.sleep(0.02)
            ours = [p for p in descendants(os.getpid())]
            try:
                victim = dice.choice(ours)
                if "tiffin" in open(f"/proc/{victim}/cmdline").read():
                    os.kill(victim, signal.SIGKILL)
                    killed[0] += 1
            except (IndexError, OSError):
                pass
            if dice.random() < 0.01:
                shutil.rmtree(place.runtime, ignore_errors=True)

    killer = threading.Thread(target=kill)
    killer.start()
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(work, range(options.workers)))
    killer.join()
    reap()
    place.must("run", "--rm", "--pull", "always", place.box, "true")
    place.check_end()
    return f"{done[0]} commands of {options.workers} workers in {options.seconds} s, {killed[0]} killed"


def many(place, options):
    """Detached containers, removed at once."""
    place.must("pull", "-q", place.box)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: place.must("run", "-d", "--network", "none", place.box, "sleep", "9999").strip(),
                            range(options.containers)))
    before = time.monotonic()
    removed = place.must("rm", "-f", "-t", "0", "-a").split()
    seconds = time.monotonic() - before
    if sorted(removed) != sorted(ids):
        raise Lost(f"{len(removed)} of {len(ids)} were removed")
    place.check_end()
    return f"{len(ids)} of {len(ids)} removed in {seconds:.1f} s"


def at_once(place, options):
    """Many pulls of the same layers: each of them gets what one of them fetches."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: place.must("pull", "-q", place.layers), range(16)))
    place.check_end()
    return "16 pulls at once"


def runtime_gone(place, options):
    """The runtime directory is a cache: containers go on without it, and so do commands."""
    place.must("pull", "-q", place.box)
    name = "survivor"
    place.must("run", "-d", "--name", name, place.box, "sh", "-c", "echo said; exec sleep 9999")
    shutil.rmtree(place.runtime)
    if place.must("exec", name, "echo", "in").strip() != "in" or place.must("logs", name).strip() != "said":
        raise Lost("exec or logs do not work without the runtime directory")
    place.must("stop", "-t", "0", name)
    place.must("start", name)
    place.check_end()
    return "exec, logs, stop, start, rm"


def on_small_disk(place, mount_options):
    """What fits works, what does not is one line of error; rm and prune work whatever is left."""
    script = 'mount -t tmpfs -o "$1" small "$2" && shift 2 && exec "$@"'
    os.makedirs(f"{place.work}/store", exist_ok=True)
    steps = [["pull", "-q", place.box], ["run", "--rm", "--network", "none", place.box, "true"],
             ["run", "--name", "big", "--network", "none", place.box, "sh", "-c", "cat /dev/zero >/big"],
             ["pull", "-q", place.layers], ["commit", "-q", "big", "localhost/big"],
             ["volume", "create", "v"], ["create", "--name", "more", place.box, "true"], ["ps", "-a"]]
    ends = [["rm", "-f", "-a"], ["system", "prune", "-f"], ["volume", "prune", "-f"], ["rmi", "-f", "-a"],
            ["system", "prune", "-a", "-f"], ["system", "check"], ["images"]]
    inner = [sys.executable, __file__, "--steps", repr((place.tiffin, steps, ends))]
    result = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
                             mount_options, f"{place.work}/store", *inner], env=place.env,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANGS)
    if result.returncode != 0:
        raise Lost(f"with {mount_options}: {(result.stdout + result.stderr).strip()}")
    return result.stdout.strip()


def take_steps(text):
    """On the small disk."""
    tiffin, steps, ends = eval(text, {"__builtins__": {}})  # our own words
    said = []
    for words in steps + ends:
        result = subprocess.run([tiffin, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                errors="replace", timeout=HANGS)
        if result.returncode != 0 and words in ends:
            print(f"'{' '.join(words)}' ended with {result.returncode}: {result.stderr.strip()}")
            return 1
        if result.returncode == 125 and result.stderr.count("Error: ") != 1:
            print(f"'{' '.join(words)}': not one line of error: {result.stderr!r}")
            return 1
        said.append("+" if result.returncode == 0 else "-")
    print("".join(said[:len(steps)]))
    return 0


def small(place, options):
    return ", ".join(f"{size} MiB {on_small_disk(place, f'size={size}m')}" for size in (1, 2, 4, 8, 16, 32))


def few_inodes(place, options):
    return ", ".join(f"{n} inodes {on_small_disk(place, f'size=64m,nr_inodes={n}')}" for n in (16, 32, 64, 128, 512))


TESTS = {"storm": storm, "many": many, "at-once": at_once, "runtime-gone": runtime_gone, "small-disk": small,
         "few-inodes": few_inodes}


def main():
    if sys.argv[1:2] == ["--steps"]:
        return take_steps(sys.argv[2])
    parser = argparse.ArgumentParser()
    parser.add_argument("tiffin")
    parser.add_argument("registry")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    failed = False
    for name, test in TESTS.items():
        if options.only and name not in options.only.split(","):
            continue
        place = Place(options)
        try:
            print(f"ok - {name}: {test(place, options)}", flush=True)
            place.remove()
        except (Lost, OSError, subprocess.TimeoutExpired) as e:
            print(f"not ok - {name}: {e} [{place.work}]", flush=True)
            failed = True
    return 1 if failed else 0


sys.exit(main())
