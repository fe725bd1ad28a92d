#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# lsptee.py LOG PROGRAM ARGS...: runs PROGRAM. If the first of ARGS is lsp, it
# stands between an editor and that language server, passes every byte on as it
# comes, and writes each message to LOG.PID, a line of JSON: {"from": "client" or
# "server", "message": ...}. lsptraffic.py says whether they are as they should be.
# An editor is given a script that calls this (see recorded in project.bash).
import json
import os
import select
import subprocess
import sys


class Stream:
    """One direction: what came is passed on first, then looked at."""

    def __init__(self, name, source, sink, log):
        self.name, self.source, self.sink, self.log = name, source, sink, log
        self.data = b""

    def take(self):
        data = os.read(self.source, 1 << 16)
        rest = data
        while rest:
            rest = rest[os.write(self.sink, rest):]
        self.data += data
        while self.note():
            pass
        return bool(data)

    def note(self):
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found:
            return False
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        if len(rest) < length:
            return False
        self.data = rest[length:]
        self.log.write(json.dumps({"from": self.name,
                                   "message": json.loads(rest[:length])})
                       + "\n")
        self.log.flush()
        return True


def pump(server, log):
    """Until the server ends; the editor's end is passed on to it."""
    up = Stream("client", 0, server.stdin.fileno(), log)
    down = Stream("server", server.stdout.fileno(), 1, log)
    streams = {s.source: s for s in (up, down)}
    while down.source in streams:
        for fd in select.select(list(streams), [], [])[0]:
            try:
                more = streams[fd].take()
            except BrokenPipeError:
                more = False
            if more:
                continue
            del streams[fd]
            if fd == up.source:
                server.stdin.close()


def main():
    log, argv = sys.argv[1], sys.argv[2:]
    if argv[1:2] != ["lsp"]:
        os.execvp(argv[0], argv)
    with open("%s.%d" % (log, os.getpid()), "w", encoding="utf-8") as out:
        with subprocess.Popen(argv, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0) as server:
            pump(server, out)
        sys.exit(server.returncode)


main()
