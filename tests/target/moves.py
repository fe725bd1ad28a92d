# SPDX-License-Identifier: MIT
# sanitizers: thread
# address: no, its threads are nearly always inside then, with the addresses of what is checked on their stacks and in frames of signals: refused
"""Variables that move while eight threads use them: no count is lost, and no
thread sees half of a move. They do nothing but call, so in the registers that
pass no argument is always the address of what has to move. A sanitizer that
watches has nothing to say: each thread counts its own calls."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same

# ThreadSanitizer keeps the addresses of thread-locals and atomics in memory that
# nothing marks as its own, and the gate refuses to move what something points
# to. So there the thread-local stays, and what is counted is not atomic.
watched = os.environ.get("HW_SANITIZE") == "thread"
moving = ["all"] if watched else ["all", "mine"]
THREADS = 8
LOADS = 6
MAIN = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
long count(int who);
long counted(void);
static atomic_long calls;
static atomic_int stop;
static void *caller(void *number)
{
    while (!atomic_load(&stop)) {
        if (count((int)(long)number) <= 0)
            atomic_fetch_add(&calls, 1000000000);
        atomic_fetch_add(&calls, 1);
    }
    return NULL;
}
int main(void)
{
    pthread_t threads[%d];
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (long i = 0; i < %d; i++)
        pthread_create(&threads[i], NULL, caller, (void *)i);
    while (fgets(line, sizeof(line), stdin) && line[0] != 'e')
        printf("%%ld\n", atomic_load(&calls));
    atomic_store(&stop, 1);
    for (int i = 0; i < %d; i++)
        pthread_join(threads[i], NULL);
    printf("%%ld %%ld\n", atomic_load(&calls), counted());
    return getchar() == EOF;
}
""" % (THREADS, THREADS, THREADS)
WORK = r"""
static struct { %s } all;
static _Thread_local struct { %s } mine;
long count(int who)
{
    mine.n++;
    all.n[who]++;
    return mine.n;
}
long counted(void)
{
    long sum = 0;
    for (int i = 0; i < 8; i++)
        sum += all.n[i];
    return sum;
}
"""
ALL = ("long n[8];", "char first; long n[8];",
       "long x[40]; long n[8]; int last;")
MINE = ("long n;",) if watched else ("long n;", "int first; long n;")


def text(i):
    return WORK % (ALL[i % len(ALL)], MINE[i % len(MINE)])


build("program", {"main.c": MAIN, "work.c": text(0)}, ["-O2", "-g"])
t = Target("./program")
before = int(t.ask("go"))
for i in range(1, LOADS + 1):
    loaded = t.load("work", text(i))
    same("what moved in load %d" % i,
         sorted(m["variable"] for m in loaded["migrated"]), moving)
    after = int(t.ask("go"))
    holds("calls go on after load %d: %d, %d" % (i, before, after),
          after > before)
    before = after
calls, counted = t.ask("end").split()
same("calls that were counted", counted, calls)
t.process.stdin.close()
same("how it ended", t.process.wait(30), 1)
t.peer.socket.close()
