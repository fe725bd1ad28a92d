# SPDX-License-Identifier: MIT
"""saves.py WATCH_SOCKET TARGET_SOCKET MANIFEST MODULE SAVES: from a save to live code, over
the bare compile and link of the same file with the same flags.

Both are done SAVES times, in turn, so that a machine that is slow for a while
is slow for both. A save is a rename, with a new number in a string or constant
of the file ("@N@" in FILE.template beside it). "inside" is what the
target says that the load took it; the "load" phase is until its answer, which
also tells who holds what is old. Prints medians, as JSON."""
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from peer import Peer  # noqa: E402

WARM_UP = 3


def module_of(manifest, name):
    with open(manifest) as f:
        data = json.load(f)
    return data, next(m for m in data["modules"] if m["name"] == name)


def bare(module, out):
    """clang -c and ld, as a person would run them; seconds."""
    env = dict(os.environ, **(module.get("env") or {}))
    began = time.monotonic()
    subprocess.run(
        module["command"] + ["-o", out + ".o"],
        cwd=module["dir"], env=env, check=True, stderr=subprocess.DEVNULL)
    subprocess.run(
        ["ld", "-shared", "-o", out + ".so", out + ".o"], check=True)
    return time.monotonic() - began


def save(watch, source, text, n):
    with open(source + "~new", "w") as f:
        f.write(text.replace("@N@", str(n)))
    began = time.monotonic()
    os.rename(source + "~new", source)
    event = watch.wait_note(
        lambda e: e.get("kind") in ("live", "error", "refused"))
    took = time.monotonic() - began
    if event["kind"] != "live":
        sys.exit(json.dumps(event))
    return took, event


def median(values):
    return statistics.median(values) * 1000


def main():
    socket, target, manifest, name, saves = sys.argv[1:]
    _, module = module_of(manifest, name)
    source = module["source"]
    with open(source + ".template") as f:
        text = f.read()
    watch = Peer(socket, timeout=60)
    watch.call("watch/subscribe")
    target = Peer(target, timeout=60)
    target.call("code/hello")
    live, base, inside, phases = [], [], [], {}
    for n in range(1, int(saves) + WARM_UP + 1):
        took, event = save(watch, source, text, n)
        loaded = target.wait_note(lambda e: "microseconds" in e)
        plain = bare(module, os.path.join(os.getcwd(), "bare"))
        if n <= WARM_UP:
            continue
        live.append(took)
        base.append(plain)
        for phase, ms in event["ms"].items():
            phases.setdefault(phase, []).append(ms)
        inside.append(loaded["microseconds"]["total"] / 1000)
    print(json.dumps({
        "live": median(live),
        "bare": median(base),
        "ratio": median(live) / median(base),
        "inside": statistics.median(inside),
        "phases": {p: statistics.median(v) for p, v in phases.items()},
    }))


main()
