#!/usr/bin/env python3
"""net.py serve PORT | connect ADDRESS PORT SECONDS | measure WORK TIFFIN IMAGE

What a container's network carries, beside others: iperf3 out and in, by 1 and 8 streams, connections made
and closed a second, and the processor's time for a gigabyte by 1 stream: that of iperf3's two ends and of
what carries the bytes between them (what the kernel does in nobody's name is not in it). All of it within
this machine: the other end is on its own address, or on its loopback. Every end and every carrier has a
session of its own, as a container's have: the scheduler shares out the processors by sessions.

All ways are set up at once, and stay idle but for the one that is measured. Each cell is measured by one way
after the other, each round begins with another way, and what is printed is the median of the ROUNDS (3): so
whatever else the machine does meanwhile is the same for all ways, and their ratios hold where the figures
themselves don't.

Prints a Markdown table. A cell that can't be had has a word instead, which is explained on stderr: absent (a
program or a device is not there), denied, failed, stuck (it took too long), late (it was to begin after
UNTIL, in seconds of the epoch). Rounds without a figure are told beside the median of the others, and so are
connections that got no answer. SECONDS_EACH (1) is what a cell takes in each round; WAYS=slirp,pasta limits
the rows.

A way is a row of WAYS: how a client is run inside (a command in front of iperf3), by what address it finds
the host, how the host finds a server inside, and whose descendants carry the bytes.
"""
import collections
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

SECONDS = int(os.environ.get("SECONDS_EACH", "1"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
PATIENCE = SECONDS + 15
UNTIL = float(os.environ.get("UNTIL", "inf"))
TICKS = os.sysconf("SC_CLK_TCK")
ME = os.path.abspath(__file__)


# --- Connections a second: a server that answers a byte with its end ---------------------------------


def serve(port):
    with socket.create_server(("0.0.0.0", port), backlog=1024) as listener:
        print("ready", flush=True)
        while True:
            with contextlib.suppress(OSError), listener.accept()[0] as peer:
                peer.recv(1)


def connect(address, port, seconds):
    count, lost, began = 0, 0, time.monotonic()
    while (spent := time.monotonic() - began) < seconds:
        try:
            with socket.create_connection((address, port), 1) as peer:
                peer.sendall(b"?")
                peer.recv(1)
            count += 1
        except TimeoutError:
            lost += 1
    print(json.dumps({"rate": count / spent, "lost": lost}))


# --- The machine -------------------------------------------------------------------------------------


def stat_of(pid):
    """The parent, and the processor's time with that of children that have ended, in seconds."""
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return int(words[1]), sum(map(int, words[11:15])) / TICKS


def processes():
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            found[int(name)] = stat_of(name)
    return found


def time_of(roots):
    """What they and all that descends from them have used."""
    found = processes()

    def is_theirs(pid):
        while pid in found and pid not in roots:
            pid = found[pid][0]
        return pid in roots

    return sum(used for pid, (_, used) in found.items() if is_theirs(pid))


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))
        return s.getsockname()[0]


def gateway():
    return run(["ip", "-4", "route", "show", "default"]).split()[2]


def free_port():
    with socket.socket() as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                          start_new_session=True).stdout


@contextlib.contextmanager
def background(command):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


@contextlib.contextmanager
def server(command, ready):
    """Runs as long as it is wanted. It has said that it is ready."""
    with background(command) as process:
        said, end = b"", time.monotonic() + PATIENCE
        while ready not in said:
            if not select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"{command} is not ready")
            more = os.read(process.stdout.fileno(), 4096)
            if not more:
                raise OSError(f"{command} has ended: {said.decode()}")
            said += more
        yield


# --- The ways ----------------------------------------------------------------------------------------


class Way:
    """inside(command): the command as it is to be run; host: the host's address from there; published: the
    host's (address, port) that leads to port 5201 (iperf3) and 5202 (connections) inside; carriers: processes."""

    def __init__(self, inside, host, published, carriers=()):
        self.inside, self.host, self.published, self.carriers = inside, host, published, set(carriers)


@contextlib.contextmanager
def loopback(_):
    yield Way(lambda c: c, "127.0.0.1", {5201: ("127.0.0.1", 5201), 5202: ("127.0.0.1", 5202)})


USR = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"]


def monitor_of(pid):
    """The last but one of those whose descendant a container's first process is."""
    parent = stat_of(pid)[0]
    while parent > 1 and stat_of(parent)[0] > 1:
        pid, parent = parent, stat_of(parent)[0]
    return parent if parent > 1 else pid


TUN = "/dev/net/tun"


@contextlib.contextmanager
def by_tap():
    os.close(os.open(TUN, os.O_RDWR))
    yield


@contextlib.contextmanager
def by_veth():
    """Takes the device away. For root's bench net.sh makes its directory the user's own, and nobody else's."""
    there, away = os.path.exists(TUN), f"{TUN}.away"
    if there:
        try:
            os.rename(TUN, away)
        except PermissionError:
            raise PermissionError("only root may close /dev/net/tun") from None
    try:
        yield
    finally:
        if there:
            os.rename(away, TUN)


