# SPDX-License-Identifier: MIT
# address: no, the frame of its fgets is large, and a word of show() that is left in it is taken for a pointer
"""The gate, and a thread that stays in the module until others were served: a
gate that stayed closed meanwhile would keep both waiting. One that never leaves
costs the load, not the callers. What a purged version's tables point to holds
nothing."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until

MAIN = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
int serve(void);
void keep(atomic_long *served, long wanted);
int show(void);
static atomic_long served;
static long wanted;

static void *server(void *unused)
{
    (void)unused;
    for (;;) {
        serve();
        atomic_fetch_add(&served, 1);
        usleep(1000);
    }
    return NULL;
}

static void *keeper(void *unused)
{
    (void)unused;
    keep(&served, wanted);
    return NULL;
}

int main(void)
{
    char line[100];
    pthread_t t;

    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&t, NULL, server, NULL);
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "keep %ld", &wanted) == 1)
            pthread_create(&t, NULL, keeper, NULL);
        printf("%ld %d\n", atomic_load(&served), show());
    }
    return 0;
}
"""
WORK = r"""
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
int serve(void);
void keep(atomic_long *served, long wanted);
int show(void);
struct { %s } state = { .calls = 1000 };
int serve(void)
{
    return ++state.calls;
}
/* From "go" on until WANTED more were served, and told so. */
void keep(atomic_long *served, long wanted)
{
    long end;

    fclose(fopen("kept", "w"));
    while (access("go", F_OK))
        usleep(100);
    end = atomic_load(served) + wanted;
    while (wanted < 0 || atomic_load(served) < end)
        usleep(100);
    state.calls++;
}
int show(void)
{
    return state.calls >= 1000;
}
"""


def keeper(wanted):
    for name in ("kept", "go"):
        if os.path.exists(name):
            os.remove(name)
    t.ask("keep %d" % wanted)
    until("somebody stays inside", lambda: os.path.exists("kept"))


build("program", {"main.c": MAIN, "work.c": WORK % "int calls;"},
      ["-O2", "-g", "-w"])
t = Target("./program")

# Version 0 is purged; its variables are in use, and its tables are there still.
t.load("work", (WORK % "int calls;").replace("return ++", "return 1 + ++"))
until("it is fenced",
      lambda: [v["state"] for v in t.versions("work")] == ["current", "fenced"])

# It leaves when 40 calls were served, which takes 40 ms at least.
keeper(40)
moved = t.make("work", WORK % "char first; int calls;")
load = t.peer.begin("code/load", {"module": "work", "file": moved})
open("go", "w").close()
loaded = t.peer.end("code/load", load)
same("what moved", [m["variable"] for m in loaded["migrated"]], ["state"])
same("its value is kept", t.ask("").split()[1], "1")

# It never leaves: refused, named, and the callers were served meanwhile.
keeper(-1)
open("go", "w").close()
served = int(t.ask("").split()[0])
refused = t.refused("code/load", {"module": "work", "file": t.make(
    "work", WORK % "long first; int calls;")})
same("the reason", refused["reason"], "unsafe")
holds("who: " + refused["message"],
      ") is in keep, which uses state, and did not" in refused["message"])
after = int(t.ask("").split()[0])
holds("calls went on: %d, %d" % (served, after), after > served)
t.peer.socket.close()
t.end()
