# SPDX-License-Identifier: MIT
# limit: 300
"""examples/kv is upgraded and downgraded 200 times while 8 clients put and
get: every answer is right, none is lost, none given or obeyed twice.

A put answers with the value before it, so one that was obeyed twice, or lost,
shows in the next; a client never has two answers to one line, or its next would
be wrong. The third version's state has another layout than the others'."""
import os
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import HW, ROOT, Target, holds, same, until

ROUNDS, CLIENTS = 200, 8
KV = os.path.join(ROOT, "examples", "kv")


class Client(threading.Thread):
    def __init__(self, number):
        super().__init__(daemon=True)
        self.key, self.puts, self.wrong = "key%d" % number, 0, None
        self.stop = threading.Event()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("kv.sock")
        self.file = self.socket.makefile("rw")

    def ask(self, line, wanted):
        self.file.write(line + "\n")
        self.file.flush()
        got = self.file.readline().rstrip("\n")
        if got != wanted and not self.wrong:
            self.wrong = "%s: got %r, wanted %r" % (line, got, wanted)

    def run(self):
        while not self.stop.is_set() and not self.wrong:
            before = str(self.puts) if self.puts else "none"
            self.puts += 1
            self.ask("put %s %d" % (self.key, self.puts), before)
            self.ask("get " + self.key, str(self.puts))


def listening():
    try:
        client = socket.socket(socket.AF_UNIX)
        client.connect("kv.sock")
        client.close()
        return True
    except OSError:
        return False


def order(method, **params):
    return t.peer.call(method, dict(process="kv", timeout_ms=60000, **params))


def go(files, was, now):
    """The way up and the way down, as README.md has them."""
    order("sys/suspend")
    if was == 3:
        order("sys/changeCode", module="kv", vsn="3", down=True)
    t.peer.call("code/load", {"module": "kv", "file": files[now]})
    if now == 3:
        order("sys/changeCode", module="kv", vsn=str(was))
    order("sys/resume")


shutil.copytree(KV, "kv")
with open("kv/hotwatch.json", "w") as f:
    f.write("{}\n")
subprocess.run(["make", "-s", "-C", "kv", "CC=%s cc" % HW], check=True)
log = open("kv.log", "w")
t = Target("kv/kv", "kv.sock", stderr=log)
until("the server listens", listening)
files = {}
for version, name in ((1, "kv.c"), (2, "kv-2.c"), (3, "kv-3.c")):
    with open(os.path.join(KV, name)) as f:
        files[version] = t.make("kv", f.read())

clients = [Client(i) for i in range(CLIENTS)]
for c in clients:
    c.start()
was, answered = 1, 0
for i in range(ROUNDS):
    now = (2, 3, 2, 1)[i % 4]
    go(files, was, now)
    was = now
    # All go on in the new version, before the next.
    for c in clients:
        puts = c.puts
        until("an answer in version %d" % now,
              lambda: c.puts > puts or c.wrong)
    wrong = [c.wrong for c in clients if c.wrong]
    holds("round %d, version %d: %s" % (i, now, wrong), not wrong)
for c in clients:
    c.stop.set()
for c in clients:
    c.join(30)
    same("a client's answers", c.wrong, None)
total = sum(c.puts for c in clients)
print("%d puts and as many gets in %d changes" % (total, ROUNDS))
go(files, was, 3)
same("the state", order("sys/getState")["state"],
     "%d keys, %d puts" % (CLIENTS, CLIENTS))
holds("the second version logged", os.path.getsize("kv.log") > 0)
same("the server is the one of the start", [
    p["process"] for p in t.peer.call("process/list")["processes"]
    if p["name"] == "kv"], [3])
t.peer.call("code/softPurge", {"module": "kv"})
same("idle, it holds no old code", sorted({
    v["state"] for v in t.versions("kv")} - {"fenced"}), ["current"])
t.process.kill()
t.process.wait()