def tiffin_way(network, host=None, link=contextlib.nullcontext):
    @contextlib.contextmanager
    def way(b):
        if network.startswith("pasta"):
            need("pasta")
        ports = {5201: free_port(), 5202: free_port()}
        publish = [x for inner, outer in ports.items() for x in ("-p", f"{outer}:{inner}")]
        with link():
            name = run([b.tiffin, "run", "-d", "--network", network, *USR, "-v", f"{ME}:/net.py:ro", *publish, b.image,
                        "sleep", "3600"]).strip()
        try:
            pid = int(run([b.tiffin, "inspect", "--format", "{{.State.Pid}}", name]))
            yield Way(
                lambda c: [b.tiffin, "exec", name, *[x.replace(ME, "/net.py") for x in c]],
                host() if host else own_address(),
                {inner: ("127.0.0.1", outer) for inner, outer in ports.items()},
                [monitor_of(pid)],
            )
        finally:
            run([b.tiffin, "rm", "-f", "-t", "0", name])

    return way


def namespace_of(pid):
    return ["nsenter", "-t", str(pid), "-U", "-n", "--preserve-credentials"]


def need(program):
    if not shutil.which(program):
        raise FileNotFoundError(program)


@contextlib.contextmanager
def own_namespace():
    with background(["unshare", "-Urn", "sh", "-c", "ip link set lo up && echo && exec sleep 3600"]) as holder:
        holder.stdout.readline()
        yield holder.pid


def listens(pid, port):
    """Does anybody in the network namespace of that process?"""
    lines = []
    for table in "tcp", "tcp6":
        with open(f"/proc/{pid}/net/{table}") as f:
            lines += [line.split() for line in f]
    return any(words[1].endswith(f":{port:04X}") and words[3] == "0A" for words in lines)


@contextlib.contextmanager
def slirp4netns(b):
    need("slirp4netns")
    api = os.path.join(b.work, "slirp.sock")
    with own_namespace() as pid, background(
            ["slirp4netns", "-c", "-m", "65520", "--api-socket", api, str(pid), "tap0"]) as process:
        until(lambda: os.path.exists(api), "slirp4netns is not ready")
        published = {}
        for inner in 5201, 5202:
            outer = free_port()
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(api)
                s.sendall(json.dumps({"execute": "add_hostfwd", "arguments": {
                    "proto": "tcp", "host_addr": "127.0.0.1", "host_port": outer, "guest_port": inner}}).encode())
                s.shutdown(socket.SHUT_WR)
                s.recv(4096)
            published[inner] = ("127.0.0.1", outer)
        yield Way(lambda c: [*namespace_of(pid), *c], own_address(), published, [process.pid])
    os.unlink(api)


def pasta(spliced):
    @contextlib.contextmanager
    def way(_):
        need("pasta")
        ports = {5201: free_port(), 5202: free_port()}
        # What comes by the loopback is spliced, and what comes by the machine's own address goes by the tap.
        address = "127.0.0.1" if spliced else own_address()
        forward = [x for inner, outer in ports.items() for x in ("-t", f"{address}/{outer}:{inner}")]
        with own_namespace() as pid, background(
                ["pasta", "--foreground", "--quiet", "--config-net", *forward, "-u", "none",
                 "-T", "5301,5302" if spliced else "none", "-U", "none", str(pid)]) as process:
            routes = [*namespace_of(pid), "ip", "route", "show", "default"]
            until(lambda: process.poll() is not None or (listens(pid, 5302) if spliced else run(routes)),
                  "pasta is not ready")
            if process.poll() is not None:
                raise OSError("pasta has ended")
            # By the tap, the host is where the gateway's address is: its own is the namespace's, too.
            yield Way(lambda c: [*namespace_of(pid), *c], "127.0.0.1" if spliced else gateway(),
                      {inner: (address, outer) for inner, outer in ports.items()}, [process.pid])

    return way


WAYS = [
    ("host loopback", loopback),
    ("tiffin slirp (tap)", tiffin_way("slirp", link=by_tap)),
    ("tiffin fast", tiffin_way("fast")),
    ("tiffin slirp (veth)", tiffin_way("slirp", link=by_veth)),
    ("tiffin pasta", tiffin_way("pasta:--map-gw", gateway)),
    ("slirp4netns", slirp4netns),
    ("pasta (tap)", pasta(False)),
    ("pasta (spliced)", pasta(True)),
]


# --- Cells -------------------------------------------------------------------------------------------


def iperf(way, command, streams):
    """Gbit/s, and seconds of the processor for each GB."""
    before = time_of(way.carriers)
    said = json.loads(run([*command, "-J", "-t", str(SECONDS), "-P", str(streams)]))
    carried = time_of(way.carriers) - before
    if "error" in said:
        raise OSError(said["error"])
    got, used = said["end"]["sum_received"], said["end"]["cpu_utilization_percent"]
    ends = (used["host_total"] + used["remote_total"]) / 100 * got["seconds"]
    return got["bits_per_second"] / 1e9, (ends + carried) / (got["bytes"] / 1e9)


