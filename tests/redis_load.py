# SPDX-License-Identifier: MIT
"""redis_load.py SOCKET KEYS: one connection that asks a Redis server without
pause, and checks every answer, until it is told to stop (SIGTERM).

It never connects again: a dropped connection is an error. At the end it prints
how many answers were right; a wrong one ends it at once, with status 1. PING
may be answered by PONG or by PONG and a number, as the tests edit the server.
"""
import signal
import socket
import sys

stopped = False


def stop(_signal, _frame):
    global stopped
    stopped = True


class Redis:
    def __init__(self, path):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(20)
        peer.connect(path)
        self.peer = peer
        self.stream = peer.makefile("rb")

    def send(self, *words):
        out = [b"*%d\r\n" % len(words)]
        for word in words:
            word = str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.peer.sendall(b"".join(out))

    def answer(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            sys.exit("the connection was dropped")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            sys.exit("the server refused: " + rest)
        if kind == b"$":
            if rest == "-1":
                return None
            return self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b":":
            return int(rest)
        return rest


def expect(what, got, wanted):
    if got not in wanted:
        sys.exit("%s: got %r, wanted one of %r" % (what, got, wanted))


def main():
    path, keys = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGTERM, stop)
    redis = Redis(path)
    rounds = 0
    while not stopped:
        key = rounds % keys
        redis.send("PING")
        redis.send("SET", "load:%d" % key, rounds)
        redis.send("GET", "load:%d" % key)
        redis.send("GET", "kept:%d" % key)
        expect("PING", redis.answer().rstrip("0123456789"), ("PONG",))
        expect("SET", redis.answer(), ("OK",))
        expect("GET", redis.answer(), (str(rounds),))
        expect("a kept key", redis.answer(), ("value-%d" % key,))
        rounds += 1
    print(4 * rounds, "right answers")


main()
