# SPDX-License-Identifier: MIT
"""What a target tells unasked while 64 processes stay in old code, leave it and
are ended: code/holdersChanged, code/purged and process/exited, in their order;
what process/list says of them; and that calls still go where they should when
the code they were compiled into has become inaccessible. All of it holds to
the schemas (peer.py)."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until

MAIN = r'''
#include <hotwatch/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void loop(void *arg);
int caller(void);
int main(void)
{
    static hw_pid pids[1000];
    char line[100];
    int n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        int count = atoi(line + 6);

        for (int i = 0; i < count && !strncmp(line, "spawn ", 6); i++)
            pids[n++] = hw_spawn(loop, NULL);
        if (!strncmp(line, "leave ", 6)) {
            hw_send(pids[count - 1], "", 1);
            printf("%d\n", count);
        } else if (!strncmp(line, "call", 4)) {
            printf("%d\n", caller());
        } else {
            printf("%d\n", n);
        }
    }
    return 0;
}
'''
LOOP = r'''
#include <hotwatch/hot.h>
#include <hotwatch/process.h>
int loop_version(void);
int loop_version(void) { return VERSION; }
void loop(void *arg)
{
    for (;;) {
        hw_message_free(hw_receive(-1));
        if (!arg || loop_version()) {
            HOT(loop)(arg);
            return;
        }
    }
}
'''
CALLEE = "int callee(void) { return VERSION; }\n"
CALLER = ("int callee(void);\n"
          "int caller(void) { return 10 * VERSION + callee(); }\n")


def at(text, version):
    return text.replace("VERSION", str(version))


def load(name, text, version):
    t.load(name, at(text, version))


def listed():
    return {p["process"]: p for p in
            t.peer.call("process/list")["processes"]}


def changed(version, holders):
    """Waits for the news that VERSION of the loop has so many holders."""
    t.peer.wait_note(lambda p: p.get("holders") == holders
                     and (p["module"], p["version"]) == ("loop", version))


def loops():
    """The threads that hold version 0 of the loop."""
    return [h for m in t.peer.call("code/holders", {"module": "loop"})["modules"]
            if m["version"] == 0 for h in m["holders"]]


build("program", {"main.c": MAIN, "loop.c": at(LOOP, 0),
                  "callee.c": at(CALLEE, 0), "caller.c": at(CALLER, 0)})
t = Target("./program")

# --- who holds, told and listed -----------------------------------------------
same("spawned", t.ask("spawn 1"), "1")
until("it waits", lambda: listed()[1]["state"] == "waiting")
same("it holds nothing that is old", listed()[1]["holds"], [])
load("loop", LOOP, 1)
changed(0, 1)
same("it holds", listed()[1]["holds"], ["loop"])
same("spawned", t.ask("spawn 1"), "2")
until("it waits", lambda: listed()[2]["state"] == "waiting")
same("one that began in new code", listed()[2]["holds"], [])

# --- a version that lingers goes by itself, when its last holder left -----------
load("loop", LOOP, 2)
changed(1, 1)
same("the second holds too", listed()[2]["holds"], ["loop"])
same("it leaves", t.ask("leave 2"), "2")
seen = []
t.peer.wait_note(lambda p: "version" in p and p.get("version") == 1 and
                 "module" in p and (seen.append(p), "outcome" in p)[1])
same("first it is free, then it is gone: %r" % seen,
     [p.get("holders", p.get("outcome")) for p in seen], [0, "unmapped"])
same("the first stays", listed()[1]["holds"], ["loop"])

# --- 64 of them -----------------------------------------------------------------
same("spawned", t.ask("spawn 63"), "65")
until("they wait", lambda: all(p["state"] == "waiting"
                               for p in listed().values()))
load("loop", LOOP, 3)
changed(2, 64)
same("who holds", sum(p["holds"] == ["loop"] for p in listed().values()), 65)

# --- calls that were compiled into code that is inaccessible now ----------------
same("at first", t.ask("call"), "0")
load("caller", CALLER, 1)
until("version 0 of the caller is fenced",
      lambda: [v["state"] for v in t.versions("caller")
               if v["version"] == 0] == ["fenced"])
same("the caller is new", t.ask("call"), "10")
load("callee", CALLEE, 1)
same("both are new", t.ask("call"), "11")
got = t.peer.call("code/rollback", {"module": "caller", "to": 0})
same("version 0's code, as", got["version"], 2)
same("its calls reach the new callee", t.ask("call"), "1")
load("callee", CALLEE, 2)
same("and the next", t.ask("call"), "2")

# --- a loop that stays is pointed out -------------------------------------------
until("it has been there for 5 s",
      lambda: [h.get("looping") for h in loops()] == [True])

# --- one purge for several modules ----------------------------------------------
data = t.refused("code/purge", {"modules": ["loop", "nothing"]})
same("one of them is not known", (data["reason"], data["module"]),
     ("unknown_module", "nothing"))
soft = t.peer.call("code/softPurge", {"modules": ["loop", "callee"]})
same("a soft one", (soft["purged"], len(soft["holders"])), (False, 65))
t.peer.notes.clear()
got = t.peer.call("code/purge", {"modules": ["loop", "callee", "loop"],
                                 "deadline_ms": 60000})
same("processes were ended", (got["purged"], sorted(got["killed"])),
     (True, list(range(1, 66))))
holds("both versions went: %r" % got["versions"],
      {0, 2} <= {v["version"] for v in got["versions"]
                 if v["module"] == "loop"})
told = {}
while len(told) < 65:
    p = t.peer.wait_note(lambda p: "process" in p)
    told[p["process"]] = p["reason"]
same("what is told of their ends", told, {n: "killed" for n in range(1, 66)})
same("none is left", listed(), {})
t.end()