def listening(port):
    # -1: it ends with its only client, also where nobody can tell it to from outside.
    return ["iperf3", "-s", "-1", "--forceflush", "-p", str(port)]


def outward(way, streams):
    with server(listening(5301), b"listening"):
        return iperf(way, way.inside(["iperf3", "-c", way.host, "-p", "5301"]), streams)


def inward(way, streams):
    address, port = way.published[5201]
    with server(way.inside(listening(5201)), b"listening"):
        return iperf(way, ["iperf3", "-c", address, "-p", str(port)], streams)


def connections_out(way):
    with server(["python3", ME, "serve", "5302"], b"ready"):
        return json.loads(run(way.inside(["python3", ME, "connect", way.host, "5302", str(SECONDS)])))


def connections_in(way):
    address, port = way.published[5202]
    with server(way.inside(["python3", ME, "serve", "5202"]), b"ready"):
        return json.loads(run(["python3", ME, "connect", address, str(port), str(SECONDS)]))


def explain(what, error):
    said = getattr(error, "stderr", None) or getattr(error, "stdout", None) or ""
    said = said if isinstance(said, str) else said.decode(errors="replace")
    print(f"not measured: {what}: {error} {said.strip()[-200:]}", file=sys.stderr, flush=True)


def word_for(error):
    if isinstance(error, PermissionError):
        return "denied"
    if isinstance(error, FileNotFoundError):
        return "absent"
    return "stuck" if isinstance(error, (TimeoutError, subprocess.TimeoutExpired)) else "failed"


FAILURES = (OSError, ValueError, KeyError, subprocess.SubprocessError)


def cell(name, way, function, *arguments):
    """What it returns, or a word for why not."""
    if isinstance(way, str):
        return way
    try:
        return function(way, *arguments)
    except FAILURES as error:
        explain(f"{name}, {function.__name__}", error)
        return word_for(error)


def speed(values):
    return f"{statistics.median(v[0] for v in values):.1f}"


def cost(values):
    return f"{statistics.median(v[1] for v in values):.2f}"


def rate(values):
    lost = sum(v["lost"] for v in values)
    return f"{statistics.median(v['rate'] for v in values):.0f}" + (f", {lost} lost" if lost else "")


# What is measured of each way, and what is shown of that.
CELLS = [(outward, 1), (outward, 8), (inward, 1), (inward, 8), (connections_out,), (connections_in,)]
COLUMNS = [
    ("out, Gbit/s", CELLS[0], speed), ("8 streams", CELLS[1], speed), ("CPU s/GB", CELLS[0], cost),
    ("in, Gbit/s", CELLS[2], speed), ("8 streams", CELLS[3], speed), ("CPU s/GB", CELLS[2], cost),
    ("connections/s out", CELLS[4], rate), ("in", CELLS[5], rate),
]


def shown(results, figure):
    values = [r for r in results if not isinstance(r, str)]
    words = collections.Counter(r for r in results if isinstance(r, str))
    if not values:
        return next(iter(words), "late")
    return ", ".join([figure(values)] + [f"{n} {word}" for word, n in words.items()])


class Bench:
    def __init__(self, work, tiffin, image):
        self.work, self.tiffin, self.image = work, tiffin, image


def set_up(b, stack):
    """Every way by its name, or a word for why there is none."""
    wanted, ways = os.environ.get("WAYS"), {}
    for name, make in WAYS:
        if wanted and not any(w in name for w in wanted.split(",")):
            continue
        try:
            ways[name] = stack.enter_context(make(b))
        except FAILURES as error:
            explain(name, error)
            ways[name] = word_for(error)
    return ways


def measure_in_rounds(ways):
    results, names = collections.defaultdict(list), list(ways)
    for _ in range(ROUNDS):
        for what in CELLS:
            for name in names:
                if time.time() < UNTIL:
                    results[name, what].append(cell(name, ways[name], *what))
        names = names[1:] + names[:1]
    return results


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def measure(work, tiffin, image):
    try:
        with contextlib.ExitStack() as stack:
            ways = set_up(Bench(work, tiffin, image), stack)
            results = measure_in_rounds(ways)
            print_row(["", *(head for head, _, _ in COLUMNS)])
            print("|" + "---|" * (len(COLUMNS) + 1))
            for name in ways:
                print_row([name, *(shown(results[name, what], figure) for _, what, figure in COLUMNS)])
    except FAILURES as error:
        explain("the end", error)


def main(argv):
    # So that whoever is told to end ends what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if argv[1:2] == ["serve"] and len(argv) == 3:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        serve(int(argv[2]))
    elif argv[1:2] == ["connect"] and len(argv) == 5:
        connect(argv[2], int(argv[3]), float(argv[4]))
    elif argv[1:2] == ["measure"] and len(argv) == 5:
        measure(*argv[2:])
    else:
        raise SystemExit(__doc__)


main(sys.argv)
