# SPDX-License-Identifier: MIT
"""Tests of the code server, without a watcher between: programs built by
`hotwatch cc`, versions made by tests/target/module-link, and what the target
says and does.

Nothing sleeps to let something happen: until() looks at the thing itself."""
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from peer import Peer, Refused

# A test that is ended at its time limit says where it stood.
faulthandler.register(signal.SIGTERM, chain=True)

BUILD = os.environ["BUILD"]
ROOT = os.environ["ROOT"]
HW = os.environ["HW_PROGRAM"]
RUNTIME = os.path.join(os.environ["XDG_RUNTIME_DIR"], "hotwatch")
SANITIZE = os.environ.get("HW_SANITIZE")  # HW cc builds with it


def same(what, got, wanted):
    if got != wanted:
        sys.exit("FAILED: %s: got %r, wanted %r" % (what, got, wanted))


def holds(what, truth):
    if not truth:
        sys.exit("FAILED: %s" % what)


def until(what, condition, limit=30):
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit("FAILED: %s: not in %d s" % (what, limit))
        time.sleep(0.002)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def build(program, sources, flags=("-O2",)):
    """Compiles and links SOURCES ({path: text}) in one command."""
    write("hotwatch.json", "{}\n")  # a project of its own, wherever it lies
    for path, text in sources.items():
        write(path, text)
    subprocess.run([HW, "cc", *flags, "-pthread", "-o", program,
                    *[p for p in sources if p.endswith(".c")]], check=True)


class Target:
    """A running program with its socket."""

    def __init__(self, *argv, **more):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, **more)
        self.pid = self.process.pid
        self.manifest = None
        self.base = 0x550040000000
        self.count = 0
        self.places = threading.Lock()
        self.connect()

    def socket(self):
        return os.path.join(RUNTIME, "targets", "%d.sock" % self.pid)

    def connect(self):
        def attempt():
            try:
                return Peer(self.socket())
            except OSError:
                return None
        self.peer = until("the target's socket", attempt)
        self.hello = self.peer.call("code/hello")
        with open(self.hello["manifest"]) as f:
            self.manifest = json.load(f)

    def ask(self, line):
        """What the program answers to LINE. A program that is gone fails the
        test by how it ended: an empty answer would tell nothing."""
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("FAILED: asked %r, the program ended with status %d" % (
                line, self.process.wait(30)))
        return answer.rstrip("\n")

    def module(self, name):
        for m in self.manifest["modules"]:
            if m["name"] == name:
                return m
        sys.exit("FAILED: no module %s in the manifest" % name)

    def make(self, name, text):
        """An object of module NAME from TEXT: its file, sealed, ready."""
        m = self.module(name)
        with self.places:  # several may be made at a time
            self.count += 1
            self.base += 0x100000
            count, base = self.count, self.base
        write(m["source"], text)
        out = tempfile.mkdtemp(prefix="version%d-" % count, dir=".")
        out = os.path.abspath(out)
        obj = os.path.join(out, "m.o")
        subprocess.run(m["command"] + ["-o", obj], cwd=m["dir"], check=True)
        return subprocess.run(
            [os.path.join(BUILD, "tests", "module-link"), obj, name,
             hex(base), out,
             os.path.join(BUILD, "codeserver", "libcodeserver.so")],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def load(self, name, text):
        return self.peer.call("code/load", {"module": name,
                                            "file": self.make(name, text)})

    def refused(self, method, params, what=""):
        """The data of the error that METHOD must give."""
        try:
            got = self.peer.call(method, params)
        except Refused as error:
            return json.loads(str(error))["data"]
        sys.exit("FAILED: %s was not refused (%s): %r" % (method, what, got))

    def versions(self, name):
        for m in self.peer.call("code/allLoaded")["modules"]:
            if m["module"] == name:
                return m["versions"]
        return []

    def images(self):
        """The mappings in the arena, as text."""
        with open("/proc/%d/maps" % self.pid) as f:
            return [line for line in f if line.startswith("5500")]

    def descriptors(self):
        return sorted(os.listdir("/proc/%d/fd" % self.pid))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.pid))

    def resident(self):
        """Bytes."""
        with open("/proc/%d/statm" % self.pid) as f:
            return int(f.read().split()[1]) * 4096

    def end(self, status=0):
        self.process.stdin.close()
        same("the program's status", self.process.wait(30), status)
