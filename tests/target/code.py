# SPDX-License-Identifier: MIT
"""hotwatch/code.h: loading, asking, purging, as the program itself does it.

Not in the sanitized builds: a sanitizer keeps stacks of what it has seen, and
with them versions. tests/target/load.py and code-onload.py run there."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import ROOT, Target, build, holds, same, until

WORK = r'''
#include <stdatomic.h>
#include <unistd.h>
int work(int x) { static int calls; calls += x; return calls * 0 + VERSION; }
int more(int x) { return x + 100 + VERSION; }
void stay(atomic_int *stop) { while (!atomic_load(stop)) usleep(1000); }
'''
OTHER = "int other(int x) { return x + VERSION; }\n"


def at(text, version):
    return text.replace("VERSION", str(version))


with open(os.path.join(ROOT, "tests", "target", "code-program.c")) as f:
    MAIN = f.read()
build("program", {"main.c": MAIN, "work.c": at(WORK, 0),
                  "other.c": at(OTHER, 0)})
t = Target("./program")
v = [None] + [t.make("work", at(WORK, i)) for i in range(1, 10)]
o = [None] + [t.make("other", at(OTHER, i)) for i in range(1, 5)]
start = t.module("work")["file"]


def ask(line, wanted):
    got = t.ask(line)
    if isinstance(wanted, int):
        wanted = str(wanted)
    same("%s (%s)" % (line, got), got.split(":")[0], wanted)


def states():
    return [x["state"] for x in t.versions("work")]


# --- loading and asking -------------------------------------------------------
ask("work", 0)
ask("all", 3)
ask("load_abs work " + v[1], 0)
ask("work", 1)
same("is_loaded", t.ask("is_loaded work"), v[1])
same("which", t.ask("which work"), v[1])
ask("is_loaded nowhere", 0)
ask("which nowhere", 0)
ask("load_file nowhere", "nofile")
ask("load_abs nowhere " + v[1], "unknown_module")
ask("load_abs work /nowhere.so", "nofile")
with open("damaged.so", "wb") as f:
    f.write(open(v[2], "rb").read()[:5000])
ask("load_abs work damaged.so", "badfile")
ask("load_binary work damaged.so", "badfile")
ask("load_binary work /dev/null", "badfile")
ask("work", 1)
ask("load_binary work " + v[2], 0)
ask("work", 2)
same("the name of what came from memory", t.ask("is_loaded work"), "/a/name")
ask("load_abs work " + v[1], 0)
ask("load_abs work " + v[1], 0)
ask("work", 1)

# --- the path -----------------------------------------------------------------
os.mkdir("path")
ask("path path", 0)
ask("path nowhere", "badarg")
os.link(v[3], "path/work.so")
same("found on the path", t.ask("which work"), v[1])
ask("status work", 2)
ask("load_file work", 0)
ask("work", 3)
ask("status work", 1)
os.remove("path/work.so")
os.link(v[4], "path/work.so")
ask("status work", 2)
ask("load_file work", 0)
ask("work", 4)
os.remove("path/work.so")
ask("load_file work", 0)
ask("status nowhere", 0)

# --- held ---------------------------------------------------------------------
until("nothing is held", lambda: t.ask("soft work") == "1")
ask("hold", 0)
ask("soft work", 1)
ask("load_abs work " + v[5], 0)
ask("old work", 1)
ask("soft work", 0)
got = t.ask("load_abs work " + v[6])
same("refused", got.split(":")[0], "not_purged")
ask("work", 5)
ask("purge work 50", "foreign_holder")
ask("work", 5)
ask("delete work", 0)
refused = t.refused("code/load", {"module": "work", "file": v[6],
                                  "on_held": "refuse"})
same("reason", refused["reason"], "not_purged")
same("modules", refused["modules"], ["work"])
refused = t.refused("code/load", {"module": "work", "file": v[6],
                                  "on_held": "kill", "deadline_ms": 50})
same("reason", refused["reason"], "foreign_holder")
holds("holders are named", len(refused["holders"]) > 0)
loaded = t.peer.call("code/load", {"module": "work", "file": v[6],
                                   "on_held": "linger"})
holds("old ones are told", len(loaded["held"]) >= 1)
ask("work", 6)
got = t.peer.call("code/softPurge", {"module": "work"})
same("soft purge over the socket", got["purged"], False)
holds("with holders", len(got["holders"]) > 0)
ask("let_go", 0)
until("it goes by itself", lambda: states()[1:] == ["fenced"])
ask("soft work", 1)
ask("purge work", 0)

# --- atomic, prepared ---------------------------------------------------------
ask("atomic work %s other %s" % (v[7], o[1]), "ok ok ok")
ask("work", 7)
ask("atomic work %s other /nowhere" % v[8], "nofile ok nofile")
ask("atomic work %s work %s" % (v[8], v[8]),
    "duplicated ok duplicated")
ask("ensure_all work - other - nowhere -", "nofile ok ok nofile")
ask("work", 7)
ask("prepare work " + v[8], "ok ok")
ask("load_abs other " + o[2], 0)
ask("work", 7)
ask("finish", "ok ok")
ask("work", 8)
ask("finish", "badarg ok")
ask("free", 0)
ask("prepare work " + v[9], "ok ok")
ask("free", 0)
ask("finish", "badarg ok")
ask("prepare work /nowhere", "nofile nofile")
ask("work", 8)

# --- rollback -----------------------------------------------------------------
numbers = [x["version"] for x in t.versions("work")]
ask("rollback work -1", 0)
ask("work", 7)
holds("numbers only grow", t.versions("work")[0]["version"] > max(numbers))
ask("rollback work 0", 0)
ask("work", 0)
same("version 0 again", t.peer.call("code/which", {"module": "work"})["file"],
     os.path.join(os.path.dirname(t.hello["manifest"]), start))
ask("rollback work 1", 0)
ask("work", 1)
ask("rollback work 10000", "nofile")
loaded = t.peer.call("code/rollback", {"module": "work", "to": 0})
ask("work", 0)

# --- sticky -------------------------------------------------------------------
ask("is_sticky work", 0)
ask("stick .", 0)
ask("is_sticky work", 1)
ask("load_abs work " + v[2], "sticky_directory")
ask("atomic other %s" % o[3], "sticky_directory sticky_directory")
until("no old code", lambda: t.ask("soft work") == "1")
ask("delete work", "sticky_directory")
ask("unstick .", 0)
ask("load_abs work " + v[2], 0)
ask("work", 2)
t.end()
os.remove("program")
