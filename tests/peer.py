# SPDX-License-Identifier: MIT
"""A JSON-RPC peer for tests, apart from protocol/ on purpose: an independent
one, that speaks the LSP base protocol's framing by the book. What the other
side says must hold to protocol/schema/: else schema.Mismatch is raised."""
import json
import socket

import schema


class Refused(Exception):
    """The other side's error object."""


class Peer:
    def __init__(self, path, timeout=300):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.last_id = 0
        self.notes = []  # notifications that came while a call waited

    def send(self, message):
        body = json.dumps(dict(message, jsonrpc="2.0")).encode()
        head = b"Content-Length: %d\r\n\r\n" % len(body)
        self.socket.sendall(head + body)

    def receive(self):
        length = None
        while True:
            line = self.stream.readline()
            if not line:
                raise EOFError("the connection was closed")
            if line == b"\r\n":
                break
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        message = json.loads(self.stream.read(length))
        if "method" in message:
            schema.check(message["method"], "params", message.get("params"))
        return message

    def begin(self, method, params=None):
        """Asks; the number is for end()."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        return self.last_id

    def end(self, method, number):
        """The result of what METHOD's begin() asked."""
        while True:
            answer = self.receive()
            if "method" in answer:
                self.notes.append(answer)
            elif answer.get("id") == number:
                break
        if "error" in answer:
            schema.check_error(answer["error"])
            raise Refused(json.dumps(answer["error"]))
        schema.check(method, "result", answer["result"])
        return answer["result"]

    def call(self, method, params=None):
        return self.end(method, self.begin(method, params))

    def wait_note(self, wanted):
        """The params of the next notification that WANTED says yes to."""
        while True:
            note = self.notes.pop(0) if self.notes else self.receive()
            if "method" in note and wanted(note.get("params") or {}):
                return note["params"]
