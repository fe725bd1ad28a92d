# SPDX-License-Identifier: MIT
"""crowd.py HOTWATCH: what the watcher takes to say how 100 processes of 1000
modules are. The processes are played here: a socket each, that answers as a
target does (what stands behind a name is a process that waits for its end of
file). Prints milliseconds of processor time, as JSON."""
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from peer import Peer  # noqa: E402

MODULES, TARGETS, ROUNDS = 1000, 100, 9
ROOT = os.path.realpath("crowd")
RUNTIME = os.environ["XDG_RUNTIME_DIR"] + "/hotwatch"


def make_program():
    """Sources, objects, and the manifest of a hot build; its modules."""
    os.makedirs(ROOT + "/w.hot")
    modules = []
    for i in range(MODULES):
        path = "%s/m%d" % (ROOT, i)
        for end in (".c", ".o"):
            with open(path + end, "w", encoding="ascii") as f:
                f.write("int f%d(void) { return %d; }\n" % (i, i))
        modules.append({
            "name": "m%d" % i, "source": path + ".c", "object": path + ".o",
            "archive": None, "hash": "%032x" % i, "file": "obj/m%d.so" % i,
            "base": hex(0x550000400000 + i * 0x10000), "size": 4096,
            "dir": ROOT, "command": ["clang-19", "-c", "m%d.c" % i],
            "env": {}, "depfile": path + ".d", "deps": [path + ".c"]})
    with open(ROOT + "/hotwatch.json", "w", encoding="ascii") as f:
        f.write("{}\n")
    with open(ROOT + "/w.hot/manifest.json", "w", encoding="ascii") as f:
        json.dump({"hotwatch": 1, "program": ROOT + "/w", "root": ROOT,
                   "dir": ROOT, "link": ["clang-19"], "libs": [],
                   "stubs": "obj/s.so", "next_base": "0x550010000000",
                   "modules": modules}, f)
    return modules


def loaded(modules):
    """The result of code/allLoaded."""
    def version(m):
        return {"version": 0, "hash": m["hash"], "base": m["base"],
                "file": ROOT + "/w.hot/" + m["file"], "size": m["size"]}
    return {"modules": [dict(version(m), module=m["name"], source=m["source"],
                             versions=[dict(version(m), state="current")])
                        for m in modules]}


class Target:
    def __init__(self, everything):
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.results = {"code/allLoaded": everything, "code/hello": {
            "pid": self.process.pid, "program": ROOT + "/w",
            "manifest": ROOT + "/w.hot/manifest.json", "root": ROOT,
            "args": ["w"], "started": 1, "abi": 1, "reloadable": True}}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("%s/targets/%d.sock" % (RUNTIME, self.process.pid))
        self.listener.listen()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=[client],
                             daemon=True).start()

    def serve(self, client):
        try:
            self.answer(client, client.makefile("rb"))
        except OSError:
            pass  # the watcher has ended

    def answer(self, client, stream):
        while True:
            head = stream.readline()
            if not head:
                return
            stream.readline()
            message = json.loads(stream.read(int(head.split(b":")[1])))
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"],
                               "result": self.results.get(
                                   message["method"], {})}).encode()
            client.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)


def spent(pid):
    """Milliseconds that the process has had of a processor."""
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


def watcher_peer():
    """A connection to the watcher, once it listens."""
    while True:
        for name in os.listdir(RUNTIME):
            if name.endswith(".sock"):
                return Peer(os.path.join(RUNTIME, name))
        time.sleep(0.01)


def measure(watcher, peer):
    rounds, status = [], None
    for _ in range(ROUNDS):
        began = spent(watcher.pid)
        status = peer.call("watch/status")
        rounds.append(spent(watcher.pid) - began)
    states = [t["state"] for t in status["targets"]]
    if states != ["current"] * TARGETS:
        sys.exit("the targets are %s" % states)
    return {"status": statistics.median(rounds)}


def main():
    os.makedirs(RUNTIME + "/targets", mode=0o700)
    os.chmod(RUNTIME, 0o700)
    everything = loaded(make_program())
    targets = [Target(everything) for _ in range(TARGETS)]
    with subprocess.Popen([sys.argv[1], "watch", ROOT],
                          stdout=subprocess.DEVNULL) as watcher:
        peer = watcher_peer()
        peer.call("watch/sync")
        print(json.dumps(measure(watcher, peer)))
        watcher.send_signal(signal.SIGTERM)
    for target in targets:
        target.process.stdin.close()
        target.process.wait()


main()
