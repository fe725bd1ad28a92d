#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# sanitizers: address
"""hotwatch lsp with much to say, to an editor that is busy: that of the file
that is open comes first, what the editor asks is answered before all of it is
sent, the status comes last, and nothing is missing; also when it has changed
meanwhile."""
import fcntl
import os
import struct
import sys
import termios
import time

ROOT = os.environ["ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests"))
from guest import HW, holds, same, write  # noqa: E402
from lspclient import Editor  # noqa: E402
from playedwatcher import Watcher  # noqa: E402

FILES, EACH = 400, 10  # some 700 kB; a pipe holds 64


def wait_full(pipe):
    """Until nobody has read for so long that no more goes into it."""
    half = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) // 2
    end = time.monotonic() + 30
    while time.monotonic() < end:
        got = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
        if struct.unpack("i", got)[0] > half:
            return
        time.sleep(0.01)
    raise TimeoutError("the pipe has not become full")


os.makedirs("tree")
root = os.path.realpath("tree")
write("tree/hotwatch.json", "{}\n")
paths = [os.path.join(root, "m%d.c" % i) for i in range(FILES)]
for path in paths:
    write(path, "    int y = x; /* words */\n" * EACH)
watcher = Watcher(root)
editor = Editor([HW, "lsp"], root)
editor.until("the watcher", lambda: editor.status.get("targets"))
out = editor.process.stdout.fileno()


def tell():
    """An update; the editor does not read yet."""
    seen = len(editor.log)
    seq = watcher.tells("error", "m0")
    wait_full(out)
    return seen, seq


def break_all():
    with watcher.busy:
        for i, path in enumerate(paths):
            watcher.breaks("m%d" % i, path, range(1, EACH + 1))


def rest(seen, seq):
    """The places in the log: of each file's diagnostics, by path, the last
    ones if there are several; of answers; of the status."""
    editor.until("the status", lambda: editor.status.get("seq") == seq)
    files, answers, status = {}, [], None
    for at, message in enumerate(editor.log[seen:]):
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            files[message["params"]["uri"][len("file://"):]] = at
        elif method is None:
            answers.append(at)
        elif method == "hotwatch/status" and \
                message["params"].get("seq") == seq:
            status = at
    return files, answers, status


def complete(wanted):
    same("how many files have how much", sorted(
        len(d) for d in editor.diagnostics.values()), sorted(wanted))
    for i, path in enumerate(paths):
        for d in editor.diagnostics[path]:
            number = watcher.errors["m%d" % i][0]
            holds("%s says the last: %s" % (path, d["message"]),
                  d["message"].endswith("(%d)" % number))


# --- most wanted first, answers between, the status last ---
last = paths[-1]
editor.open(last)
break_all()
seen, seq = tell()
editor.request("textDocument/codeLens",
               {"textDocument": {"uri": "file://" + last}})
files, answers, status = rest(seen, seq)
same("the first file", min(files, key=files.get), last)
same("answers", len(answers), 1)
holds("the answer comes before all is said (%d of %d messages)" %
      (answers[0], status), answers[0] < max(files.values()) - FILES / 4)
holds("the status comes last", status > max(files.values()))
complete([EACH] * FILES)

# --- what has changed while it was sent ---
break_all()
seen, seq = tell()
with watcher.busy:
    for i in range(0, FILES, 2):
        watcher.breaks("m%d" % i, paths[i], range(1, EACH))
seq = watcher.tells("error", "m0")
rest(seen, seq)
complete([EACH, EACH - 1] * (FILES // 2))

# --- mended while it was sent ---
break_all()
seen, seq = tell()
watcher.errors = {}
seq = watcher.tells("unchanged", "m0")
files, answers, status = rest(seen, seq)
same("what is left", [p for p, d in editor.diagnostics.items() if d], [])
holds("the status comes last", status > max(files.values()))

# --- the watcher goes while it is sent: what was said stays ---
break_all()
tell()
watcher.client.shutdown(2)
editor.until("told that it is lost", lambda: [
    s for s in editor.seen("hotwatch/status")
    if s.get("reason") == "no_watcher"])
same("status of exit", editor.close(), 0)
holds("some was said, and stays", any(editor.diagnostics.values()))
