# SPDX-License-Identifier: MIT
"""Purges: what holds, what is ended for it, what the kernel's map shows after,
and what a jump into purged code comes to."""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import ROOT, SANITIZE, Target, build, holds, same, until
from peer import Peer, Refused

WORK = r'''
#include <stdatomic.h>
#include <unistd.h>
int work(int x) { static int calls; calls += x; return calls * 0 + VERSION; }
int more(int x) { return x + 100 + VERSION; }
void stay(atomic_int *stop) { while (!atomic_load(stop)) usleep(1000); }
const char *text(void);
const char *text(void) { return "version VERSION"; }
void *here(void);
void *here(void) { void *p; __asm__("lea 0(%%rip),%0" : "=r"(p)); return p; }
'''


def at(version):
    return WORK.replace("VERSION", str(version))


with open(os.path.join(ROOT, "tests", "target", "code-program.c")) as f:
    MAIN = f.read()
MAIN = MAIN.replace('if (is("work"))', r'''if (is("text")) {
		puts(kept_text = text());
	} else if (is("text_again")) {
		puts(kept_text);
	} else if (is("text_drop")) {
		kept_text = NULL;
		puts("0");
	} else if (is("hide")) {
		hidden = ~(unsigned long)here();
		puts("0");
	} else if (is("jump")) {
		jump(NULL);
	} else if (is("jump_process")) {
		watch(jump);
		reason_answer();
	} else if (is("purge_self")) {
		watch(purge_self);
		reason_answer();
	} else if (is("work"))''')
MAIN = MAIN.replace("static void serve", r'''const char *text(void);
void *here(void);
static const char *volatile kept_text;
static volatile unsigned long hidden;
static void jump(void *arg)
{
	(void)arg;
	((void (*)(void))~hidden)();
}
int call_back(int (*fn)(const char *), const char *arg);
static void purge_self(void *arg)
{
	(void)arg;
	call_back(hw_code_purge, "caller");
	puts("went on");
}
static void serve''', 1)
CALLER = r'''
int call_back(int (*fn)(const char *), const char *arg);
int hw_code_load_file(const char *module);
int call_back(int (*fn)(const char *), const char *arg)
{
	volatile int r = hw_code_load_file("caller"); /* no tail call */
	r += fn(arg) + VERSION;
	return r;
}
'''
build("program", {"main.c": MAIN, "work.c": at(0),
                  "caller.c": CALLER.replace("VERSION", "0")})


def start():
    t = Target("./program", stderr=subprocess.PIPE)
    t.objects = [None] + [t.make("work", at(i)) for i in range(1, 5)]
    return t


def ask(t, line, wanted):
    got = t.ask(line)
    same("%s (%s)" % (line, got), got.split(":")[0], str(wanted))


def load(t, i, **more):
    return t.peer.call("code/load", dict(
        {"module": "work", "file": t.objects[i]}, **more))


def maps(t, version):
    """The modes of what is mapped of an image."""
    base = int(version["base"], 0)
    modes = []
    for line in t.images():
        begin, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if int(begin, 16) < base + version["size"] and int(end, 16) > base:
            modes.append(mode)
    return modes


def find(t, number):
    return [v for v in t.versions("work") if v["version"] == number][0]


# --- what a purge says is so --------------------------------------------------
t = start()
zero = find(t, 0)
load(t, 1)
until("version 0 is fenced", lambda: find(t, 0)["state"] == "fenced")
holds("its code is inaccessible: %r" % maps(t, zero),
      not any("x" in m for m in maps(t, zero)) and "---p" in maps(t, zero))
ask(t, "work", 1)
one = find(t, 1)
load(t, 2)
until("version 1 is unmapped", lambda: len(t.versions("work")) == 2)
same("nothing of it is mapped", maps(t, one), [])
note = t.peer.wait_note(lambda p: p.get("outcome") and p["version"] == 1)
same("its fate is told", (note["outcome"], note["unmapped"]),
     ("unmapped", one["size"]))

# --- constants that are pointed to --------------------------------------------
same("text", t.ask("text"), "version 2")
two = find(t, 2)
load(t, 3)
until("fenced", lambda: find(t, 2)["state"] == "fenced")
holds("constants are readable, code is not: %r" % maps(t, two),
      "r--p" in maps(t, two) and not any("x" in m for m in maps(t, two)))
same("the string lives", t.ask("text_again"), "version 2")
ask(t, "soft work", 1)
same("a fenced version is not old code", t.ask("old work"), "0")
ask(t, "text_drop", 0)
until("then it is unmapped", lambda: not maps(t, two))
t.peer.notes.clear()

