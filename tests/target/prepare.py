# SPDX-License-Identifier: MIT
# sanitizers: address
"""A load in two steps: nothing changes before the second, whatever happens in
between, and what is not finished goes with its connection."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until
from peer import Peer

MAIN = r'''
#include <stdio.h>
int work(void);
int other(void);
int main(void)
{
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin))
        printf("%d %d\n", work(), other());
    return 0;
}
'''
WORK = "static int n; int work(void) { return 100 + n++; }\n"
OTHER = "int other(void) { return 1; }\n"

GATED = "static struct { int n; } s = {1}; int gated(void) { return ++s.n; }\n"

build("program", {"main.c": MAIN, "work.c": WORK, "other.c": OTHER,
                  "gated.c": GATED})
t = Target("./program")
same("at the start", t.ask("go"), "100 1")

work = t.make("work", WORK.replace("100", "200"))
other = t.make("other", OTHER.replace("1", "2"))
both = {"modules": [{"module": "work", "file": work},
                    {"module": "other", "file": other}]}

prepared = t.peer.call("code/prepareLoading", both)
same("unchanged", [m["unchanged"] for m in prepared["modules"]],
     [False, False])
same("prepared: the old code", t.ask("go"), "101 1")
same("prepared: versions", [v["version"] for v in t.versions("work")], [0])

done = t.peer.call("code/finishLoading", {"prepared": prepared["prepared"]})
same("versions", [m["version"] for m in done["modules"]], [1, 1])
same("finished: the new code", t.ask("go"), "202 2")
same("finished twice", t.refused("code/finishLoading", {
    "prepared": prepared["prepared"]})["reason"], "badarg")

# What is prepared survives another load of the module, and is judged anew.
again = t.make("work", WORK.replace("100", "300"))
prepared = t.peer.call("code/prepareLoading", {
    "modules": [{"module": "work", "file": again}]})
t.load("work", WORK.replace("100", "400"))
same("in between", t.ask("go"), "403 2")
t.peer.call("code/finishLoading", {"prepared": prepared["prepared"]})
same("and then", t.ask("go"), "304 2")

# Given up, and left behind.
until("old versions go", lambda: len(t.versions("work")) <= 2)
before = len(t.images())
last = t.make("work", WORK.replace("100", "500"))
params = {"modules": [{"module": "work", "file": last}]}
prepared = t.peer.call("code/prepareLoading", params)
t.peer.call("code/cancelLoading", {"prepared": prepared["prepared"]})
same("cancelled: images", len(t.images()), before)
same("cancelled: gone", t.refused("code/finishLoading", {
    "prepared": prepared["prepared"]})["reason"], "badarg")

stranger = Peer(t.socket())
prepared = stranger.call("code/prepareLoading", params)
same("another's", t.refused("code/finishLoading", {
    "prepared": prepared["prepared"]})["reason"], "badarg")
stranger.stream.close()
stranger.socket.close()
until("a client that is gone leaves nothing",
      lambda: len(t.images()) == before)

bad = t.refused("code/prepareLoading", {
    "modules": [{"module": "work", "file": work},
                {"module": "work", "file": last}]})
same("one module twice", bad["reason"], "duplicated")
same("nothing of it stays", len(t.images()), before)
same("at the end", t.ask("go"), "305 2")

# How long callers waited is told of a load that converts what they use.
times = t.load("work", WORK.replace("100", "600"))["microseconds"]
same("without a gate", times.get("gate"), None)
if not SANITIZE:  # it keeps addresses of variables, which must not move then
    loaded = t.load("gated", GATED.replace("int n", "long more; int n"))
    same("converted", [m["variable"] for m in loaded["migrated"]], ["s"])
    holds("a gate was closed", loaded["microseconds"]["gate"] > 0)
t.end()
