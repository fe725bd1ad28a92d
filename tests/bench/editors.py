# SPDX-License-Identifier: MIT
"""editors.py HOTWATCH: what an update costs hotwatch lsp where there is much:
1000 modules in 100 processes, 10 000 diagnostics. The watcher is played here
(its answers are what a real one says, at a size that takes minutes to build),
the language server is the real one. Prints milliseconds of processor time for
an update, medians, as JSON."""
import json
import os
import re
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lspclient import Editor  # noqa: E402
from playedwatcher import Watcher  # noqa: E402

MODULES, TARGETS, EACH, ROUNDS = 1000, 100, 10, 15
FEW = 3  # rounds of what is large


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


class Waiting:
    """What others of its requests wait for, while it says much: the processor
    time that it takes between two answers, at most. Each request goes out when
    the one before is answered. What comes is only collected meanwhile, to be as
    quick as that."""

    ANSWER = re.compile(rb'"id": ?"wait-(\d+)"')

    def __init__(self, editor):
        self.editor, self.pid = editor, editor.process.pid
        self.number, self.longest, self.last = 0, 0, spent(self.pid)

    def ask(self):
        self.number += 1
        self.editor.send({"id": "wait-%d" % self.number,
                          "method": "textDocument/didSave", "params": {}})

    def until(self, end):
        """Until END was said, and the request that was under way then was
        answered."""
        data, searched, said = bytearray(), 0, False
        out = self.editor.process.stdout.fileno()
        self.ask()
        while True:
            data += os.read(out, 1 << 20)
            answered = any(int(m.group(1)) == self.number for m in
                           self.ANSWER.finditer(data, searched))
            said = said or data.find(end, searched) >= 0
            searched = max(0, len(data) - 200)
            if not answered:
                continue
            now = spent(self.pid)
            self.longest = max(self.longest, now - self.last)
            self.last = now
            if said:
                break
            self.ask()
        self.editor.data += bytes(data)
        return self.longest * 1000


def large(editor, watcher, module):
    """Milliseconds of the longest piece of an update, and of all of it."""
    began = spent(editor.process.pid)
    seq = watcher.tells("error", module)
    piece = Waiting(editor).until(b'"seq":%d' % seq)
    work = spent(editor.process.pid) - began
    editor.until("event %d" % seq, lambda: editor.status.get("seq") == seq)
    return piece, work * 1000


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
    watcher = Watcher(root, TARGETS, MODULES)
    editor = Editor([sys.argv[1], "lsp"], root)
    editor.until("the watcher", lambda: editor.status.get("targets"))
    paths = [source(root, "m%d.c" % i, EACH) for i in range(MODULES)]
    figures = {}
    figures["live"] = statistics.median(
        update(editor, watcher, "live", "m%d" % i) for i in range(ROUNDS))
    pieces, alls = [], []
    for _ in range(FEW):
        for i, path in enumerate(paths):
            watcher.breaks("m%d" % i, path, range(1, EACH + 1))
        piece, work = large(editor, watcher, "m0")
        pieces.append(piece)
        alls.append(work)
    figures["piece"] = statistics.median(pieces)
    figures["all"] = statistics.median(alls)
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
    pieces = []
    for _ in range(FEW):
        watcher.breaks("big", big, range(1, MODULES * EACH + 1))
        pieces.append(large(editor, watcher, "big")[0])
    figures["one_piece"] = statistics.median(pieces)
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
