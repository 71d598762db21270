#!/usr/bin/env python3
"""pull.py WORK TIFFIN IMAGE BLOBS: pulls an image by several tools in turn, and prints a table.

Each pull goes into a directory of its own below WORK. BLOBS is the image as skopeo's dir: has it: of
its layers, unpacked side by side with igzip and tar, the floor is made. Rounds ($ROUNDS, 3) are
interleaved, each begins with another tool, and one goes before that does not count. What was pulled
is removed at the end only: ext4 does not use an inode again that was deleted within the last five
minutes, and to look for others costs more than half of the time of a pull. Rounds that the disk has
no room for are left out.

tiffin has what it pulled on the disk when it ends; "floor, synced" is the floor that has, too.
"""
import json
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import time

SPARE = 8 << 30  # bytes of the disk that are for others
ENTER = "unshare --user --map-root-user --map-auto"


def commands(work, tiffin, image, blobs):
    with open(f"{blobs}/manifest.json", encoding="utf-8") as file:
        layers = [layer["digest"].partition(":")[2] for layer in json.load(file)["layers"]]
    unpack = "".join(
        f"mkdir {n}; igzip -dc <{shlex.quote(f'{blobs}/{layer}')} | tar -x --numeric-owner -C {n} & "
        for n, layer in enumerate(layers))
    floor = f"{ENTER} sh -c {shlex.quote(unpack + 'wait')}"
    return {
        "floor": f"exec {floor}",
        "floor, synced": f"{floor}; exec sync -f .",
        "tiffin": f"TIFFIN_ROOT=$PWD/store exec {tiffin} pull -q {image}",
        "podman": "exec podman --root $PWD/root --runroot $PWD/run --events-backend=file "
                  f"pull -q --tls-verify=false {image}",
        "skopeo, umoci": f"skopeo copy -q --src-tls-verify=false docker://{image} oci:oci:x && "
                         f"exec {ENTER} umoci --log=error unpack --image oci:x bundle",
    }


def run(scratch, command):
    """Wall, user and system seconds, and the resident set of the biggest process in MB."""
    os.mkdir(scratch)
    os.sync()
    begin = time.monotonic()
    process = subprocess.Popen(["sh", "-c", command], cwd=scratch, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    process.returncode = status
    if status:
        raise RuntimeError(log.decode(errors="replace").strip().rpartition("\n")[2])
    return wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1000


def measure(work, tools, rounds):
    results, used = {}, 0
    for number in range(-1, rounds):
        free = shutil.disk_usage(work).free
        if free < used + SPARE:
            print(f"the disk has room for {number} rounds only", file=sys.stderr)
            break
        names = list(tools)
        names = names[number % len(names):] + names[:number % len(names)]
        for name in names:
            try:
                result = run(f"{work}/pull-{number}-{names.index(name)}", tools[name])
            except RuntimeError as why:
                print(f"not measured: {name}: {why}", file=sys.stderr)
                del tools[name]
                results.pop(name, None)
                continue
            print(f"{name}: {result[0]:.2f} s", file=sys.stderr)
            if number >= 0:
                results.setdefault(name, []).append(result)
        used = max(used, free - shutil.disk_usage(work).free)
    return results


def table(results):
    medians = {name: [statistics.median(column) for column in zip(*rows)]
               for name, rows in results.items()}
    print("| pull into a new directory | wall s (median) | min | max | user s | system s "
          "| biggest process MB | of the floor | of tiffin |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (wall, user, system, memory) in medians.items():
        walls = [row[0] for row in results[name]]
        ratios = [f"{wall / medians[to][0]:.2f}x" if to in medians else "-"
                  for to in ("floor", "tiffin")]
        print(f"| {name} | {wall:.2f} | {min(walls):.2f} | {max(walls):.2f} | {user:.2f} "
              f"| {system:.2f} | {memory:.0f} | {' | '.join(ratios)} |")
    sys.stdout.flush()  # to remove what was pulled takes its time


def main(work, tiffin, image, blobs):
    # What a tool leaves open of descriptors and cores is no business of ours.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tools = commands(work, tiffin, image, blobs)
    wanted = os.environ.get("TOOLS")
    if wanted:
        tools = {name: tools[name] for name in wanted.split(":")}
    try:
        table(measure(work, tools, int(os.environ.get("ROUNDS", "3"))))
    finally:
        subprocess.run(f"{ENTER} rm -rf {shlex.quote(work)}/pull-*", shell=True, check=True)


main(*sys.argv[1:])
