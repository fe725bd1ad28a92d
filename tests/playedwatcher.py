# SPDX-License-Identifier: MIT
"""A watcher that is played: as much of one as `hotwatch lsp` asks for, with as
much to tell as a test or a benchmark wants. Its answers are what a real one
says, at a size that takes minutes to build."""
import fcntl
import json
import os
import re
import socket
import threading

FIRST_PID = 100000


def fnv1a64(text):
    h = 0xcbf29ce484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 % (1 << 64)
    return h


class Watcher(threading.Thread):
    """As much of a watcher as a language server asks for."""

    def __init__(self, root, targets=1, modules=1):
        super().__init__(daemon=True)
        self.root, self.stamp, self.seq = root, 0, 0
        self.targets, self.modules = targets, modules
        self.errors = {}  # module -> (stamp, diagnostics)
        self.busy = threading.RLock()  # who has it is not asked meanwhile
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
        answer = getattr(self, "on_" + method, None)
        with self.busy:
            self.send(dict({"result": answer(message.get("params") or {})}
                           if answer else {"error": {
                               "code": -32601,
                               "message": "it is only played"}},
                           id=message["id"]))
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
                "name": "worker", "state": "current", "modules": self.modules,
                "behind": 0, "old": 0, "held": [
                    {"module": "m", "version": 0, "holders": 1,
                     "message": "somebody"}] if self.held else []}
                for i in range(self.targets)],
            "errors": [
                {"module": module, "stamp": stamp} if stamp <= known else
                {"module": module, "stamp": stamp, "message": "",
                 "diagnostics": diagnostics}
                for module, (stamp, diagnostics) in self.errors.items()]}

    def on_holders(self, _):
        return {"targets": [{
            "pid": FIRST_PID + i, "ok": True, "modules": self.held}
            for i in range(self.targets)]}

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
                        for i in range(self.targets if ok else 0)]}})
        return self.seq
