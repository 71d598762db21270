#!/usr/bin/env python3
"""net.py serve PORT | connect ADDRESS PORT SECONDS | measure WORK TIFFIN IMAGE

What a container's network carries, beside others: iperf3 out and in, by 1 and 8 streams, connections made
and closed a second, and the processor's time (of the whole machine, which should have nothing else to do) by which a gigabyte goes out. All of it within this machine:
the other end is on its own address, or on its loopback. Prints a Markdown table; a way that does not work
here is named below it. SECONDS (5) is what each cell takes; WAYS=slirp,pasta limits the rows.

A way is a row of WAYS: how a client is run inside (a command in front of iperf3), by what address it finds
the host, and how the host finds a server inside.
"""
import contextlib
import json
import os
import socket
import subprocess
import sys
import time

SECONDS = int(os.environ.get("SECONDS_EACH", "5"))
TICKS = os.sysconf("SC_CLK_TCK")


# --- Connections a second: a server that answers each with its end -----------------------------------


def serve(port):
    with socket.create_server(("0.0.0.0", port), backlog=1024) as server:
        print("ready", flush=True)
        while True:
            server.accept()[0].close()


def connect(address, port, seconds):
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        with socket.create_connection((address, port), 5) as peer:
            peer.recv(1)
        count += 1
    print(count / (time.monotonic() - began))


# --- The machine -------------------------------------------------------------------------------------


def busy_ticks():
    """Of all processors: user, nice, system, irq, softirq."""
    with open("/proc/stat") as f:
        t = [int(x) for x in f.readline().split()[1:]]
    return t[0] + t[1] + t[2] + t[5] + t[6]


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


def until_listening(address, port, process):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    raise OSError("the server does not answer")


def run(command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS + 30, **more).stdout


@contextlib.contextmanager
def background(command, ready=None):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if ready:
            until_listening(*ready, process)
        yield process
    finally:
        process.terminate()
        process.wait(20)


# --- The ways ----------------------------------------------------------------------------------------


class Way:
    """inside(command): the command as it is to be run; host: the host's address from there; published: the
    host's (address, port) that leads to port 5201 (iperf3) and 5202 (connections) inside."""

    def __init__(self, inside, host, published):
        self.inside, self.host, self.published = inside, host, published


@contextlib.contextmanager
def loopback(_):
    yield Way(lambda c: c, "127.0.0.1", {5201: ("127.0.0.1", 5201), 5202: ("127.0.0.1", 5202)})


USR = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"]


def tiffin_way(network, host=None):
    @contextlib.contextmanager
    def way(b):
        ports = {5201: free_port(), 5202: free_port()}
        publish = [x for inner, outer in ports.items() for x in ("-p", f"{outer}:{inner}")]
        script = ["-v", f"{os.path.abspath(__file__)}:/net.py:ro"]
        name = run([b.tiffin, "run", "-d", "--network", network, *USR, *script, *publish, b.image, "sleep", "600"]).strip()
        try:
            yield Way(
                lambda c: [b.tiffin, "exec", name, *[x.replace(os.path.abspath(__file__), "/net.py") for x in c]],
                host() if host else own_address(),
                {inner: ("127.0.0.1", outer) for inner, outer in ports.items()},
            )
        finally:
            run([b.tiffin, "rm", "-f", "-t", "0", name])

    return way


def namespace_of(pid):
    return ["nsenter", "-t", str(pid), "-U", "-n", "--preserve-credentials"]


