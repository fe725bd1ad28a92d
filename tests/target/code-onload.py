# SPDX-License-Identifier: MIT
"""HOT_ON_LOAD: runs before its version becomes current, and decides whether it
does; meanwhile callers see the version before, and those of a first load wait."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import ROOT, Target, build, holds, same, until
from peer import Peer

WORK = r'''
#include <hotwatch/hot.h>
#include <hotwatch/process.h>
#include <stdatomic.h>
#include <unistd.h>
extern atomic_int gate, on_loads;
int work(int x);
void stay(atomic_int *stop);
int more(int x) { return x + 100 + VERSION; }
int work(int x) { static int calls; calls += x; return calls * 0 + VERSION; }
void stay(atomic_int *stop) { while (!atomic_load(stop)) usleep(1000); }
'''
ON_LOAD = r'''
static int begin(void) { atomic_fetch_add(&on_loads, 1); BODY }
HOT_ON_LOAD(begin);
'''
GATE = "while (!atomic_load(&gate)) usleep(1000); return 0;"


def at(version, body=None):
    text = WORK + (ON_LOAD.replace("BODY", body) if body else "")
    return text.replace("VERSION", str(version))


with open(os.path.join(ROOT, "tests", "target", "code-program.c")) as f:
    MAIN = f.read()
MAIN = MAIN.replace('if (is("work"))', 'if (is("gate"))\n'
                    '\t\tanswer((gate = atoi(words[1]), 0));\n'
                    '\telse if (is("on_loads"))\n\t\tanswer(on_loads);\n'
                    '\telse if (is("work"))')
MAIN = MAIN.replace("static void serve", "extern atomic_int gate, on_loads;\n"
                    "static void serve")
OTHER = "#include <stdatomic.h>\natomic_int gate, on_loads;\n" \
        "int other(void); int other(void) { return VERSION; }\n"
build("program", {"main.c": MAIN, "work.c": at(0, "return 0;"),
                  "other.c": OTHER.replace("VERSION", "0")})
t = Target("./program")


def ask(line, wanted):
    got = t.ask(line)
    same("%s (%s)" % (line, got), got.split(":")[0], str(wanted))


def refused(version, body, reason="on_load_failure"):
    before = t.ask("work")
    data = t.refused("code/load", {"module": "work", "file": t.make(
        "work", at(version, body))}, body)
    same(body, data["reason"], reason)
    ask("work", before)
    return data["message"]


ask("on_loads", 0)  # not at the program's start
t.load("work", at(1, "return 0;"))
ask("on_loads", 1)
ask("work", 1)

# --- refused ------------------------------------------------------------------
holds("the number is told", "7" in refused(2, "return 7;"))
refused(2, 'hw_exit_self("enough");')
refused(2, 'hw_exit(hw_self(), "kill"); for (;;) pause(); return 0;')
ask("on_loads", 4)
v2 = t.make("work", at(2, "return 0;"))
o1 = t.make("other", OTHER.replace("VERSION", "1"))
same("not in a set", t.refused("code/atomicLoad", {"modules": [
    {"module": "work", "file": v2}, {"module": "other", "file": o1}]})
     ["reason"], "on_load_not_allowed")
ask("atomic work %s other %s" % (v2, o1),
    "on_load_not_allowed on_load_not_allowed ok")
ask("on_loads", 4)
ask("load_abs work " + v2, 0)
ask("work", 2)
ask("on_loads", 5)

# --- it may take its time -----------------------------------------------------
v3 = t.make("work", at(3, GATE))
result = []


def load():
    result.append(Peer(t.socket()).call("code/load", {"module": "work",
                                                      "file": v3}))


loader = threading.Thread(target=load)
loader.start()
until("on_load runs", lambda: t.ask("on_loads") == "6")
ask("work", 2)
ask("crowd 20", "2 20")
same("others are loaded", t.load("other", OTHER.replace("VERSION", "2"))
     ["version"], 1)
ask("purge work", 0)
ask("hold", 0)
ask("gate 1", 0)
loader.join()
same("then it is live", result[0]["unchanged"], False)
ask("work", 3)
ask("gate 0", 0)
before = int(t.ask("on_loads").split()[0])
v3 = t.make("work", at(33, GATE))
loader = threading.Thread(target=load)
loader.start()
until("on_load runs", lambda: t.ask("on_loads") == str(before + 1))
ask("soft work", 0)
ask("purge work 30", "deadline")
ask("gate 1", 0)
loader.join()
ask("work", 33)
ask("let_go", 0)
v3 = t.make("work", at(3, GATE))
load()

# --- a first load -------------------------------------------------------------
until("nothing old", lambda: t.ask("soft work") == "1")
ask("gate 0", 0)
ask("delete work", 1)
t.process.stdin.write("crowd 60\n")
t.process.stdin.flush()
peer = Peer(t.socket())
until("they wait", lambda: t.threads() > 60)
same("not loaded yet", peer.call("code/isLoaded", {"module": "work"}), False)
# the gate is the program's: a version of the other module opens it
t.load("other", OTHER.replace("VERSION", "3") + r'''
#include <hotwatch/hot.h>
static int open_gate(void) { gate = 1; return 0; }
HOT_ON_LOAD(open_gate);
''')
same("all of them have waited for one load", t.process.stdout.readline(),
     "3 60\n")
ask("on_loads", 9)

# --- its own module -----------------------------------------------------------
t.load("work", at(4, "return HOT(work)(0) == 3 && work(0) == 4 ? 0 : 1;"))
ask("work", 4)
until("nothing old", lambda: t.ask("soft work") == "1")
ask("delete work", 1)
data = t.refused("code/load", {"module": "work", "file": t.make(
    "work", at(5, "return HOT(more)(0);"))})
same("undef in a first load", data["reason"], "on_load_failure")
ask("is_loaded work", 0)
t.load("work", at(6))
ask("work", 6)
t.end()
os.remove("program")
