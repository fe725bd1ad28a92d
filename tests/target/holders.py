# SPDX-License-Identifier: MIT
# limit: 300
# sanitizers: address thread
"""Who still needs an old version, by name: threads blocked and running, deep
below libc, in signal handlers and on other stacks; and who does not."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mod.h"

int wake[2][2], asleep[2];

static void *thread(void *arg)
{
    enter(atoi(arg));
    return NULL;
}

/* "KIND": a thread enters module `mod` that way, and says so when it is there;
 * "end": all leave it and end. */
int main(void)
{
    static pthread_t t[100];
    static char name[100][16];
    char line[100], c;
    int n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(wake[0]) || pipe(wake[1]) || pipe(asleep))
        return 1;
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] == 'e') {
            for (int i = 0; i < n; i++)
                if (write(wake[0][1], "x", 1) != 1)
                    return 1;
            __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
            while (n)
                pthread_join(t[--n], NULL);
            __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
            puts("ended");
            continue;
        }
        snprintf(name[n], sizeof(name[n]), "%s", line);
        pthread_create(&t[n], NULL, thread, name[n]);
        pthread_setname_np(t[n], "holder");
        n++;
        if (read(asleep[0], &c, 1) != 1)
            return 1;
        puts("there");
    }
    return 0;
}
'''
HEADER = r'''
enum { READ, SPIN, QSORT, SIGNAL, DEEP, STALE, ALTSTACK, UCONTEXT, SETJMP,
       ASM, BLOCKING, MASKED, NONE, POLL, LEAF, WALK };
void enter(int kind);
void other(void);
extern int wake[2][2], asleep[2];
extern volatile int stop;
'''
OTHER = r'''
#include <poll.h>
#include <unistd.h>
#include "mod.h"
volatile int stop;
/* Blocks in a module that is not replaced. */
void other(void)
{
    char c;

    if (write(asleep[1], "x", 1) == 1 && read(wake[0][0], &c, 1) == 1)
        return;
}
'''
MOD = r'''
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include "mod.h"

static volatile int version = VERSION;

static void tell(void)
{
    if (write(asleep[1], "x", 1) != 1)
        abort();
}

static void leave(void)
{
    char c;

    if (read(wake[0][0], &c, 1) != 1)
        abort();
}

static void block(void)
{
    tell();
    leave();
}

static void spin(void)
{
    tell();
    while (!stop)
        ;
    leave();
}

static int compare(const void *a, const void *b)
{
    static _Thread_local int once;

    if (!once++)
        other();
    return *(const int *)a - *(const int *)b;
}

static void sort(void)
{
    int v[64];

    for (int i = 0; i < 64; i++)
        v[i] = 64 - i;
    qsort(v, 64, sizeof(*v), compare);
}

static void handle(int sig)
{
    (void)sig;
    other();
}

static void by_signal(int flags)
{
    struct sigaction sa = {.sa_handler = handle, .sa_flags = flags};

    sigaction(SIGUSR1, &sa, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
}

static void on_altstack(void)
{
    stack_t s = {.ss_size = 1 << 16};

    s.ss_sp = malloc(s.ss_size);
    sigaltstack(&s, NULL);
    by_signal(SA_ONSTACK);
}

static __attribute__((noinline)) int deep(int n)
{
    volatile char fill[100];

    fill[0] = (char)n;
    if (n)
        return deep(n - 1) + fill[0];
    other();
    return fill[0];
}

static ucontext_t back, routine;

static void routine_run(void)
{
    swapcontext(&routine, &back);
    other();
}

static void coroutine(void)
{
    getcontext(&routine);
    routine.uc_stack.ss_size = 1 << 16;
    routine.uc_stack.ss_sp = malloc(routine.uc_stack.ss_size);
    routine.uc_link = &back;
    makecontext(&routine, routine_run, 0);
    swapcontext(&back, &routine);
}

void enter(int kind)
{
    switch (kind) {
    case READ: block(); break;
    case SPIN: spin(); break;
    case QSORT: sort(); break;
    case SIGNAL: by_signal(0); break;
    case DEEP: deep(5000); break;
    case ALTSTACK: on_altstack(); break;
    case UCONTEXT: coroutine(); block(); break;
    }
    version++; /* no tail call */
}
'''
KINDS = {"READ": 0, "SPIN": 1, "QSORT": 2, "SIGNAL": 3, "DEEP": 4,
         "ALTSTACK": 6, "UCONTEXT": 7}


def at(version):
    return MOD.replace("VERSION", str(version))


for flags in (["-O2"], ["-O0"]):
    build("program", {"mod.h": HEADER, "main.c": MAIN, "other.c": OTHER,
                      "mod.c": at(0)}, flags)
    t = Target("./program")

    def held(kinds=("frame", "unknown", "pointer")):
        """{version: [holder...]} of module mod."""
        got = t.peer.call("code/holders", {"module": "mod"})["modules"]
        return {m["version"]: m["holders"] for m in got}

    version = 1
    t.load("mod", at(version))
    for kind, number in KINDS.items():
        t.ask(str(number))
        version += 1
        t.load("mod", at(version))
        old = held()[version - 1]
        want = "pointer" if kind == "UCONTEXT" else "frame"
        holds("%s %s: got %r, wanted one %s" % (flags, kind, old, want),
              any(h["kind"] == want for h in old))
        if want == "frame":
            same("%s %s holds once" % (flags, kind), len(old), 1)
            holds("%r: the thread's name" % old, old[0]["thread"] == "holder")
        t.ask("end")
        # what lies on a stack of the program's own making is memory, used or
        # not
        if kind not in ("ALTSTACK", "UCONTEXT"):
            until("%s %s: it is gone" % (flags, kind), lambda: not [
                v for v in t.versions("mod") if v["version"] == version - 1])
    t.end()