@contextlib.contextmanager
def own_namespace():
    with subprocess.Popen(["unshare", "-Urn", "sh", "-c", "ip link set lo up && echo && exec sleep 600"],
                          stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        try:
            yield holder.pid
        finally:
            holder.kill()


@contextlib.contextmanager
def slirp4netns(b):
    api = os.path.join(b.work, "slirp.sock")
    with own_namespace() as pid, background(
            ["slirp4netns", "-c", "-m", "65520", "--api-socket", api, str(pid), "tap0"]):
        while not os.path.exists(api):
            time.sleep(0.05)
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
        yield Way(lambda c: [*namespace_of(pid), *c], own_address(), published)
    os.unlink(api)


def pasta(spliced):
    @contextlib.contextmanager
    def way(b):
        ports = {5201: free_port(), 5202: free_port()}
        # What comes by the loopback is spliced, and what comes by the machine's own address goes by the tap.
        address = "127.0.0.1" if spliced else own_address()
        forward = [x for inner, outer in ports.items() for x in ("-t", f"{address}/{outer}:{inner}")]
        with own_namespace() as pid, background(
                ["pasta", "--foreground", "--quiet", "--config-net", *forward, "-u", "none",
                 "-T", "5301,5302" if spliced else "none", "-U", "none", str(pid)]) as process:
            time.sleep(1)
            if process.poll() is not None:
                raise OSError("pasta has ended")
            # By the tap, the host is where the gateway's address is: its own is the namespace's, too.
            yield Way(lambda c: [*namespace_of(pid), *c], "127.0.0.1" if spliced else gateway(),
                      {inner: (address, outer) for inner, outer in ports.items()})

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


def gbits(text):
    end = json.loads(text)["end"]
    return end["sum_received"]["bits_per_second"] / 1e9, end["sum_received"]["bytes"] / 1e9


def iperf(address, port, streams):
    return ["iperf3", "-J", "-t", str(SECONDS), "-P", str(streams), "-c", address, "-p", str(port)]


def outward(way, streams):
    """Gbit/s out of the container, and seconds of the processor for each GB."""
    port = 5301
    with background(["iperf3", "-s", "-p", str(port)]):
        time.sleep(0.5)
        before = busy_ticks()
        speed, volume = gbits(run(way.inside(iperf(way.host, port, streams))))
        return speed, (busy_ticks() - before) / TICKS / volume


def inward(way, streams):
    with background(way.inside(["iperf3", "-s", "-p", "5201"])):
        time.sleep(1)
        return gbits(run(iperf(*way.published[5201], streams)))[0]


def connections_out(way):
    me = os.path.abspath(__file__)
    with background(["python3", me, "serve", "5302"], ("127.0.0.1", 5302)):
        return float(run(way.inside(["python3", me, "connect", way.host, "5302", str(SECONDS)])))


def connections_in(way):
    me = os.path.abspath(__file__)
    with background(way.inside(["python3", me, "serve", "5202"])):
        time.sleep(1)
        return float(run(["python3", me, "connect", *map(str, way.published[5202]), str(SECONDS)]))


def cell(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or getattr(error, "stdout", None) or ""
        print(f"not measured: {function.__name__}: {error} {said.strip()[-200:]}", file=sys.stderr)
        return None


def show(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def measure_way(name, way):
    one, eight = cell(outward, way, 1), cell(outward, way, 8)
    row = [show(one and one[0]), show(eight and eight[0]), show(cell(inward, way, 1)), show(cell(inward, way, 8)),
           show(cell(connections_out, way), 0), show(cell(connections_in, way), 0), show(one and one[1], 2)]
    print(f"| {name} | " + " | ".join(row) + " |", flush=True)


class Bench:
    def __init__(self, work, tiffin, image):
        self.work, self.tiffin, self.image = work, tiffin, image


def measure(work, tiffin, image):
    b = Bench(work, tiffin, image)
    wanted = os.environ.get("WAYS")
    veth = os.environ.get("NO_TUN")
    if not veth:
        print("| | out, Gbit/s | out, 8 streams | in | in, 8 streams | out, connections/s | in | CPU s/GB out |")
        print("|---|---|---|---|---|---|---|---|")
    for name, make in WAYS:
        if veth:
            if make is not None or "veth" not in name:
                continue
            make = tiffin_way("slirp")
        if make is None or (wanted and not any(w in name for w in wanted.split(","))):
            continue
        try:
            with make(b) as way:
                measure_way(name, way)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"not measured: {name}: {error} {getattr(error, 'stderr', '') or ''}", file=sys.stderr)


def main(argv):
    if argv[1:2] == ["serve"] and len(argv) == 3:
        serve(int(argv[2]))
    elif argv[1:2] == ["connect"] and len(argv) == 5:
        connect(argv[2], int(argv[3]), float(argv[4]))
    elif argv[1:2] == ["measure"] and len(argv) == 5:
        measure(*argv[2:])
    else:
        raise SystemExit(__doc__)


main(sys.argv)
