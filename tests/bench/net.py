#!/usr/bin/env python3
"""net.py serve PORT | connect ADDRESS PORT SECONDS | measure WORK TIFFIN IMAGE

What a container's network carries, beside others: iperf3 out and in, by 1 and 8 streams, connections made
and closed a second, and the processor's time for a gigabyte by 1 stream: that of iperf3's two ends and of
what carries the bytes between them (what the kernel does in nobody's name is not in it). All of it within
this machine: the other end is on its own address, or on its loopback. Every end and every carrier has a
session of its own, as a container's have: the scheduler shares out the processors by sessions.

Prints a Markdown table. A cell that can't be had has a word instead, which is explained on stderr: absent (a
program is not installed), failed, stuck (it took too long), late (it was to begin after UNTIL, in seconds of
the epoch). Connections that got no answer are told beside the number of those that did. SECONDS_EACH (2) is
what each cell takes; WAYS=slirp,pasta limits the rows.

A way is a row of WAYS: how a client is run inside (a command in front of iperf3), by what address it finds
the host, how the host finds a server inside, and whose descendants carry the bytes.
"""
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

SECONDS = int(os.environ.get("SECONDS_EACH", "2"))
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


def tiffin_way(network, host=None):
    @contextlib.contextmanager
    def way(b):
        if network.startswith("pasta"):
            need("pasta")
        ports = {5201: free_port(), 5202: free_port()}
        publish = [x for inner, outer in ports.items() for x in ("-p", f"{outer}:{inner}")]
        name = run([b.tiffin, "run", "-d", "--network", network, *USR, "-v", f"{ME}:/net.py:ro", *publish, b.image,
                    "sleep", "600"]).strip()
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
    with background(["unshare", "-Urn", "sh", "-c", "ip link set lo up && echo && exec sleep 600"]) as holder:
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
    ("tiffin slirp (tap)", tiffin_way("slirp")),
    ("tiffin fast", tiffin_way("fast")),
    ("tiffin slirp (veth)", None),  # by net.sh, which closes /dev/net/tun
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
    if isinstance(error, FileNotFoundError):
        return "absent"
    return "stuck" if isinstance(error, (TimeoutError, subprocess.TimeoutExpired)) else "failed"


FAILURES = (OSError, ValueError, KeyError, subprocess.SubprocessError)


def cell(name, function, *arguments):
    """What it returns, or a word for why not."""
    if time.time() > UNTIL:
        return "late"
    try:
        return function(*arguments)
    except FAILURES as error:
        explain(f"{name}, {function.__name__}", error)
        return word_for(error)


def speed(value):
    return value if isinstance(value, str) else f"{value[0]:.1f}"


def cost(value):
    return value if isinstance(value, str) else f"{value[1]:.2f}"


def rate(value):
    if isinstance(value, str):
        return value
    return f"{value['rate']:.0f}" + (f", {value['lost']} lost" if value["lost"] else "")


HEAD = ("", "out, Gbit/s", "8 streams", "CPU s/GB", "in, Gbit/s", "8 streams", "CPU s/GB", "connections/s out", "in")


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def measure_way(name, way):
    out, out8 = cell(name, outward, way, 1), cell(name, outward, way, 8)
    into, into8 = cell(name, inward, way, 1), cell(name, inward, way, 8)
    print_row([name, speed(out), speed(out8), cost(out), speed(into), speed(into8), cost(into),
               rate(cell(name, connections_out, way)), rate(cell(name, connections_in, way))])


class Bench:
    def __init__(self, work, tiffin, image):
        self.work, self.tiffin, self.image = work, tiffin, image


def measure(work, tiffin, image):
    b = Bench(work, tiffin, image)
    wanted = os.environ.get("WAYS")
    veth = os.environ.get("NO_TUN")
    if not veth:
        print_row(HEAD)
        print("|" + "---|" * len(HEAD))
    for name, make in WAYS:
        if veth:
            if make is not None or "veth" not in name:
                continue
            make = tiffin_way("slirp")
        if make is None or (wanted and not any(w in name for w in wanted.split(","))):
            continue
        begun = False
        try:
            with make(b) as way:
                begun = True
                measure_way(name, way)
        except FAILURES as error:
            explain(name, error)
            if not begun:
                print_row([name] + [word_for(error)] * (len(HEAD) - 1))


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
