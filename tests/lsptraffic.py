#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# lsptraffic.py LOG...: whether what editors and `hotwatch lsp` said to each other
# (as lsptee.py wrote it down) holds to protocol/schema/ and tests/lsp.schema.json,
# and whether a client was told nothing that it had not said it can take. Prints
# how much there was; ends with 1 and what is wrong.
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schema  # noqa: E402
from lspclient import lsp_knows, lsp_schema  # noqa: E402

# What a client must have said to be told it.
GATES = {
    "hotwatch/status": ("experimental", "hotwatch"),
    "hotwatch/holders": ("experimental", "hotwatch"),
    "workspace/codeLens/refresh": ("workspace", "codeLens", "refreshSupport"),
    "window/workDoneProgress/create": ("window", "workDoneProgress"),
    "$/progress": ("window", "workDoneProgress"),
}


class Talk:
    def __init__(self):
        self.asked = {"client": {}, "server": {}}
        self.capabilities = {}
        self.counts = {}

    def able(self, path):
        value = self.capabilities
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return bool(value)

    def params(self, side, method, params):
        if method.startswith("hotwatch/"):
            schema.check(method, "params", params)
        elif side == "server" or lsp_knows(method, "params"):
            lsp_schema(method, "params", params)
        if side == "server" and method in GATES and \
                not self.able(GATES[method]):
            raise schema.Mismatch(method + ": the client cannot take it")
        if method == "textDocument/publishDiagnostics" and \
                not self.able(("textDocument", "publishDiagnostics",
                               "relatedInformation")) and \
                any("relatedInformation" in d for d in params["diagnostics"]):
            raise schema.Mismatch("relatedInformation: the client cannot "
                                  "take it")

    def answer(self, side, message):
        """SIDE answers what the other one asked."""
        other = "server" if side == "client" else "client"
        method = self.asked[other].pop(message["id"], None)
        if method is None:
            raise schema.Mismatch("an answer that nobody asked for")
        if side == "client":
            return
        if "error" in message:
            schema.check_error(message["error"])
        else:
            lsp_schema(method, "result", message["result"])

    def take(self, side, message):
        method = message.get("method")
        if message.get("jsonrpc") != "2.0":
            raise schema.Mismatch("no jsonrpc: 2.0")
        if method is None:
            self.answer(side, message)
            return
        self.counts[method] = self.counts.get(method, 0) + 1
        if method == "initialize":
            self.capabilities = message["params"]["capabilities"]
        if "id" in message:
            self.asked[side][message["id"]] = method
        self.params(side, method, message.get("params"))


def check(path):
    talk, lines = Talk(), 0
    with open(path, encoding="utf-8") as f:
        for line in f:
            entry = json.loads(line)
            lines += 1
            try:
                talk.take(entry["from"], entry["message"])
            except schema.Mismatch as mismatch:
                sys.exit("%s:%d: from the %s: %s\n%s" % (
                    path, lines, entry["from"], mismatch, line[:600]))
    print("%s: %d messages: %s" % (os.path.basename(path), lines, ", ".join(
        "%s %d" % item for item in sorted(talk.counts.items()))))
    return talk.counts.get("textDocument/publishDiagnostics", 0)


if not sys.argv[1:] or not sum([check(path) for path in sys.argv[1:]]):
    sys.exit("no diagnostic was recorded in %s" % sys.argv[1:])