# --- processes ----------------------------------------------------------------
ask(t, "spawn", 0)
load(t, 4)
ask(t, "check work", 1)
ask(t, "soft work", 0)
got = t.refused("code/load", {"module": "work", "file": t.objects[1],
                              "on_held": "refuse"})
same("refused", got["reason"], "not_purged")
with open("bad.so", "wb") as f:
    f.write(open(t.objects[1], "rb").read()[:-64])
got = t.refused("code/load", {"module": "work", "file": os.path.abspath(
    "bad.so"), "on_held": "kill"})
same("a bad object", got["reason"], "badfile")
ask(t, "alive", 1)
loaded = load(t, 1, on_held="kill")
same("a version went for it", [(f["version"], len(f["killed"]))
                               for f in loaded["purged"]], [(3, 1)])
same("its monitor heard", t.ask("reason"), "killed")
ask(t, "work", 1)

# --- twenty purges, one holder ------------------------------------------------
ask(t, "spawn", 0)
load(t, 2)
answers = []


def purge():
    answers.append(Peer(t.socket()).call("code/purge",
                                         {"module": "work"})["purged"])


purgers = [threading.Thread(target=purge) for _ in range(20)]
for p in purgers:
    p.start()
for p in purgers:
    p.join()
same("one has killed", sorted(answers), [False] * 19 + [True])
same("its monitor heard", t.ask("reason"), "killed")

# --- a thread that is no process ----------------------------------------------
until("nothing old", lambda: t.ask("soft work") == "1")
ask(t, "hold", 0)
load(t, 3)
got = t.refused("code/purge", {"module": "work", "deadline_ms": 30})
same("foreign", got["reason"], "foreign_holder")
holds("named: %r" % got["holders"], any(
    h["kind"] == "frame" and h["tid"] for h in got["holders"]))
ask(t, "work", 3)
ask(t, "let_go", 0)
until("it goes by itself", lambda: t.ask("old work") == "0")

# --- a process that does not end ----------------------------------------------
ask(t, "stubborn", 0)
load(t, 4)
got = t.refused("code/purge", {"module": "work", "deadline_ms": 50})
same("too slow", got["reason"], "deadline")
same("it runs on", t.ask("alive"), "1")
got = t.refused("code/load", {"module": "work", "file": t.objects[1],
                              "on_held": "kill", "deadline_ms": 50})
same("nothing is loaded", got["reason"], "deadline")
ask(t, "work", 4)
number = t.versions("work")[1]["version"]
t.peer.notes.clear()
ask(t, "let_go", 0)
left = time.monotonic()
t.peer.wait_note(lambda p: p.get("outcome") and p["version"] == number)
took = time.monotonic() - left
same("its end is heard", t.ask("reason"), "killed")

# --- what lingers goes soon after its holder ----------------------------------
soonest = took
for i in range(20):
    if soonest < 0.1:
        break  # a busy machine may need more than one try
    ask(t, "hold", 0)
    number = t.versions("work")[0]["version"]
    load(t, 1 + i % 4)
    t.peer.wait_note(lambda p: p.get("holders"))
    ask(t, "let_go", 0)
    left = time.monotonic()
    t.peer.wait_note(lambda p: p.get("outcome") and p["version"] == number)
    soonest = min(soonest, time.monotonic() - left)
holds("purged %d ms after it was free" % (soonest * 1000), soonest < 0.1)

# --- a forked child has a code server of its own ------------------------------
until("nothing old", lambda: t.ask("soft work") == "1")
now = t.ask("work")
spare = 1 if now != "1" else 2
same("in the child", t.ask("fork " + t.objects[spare]), "ok %d 1" % spare)
ask(t, "work", now)

# --- a purge that ends who asked for it ---------------------------------------
os.mkdir("path")
os.link(t.make("caller", CALLER.replace("VERSION", "1")), "path/caller.so")
ask(t, "path path", 0)
same("killed by its own purge", t.ask("purge_self"), "killed")

# --- a stray jump -------------------------------------------------------------
if SANITIZE:  # its handler of the signal comes first, and ends the program
    t.end()
    sys.exit()
ask(t, "hide", 0)
number = t.versions("work")[0]["version"]
another = 1 + int(t.ask("work")) % 4
load(t, another)
until("purged", lambda: t.ask("old work") == "0")
same("a process exits", t.ask("jump_process"), "badfun")
ask(t, "work", another)
t.process.stdin.write("jump\n")
t.process.stdin.flush()
same("the program ends as it would", t.process.wait(30), -signal.SIGSEGV)
said = t.process.stderr.read()
holds("it is named: " + said, "badfun" in said and "here of work version "
      "%d" % number in said)
os.remove("program")
