# SPDX-License-Identifier: MIT
"""Calls of functions without code: they wait for their module to be loaded
again, or are undef: a process exits, the program's handler is called, or the
program ends and says why."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import ROOT, Target, build, holds, same, until

WORK = r'''
#include <stdatomic.h>
#include <stdarg.h>
#include <unistd.h>
int work(int x) { static int calls; calls += x; return calls * 0 + VERSION; }
MORE
double many(int a, long b, double c, float d, const char *e, int f, int g,
            int h, long double i, double j)
{ return a + b + c + d + e[0] + f + g + h + (double)i + j + VERSION; }
double sum(int n, ...)
{ va_list ap; double s = VERSION; va_start(ap, n);
  for (int i = 0; i < n; i++) s += va_arg(ap, double);
  va_end(ap); return s; }
void stay(atomic_int *stop) { while (!atomic_load(stop)) usleep(1000); }
'''
MORE = "int more(int x) { return x + 100 + VERSION; }"


def at(version, more=MORE):
    return WORK.replace("MORE", more).replace("VERSION", str(version))


with open(os.path.join(ROOT, "tests", "target", "code-program.c")) as f:
    MAIN = f.read()
ARGS = r'''
double many(int, long, double, float, const char *, int, int, int, long double,
            double);
double sum(int, ...);
int arguments(void);
int arguments(void)
{ return (int)many(1, 2, 3, 4, "A", 5, 6, 7, 8, 9)
         + (int)sum(10, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0); }
'''
BEGUN = r'''
#include <stdio.h>
__attribute__((destructor)) static void at_the_end(void) { puts("ended"); }
'''
SOURCES = {"main.c": MAIN.replace('if (is("work"))',
                                  'if (is("arguments"))\n'
                                  '\t\tanswer(arguments());\n'
                                  '\telse if (is("work"))').replace(
                                      "static void serve",
                                      "int arguments(void);\n"
                                      "static void serve"),
           "work.c": at(0), "arguments.c": ARGS, "begun.c": BEGUN}
build("program", SOURCES)


def start():
    t = Target("./program", stderr=subprocess.PIPE)
    t.lines = []
    return t


def ask(t, line, wanted):
    got = t.ask(line)
    same("%s (%s)" % (line, got), got.split(":")[0], str(wanted))


# --- a deleted module comes back by itself ------------------------------------
t = start()
ask(t, "arguments", 110 + 55)
ask(t, "delete work", 1)
ask(t, "is_loaded work", 0)
ask(t, "delete work", 0)
ask(t, "arguments", 110 + 55)
same("the same image again", t.peer.call("code/which", {"module": "work"})
     ["version"], 1)
same("deleted over the socket",
     t.peer.call("code/delete", {"module": "work"})["deleted"], True)
until("the deleted version is purged", lambda: t.ask("old work") == "0")
ask(t, "delete work", 0)
ask(t, "crowd 32", "0 32")
v1 = t.make("work", at(1))
ask(t, "load_abs work " + v1, 0)
until("no old code", lambda: t.ask("old work") == "0")
ask(t, "delete work", 1)
ask(t, "crowd 32", "1 32")
ask(t, "arguments", 110 + 55 + 2)

# --- a loop inside a deleted module goes on -----------------------------------
until("nothing old", lambda: t.ask("soft work") == "1" and
      t.ask("old work") == "0")
ask(t, "hold", 0)
ask(t, "delete work", 1)
ask(t, "soft work", 0)
ask(t, "ensure work", 0)
ask(t, "work", 1)
ask(t, "let_go", 0)

# --- the path comes first -----------------------------------------------------
os.mkdir("path")
ask(t, "path path", 0)
os.link(t.make("work", at(2)), "path/work.so")
until("nothing old", lambda: t.ask("soft work") == "1")
ask(t, "delete work", 1)
ask(t, "work", 2)

# --- a function that the newer version lacks ----------------------------------
ask(t, "more", 103)
v3 = t.make("work", at(3, ""))
loaded = t.peer.call("code/load", {"module": "work", "file": v3})
same("removed", loaded["removed"], ["more"])
ask(t, "work", 3)
ask(t, "more", 103)
holds("kept, since main calls it", "lacks" in until(
    "looked at", lambda: t.versions("work")[1].get("kept")))
v4 = t.make("work", at(4))
t.peer.call("code/load", {"module": "work", "file": v4})
ask(t, "more", 105)
until("then it goes", lambda: t.ask("old work") == "0")
t.peer.call("code/load", {"module": "work", "file": v3})
ask(t, "soft work", 1)
ask(t, "handler", 0)
t.process.stdin.write("more\n")
t.process.stdin.flush()
same("the program's handler", t.process.stdout.readline(),
     "handler work more\n")
same("which ends the program", t.process.wait(30), 9)

# --- undef --------------------------------------------------------------------
t = start()
v1 = t.make("work", at(1, ""))
t.peer.call("code/load", {"module": "work", "file": v1})
ask(t, "purge work", 0)
t.process.stdin.write("more\n")
t.process.stdin.flush()
same("ends", t.process.wait(30), -signal.SIGABRT)
said = t.process.stderr.read()
holds("it says why: " + said, "undef" in said and "more" in said and
      "work" in said)

# --- a process ----------------------------------------------------------------
t = start()
v1 = t.make("work", at(1, ""))
t.peer.call("code/load", {"module": "work", "file": v1})
ask(t, "purge work", 0)
ask(t, "monitored_more", "undef")
ask(t, "work", 1)
t.end()

# --- a destructor whose module is gone is not called --------------------------
t = start()
ask(t, "path path", 0)
with open("path/begun.so", "w") as f:
    f.write("no object")
ask(t, "delete begun", 1)
ask(t, "purge begun", 0)
t.process.stdin.close()
same("the program ends as it would", t.process.wait(30), 0)
same("and has said", t.process.stdout.read(), "")
same("and no error", t.process.stderr.read(), "")
os.remove("program")
