# SPDX-License-Identifier: MIT
"""An editor, as far as `hotwatch lsp` can tell: it starts one and speaks the
Language Server Protocol with it. What the server says must hold to
protocol/schema/ (hotwatch/...) and tests/lsp.schema.json (LSP 3.17, as much of
it as is used): else schema.Mismatch is raised."""
import json
import os
import select
import subprocess
import time
import urllib.parse

import schema

FULL = {
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True},
        "codeLens": {},
        "codeAction": {"codeActionLiteralSupport": {
            "codeActionKind": {"valueSet": ["quickfix"]}}},
    },
    "workspace": {"codeLens": {"refreshSupport": True}},
    "window": {"workDoneProgress": True},
    "experimental": {"hotwatch": True},
}
LSP = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                   "lsp.schema.json")
_document = {}


def lsp_document():
    if not _document:
        with open(LSP, encoding="utf-8") as f:
            _document.update(json.load(f))
    return _document


def lsp_schema(method, part, value):
    doc = lsp_document()
    try:
        rule = doc["$defs"][method][part]
    except KeyError:
        raise schema.Mismatch("%s %s: not in lsp.schema.json"
                              % (method, part)) from None
    schema.Check(doc).run(rule, value, method + " " + part)


def lsp_knows(method, part):
    return part in lsp_document()["$defs"].get(method, {})


def uri(path):
    return "file://" + urllib.parse.quote(os.path.abspath(path))


class Failed(Exception):
    """The server's error object, as a dict in args[0]."""


class Editor:
    def __init__(self, argv, root, capabilities=None, start=True, **more):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            **more)
        self.data = b""
        self.last_id = 0
        self.log = []  # all that came, in order
        self.diagnostics = {}  # path -> list
        self.status = {}
        self.holders = []
        self.methods = {}  # of our calls, by id
        if start:
            self.initialize(root, FULL if capabilities is None
                            else capabilities)

    def initialize(self, root, capabilities):
        self.server = self.call("initialize", {
            "processId": os.getpid(), "rootUri": uri(root) if root else None,
            "capabilities": capabilities})["capabilities"]
        self.notify("initialized", {})

    # --- messages -----------------------------------------------------------

    def send(self, message):
        body = json.dumps(dict(message, jsonrpc="2.0")).encode()
        self.process.stdin.write(
            b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def next_body(self):
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found:
            return None
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        if len(rest) < length:
            return None
        self.data = rest[length:]
        return json.loads(rest[:length])

    def receive(self, end):
        """The next message, or None past the time END."""
        while True:
            message = self.next_body()
            if message is not None:
                self.take(message)
                return message
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [],
                                              left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise EOFError("hotwatch lsp has ended")
            self.data += data

    def take(self, message):
        self.log.append(message)
        method = message.get("method")
        if method is None:
            return
        params = message.get("params")
        if method.startswith("hotwatch/"):
            schema.check(method, "params", params)
        else:
            lsp_schema(method, "params", params)
        if "id" in message:
            self.send({"id": message["id"], "result": None})
        if method == "textDocument/publishDiagnostics":
            path = urllib.parse.unquote(params["uri"][len("file://"):])
            self.diagnostics[path] = params["diagnostics"]
        elif method == "hotwatch/status":
            self.status = params
        elif method == "hotwatch/holders":
            self.holders = params["holders"]

    def request(self, method, params=None):
        self.last_id += 1
        self.methods[self.last_id] = method
        self.send({"id": self.last_id, "method": method, "params": params})
        return self.last_id

    def answer(self, number, limit=60):
        end = time.monotonic() + limit
        while True:
            message = self.receive(end)
            if message is None:
                raise TimeoutError("no answer to " + self.methods[number])
            if message.get("id") == number and "method" not in message:
                break
        if "error" in message:
            schema.check_error(message["error"])
            raise Failed(message["error"])
        lsp_schema(self.methods[number], "result", message["result"])
        return message["result"]

    def call(self, method, params=None):
        return self.answer(self.request(method, params))

    def command(self, name, *arguments):
        return self.call("workspace/executeCommand",
                         {"command": name, "arguments": list(arguments)})

    def until(self, what, condition, limit=30):
        """Takes messages until CONDITION gives something."""
        end = time.monotonic() + limit
        while True:
            value = condition()
            if value:
                return value
            if self.receive(end) is None:
                raise TimeoutError(
                    "%s: not in %d s; status %s; diagnostics %s; last %s"
                    % (what, limit, self.status, self.diagnostics,
                       self.log[-3:]))

    # --- an editor's doings --------------------------------------------------

    def open(self, path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri(path), "languageId": "c", "version": 1, "text": text}})

    def save(self, path, old, new, count=1):
        """Edits the file as an editor does: writes it, then tells of it."""
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if old not in text:
            raise AssertionError("not in %s: %s" % (path, old))
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new, count))
        self.notify("textDocument/didSave",
                    {"textDocument": {"uri": uri(path)}})

    def lenses(self, path):
        return self.call("textDocument/codeLens",
                         {"textDocument": {"uri": uri(path)}})

    def seen(self, method):
        return [m["params"] for m in self.log if m.get("method") == method]

    def close(self):
        self.call("shutdown")
        self.notify("exit", None)
        self.process.stdin.close()
        while True:  # what was under way, and the end of file
            try:
                if self.receive(time.monotonic() + 30) is None:
                    break
            except EOFError:
                break
        status = self.process.wait(30)
        self.process.stdout.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
