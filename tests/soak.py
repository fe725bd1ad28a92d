# SPDX-License-Identifier: MIT
"""soak.py WATCH_SOCKET PID SOURCE TEMPLATE RELOADS: saves SOURCE over and over,
each time with another number for @N@ in TEMPLATE, and waits each time until
that is live in PID. Prints as JSON what PID held before and after: kB of
resident memory, descriptors, threads, mappings. The first reloads warm up."""
import json
import os
import sys

from peer import Peer

WARM_UP = 50


def held(pid):
    proc = "/proc/%d/" % pid
    with open(proc + "smaps_rollup") as f:
        rss = next(int(l.split()[1]) for l in f if l.startswith("Rss:"))
    with open(proc + "maps") as f:
        maps = len(f.readlines())
    return {
        "rss": rss,
        "fds": len(os.listdir(proc + "fd")),
        "threads": len(os.listdir(proc + "task")),
        "maps": maps,
    }


def main():
    socket, pid, source, template, reloads = sys.argv[1:]
    pid = int(pid)
    with open(template) as f:
        text = f.read()
    watch = Peer(socket, timeout=60)
    watch.call("watch/subscribe")
    before = None
    for n in range(1, int(reloads) + WARM_UP + 1):
        with open(source + "~new", "w") as f:
            f.write(text.replace("@N@", str(n)))
        os.rename(source + "~new", source)
        event = watch.wait_note(
            lambda e: e.get("kind") in ("live", "error", "refused")
        )
        if event["kind"] != "live":
            sys.exit("reload %d: %s" % (n, json.dumps(event)))
        if n == WARM_UP:
            before = held(pid)
    print(json.dumps({"before": before, "after": held(pid)}))


main()
