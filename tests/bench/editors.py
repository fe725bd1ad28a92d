# SPDX-License-Identifier: MIT
"""editors.py HOTWATCH: what an update costs hotwatch lsp where there is much:
1000 modules in 100 processes, 10 000 diagnostics. The watcher is played here
(its answers are what a real one says, at a size that takes minutes to build),
the language server is the real one. Prints milliseconds of processor time for
an update, medians, as JSON."""
import fcntl
import json
import os
import re
import socket
import statistics
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lspclient import Editor  # noqa: E402

MODULES, TARGETS, EACH, ROUNDS = 1000, 100, 10, 15
FIRST_PID = 100000


def fnv1a64(text):
    h = 0xcbf29ce484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 % (1 << 64)
    return h


class Watcher(threading.Thread):
    """As much of a watcher as a language server asks for."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.stamp, self.seq = root, 0, 0
        self.errors = {}  # module -> (stamp, diagnostics)
        self.held = []  # of each target, as watch/holders says it
        base = "%s/hotwatch/watch-%016x." % (os.environ["XDG_RUNTIME_DIR"],
                                             fnv1a64(root))
        os.makedirs(os.path.dirname(base), mode=0o700, exist_ok=True)
        self.lock = open(base + "lock", "w", encoding="utf-8")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(base + "sock")
        self.listener.listen()
        self.client = None
        self.start()

    def run(self):
        while True:
            self.client = self.listener.accept()[0]
            stream = self.client.makefile("rb")
            try:
                while self.serve(stream):
                    pass
            except OSError:
                pass  # it is gone

    def serve(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        length = int(re.search(rb"Content-Length: *(\d+)", head).group(1))
        message = json.loads(stream.read(length))
        method = message["method"][len("watch/"):]
        result = getattr(self, "on_" + method)(message.get("params") or {})
        self.send({"id": message["id"], "result": result})
        return True

    def send(self, message):
        body = json.dumps(dict(message, jsonrpc="2.0")).encode()
        self.client.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    @staticmethod
    def on_subscribe(_):
        return {}

    @staticmethod
    def on_log(_):
        return {"events": []}

    def on_status(self, params):
        known = params.get("known", 0)
        return {
            "root": self.root, "stamp": self.stamp, "building": [],
            "warnings": [],
            "targets": [{
                "pid": FIRST_PID + i, "program": "/p/worker",
                "name": "worker", "state": "current", "modules": MODULES,
                "behind": 0, "old": 0, "held": [
                    {"module": "m", "version": 0, "holders": 1,
                     "message": "somebody"}] if self.held else []}
                for i in range(TARGETS)],
            "errors": [
                {"module": module, "stamp": stamp} if stamp <= known else
                {"module": module, "stamp": stamp, "message": "",
                 "diagnostics": diagnostics}
                for module, (stamp, diagnostics) in self.errors.items()]}

    def on_holders(self, _):
        return {"targets": [{
            "pid": FIRST_PID + i, "ok": True, "modules": self.held}
            for i in range(TARGETS)]}

    def holds(self, path):
        """Two threads of each process stay in old code."""
        self.held = [{"module": "m", "version": 0, "state": "old",
                      "since": self.seq, "holders": [
                          {"id": str(n), "kind": "frame", "module": "m",
                           "version": 0, "since": self.seq, "tid": 7 + n,
                           "thread": "worker", "function": "run",
                           "file": path, "line": n,
                           "message": "runs in it"} for n in (1, 2)]}]

    def breaks(self, module, path, lines):
        """MODULE does not compile, at each of LINES."""
        self.stamp += 1
        self.errors[module] = (self.stamp, [{
            "file": path, "line": n, "column": 5, "severity": "error",
            "message": "use of undeclared identifier 'x%d' (%d)"
                       % (n, self.stamp)} for n in lines])

    def tells(self, kind, module):
        """An event; its number."""
        self.seq += 1
        ok = kind == "live"
        self.send({"method": "watch/event", "params": {
            "seq": self.seq, "time": 1763632800500, "kind": kind,
            "modules": [module], "version": self.seq, "ms": {"total": 9.5},
            "diagnostics": [], "message": "",
            "targets": [{"pid": FIRST_PID + i, "ok": True,
                         "versions": {module: self.seq}}
                        for i in range(TARGETS if ok else 0)]}})
        return self.seq


def spent(pid):
    """Seconds that the process has had of a processor."""
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def update(editor, watcher, kind, module):
    """Milliseconds for one event and all that follows from it."""
    began = spent(editor.process.pid)
    since = watcher.seq
    seq = watcher.tells(kind, module)
    editor.until("event %d" % seq, lambda: (
        editor.status.get("seq") == seq and
        (not watcher.held or editor.holders and
         editor.holders[0]["since"] == since)))
    return (spent(editor.process.pid) - began) * 1000


def source(root, name, lines):
    path = os.path.join(root, name)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines("    int y%d = x%d; /* words */\n" % (n, n)
                     for n in range(1, lines + 1))
    return path


def main():
    root = os.path.realpath("tree")
    os.makedirs(root)
    open(os.path.join(root, "hotwatch.json"), "w").write("{}\n")
    watcher = Watcher(root)
    editor = Editor([sys.argv[1], "lsp"], root)
    editor.until("the watcher", lambda: editor.status.get("targets"))
    paths = [source(root, "m%d.c" % i, EACH) for i in range(MODULES)]
    figures = {}
    figures["live"] = statistics.median(
        update(editor, watcher, "live", "m%d" % i) for i in range(ROUNDS))
    for i, path in enumerate(paths):
        watcher.breaks("m%d" % i, path, range(1, EACH + 1))
    figures["all"] = update(editor, watcher, "error", "m0")
    if sum(map(len, editor.diagnostics.values())) != MODULES * EACH:
        sys.exit("%d diagnostics came" % sum(
            map(len, editor.diagnostics.values())))
    figures["live_among"] = statistics.median(
        update(editor, watcher, "live", "m%d" % i) for i in range(ROUNDS))
    rounds = []
    for i in range(ROUNDS):
        watcher.breaks("m%d" % i, paths[i], range(1, EACH + 1))
        rounds.append(update(editor, watcher, "error", "m%d" % i))
    figures["one_among"] = statistics.median(rounds)
    big = source(root, "big.c", MODULES * EACH)
    watcher.errors = {}
    watcher.breaks("big", big, range(1, MODULES * EACH + 1))
    figures["one_file"] = update(editor, watcher, "error", "big")
    figures["live_beside"] = statistics.median(
        update(editor, watcher, "live", "m%d" % i) for i in range(ROUNDS))
    rounds = []
    for i in range(ROUNDS):
        watcher.holds(paths[i])
        rounds.append(update(editor, watcher, "live", "m%d" % i))
    figures["holders"] = statistics.median(rounds)
    if len(editor.holders) != 2 * TARGETS:
        sys.exit("%d holders came" % len(editor.holders))
    editor.kill()
    print(json.dumps(figures))


main()
