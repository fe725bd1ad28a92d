# SPDX-License-Identifier: MIT
"""See holders.sh."""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, until

# What a thread sees of itself: the longest time between two readings of the
# clock while it computes. Where the scheduler took the processor from it that
# is no sample.
GAP = r'''
#define _GNU_SOURCE
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

void gap_note(unsigned long ticks);

static inline long switches(void)
{
    struct rusage u;

    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw + u.ru_nvcsw;
}

static inline void compute(void)
{
    long before = switches();
    unsigned long last = __rdtsc(), longest = 0, now;

    for (int i = 0; i < 10000; i++, last = now) {
        now = __rdtsc();
        if (now - last > longest)
            longest = now - last;
    }
    if (switches() == before)
        gap_note(longest);
    usleep(20000);
}
'''
MAIN = r'''
#include "gap.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int answer(void);
void run(void);

static unsigned noted[100001]; /* by microseconds */
static double ticks_us;

void gap_note(unsigned long ticks)
{
    unsigned long us = (unsigned long)((double)ticks / ticks_us);

    __atomic_add_fetch(&noted[us < 100000 ? us : 100000], 1, 0);
}

static void calibrate(void)
{
    struct timespec a, b;
    unsigned long ticks = __rdtsc();

    clock_gettime(CLOCK_MONOTONIC, &a);
    usleep(50000);
    clock_gettime(CLOCK_MONOTONIC, &b);
    ticks_us = (double)(__rdtsc() - ticks) /
               ((b.tv_sec - a.tv_sec) * 1e6 + (b.tv_nsec - a.tv_nsec) / 1e3);
}

/* Of those of at least LEAST us: how many, their p50, p99 and longest. */
static void gaps_print(unsigned least)
{
    unsigned long n = 0, seen = 0;
    unsigned p50 = 0, p99 = 0, longest = 0;

    for (unsigned us = least; us <= 100000; us++)
        n += noted[us];
    for (unsigned us = least; us <= 100000; us++) {
        if (!noted[us])
            continue;
        p50 = seen * 2 < n ? us : p50;
        p99 = seen * 100 < n * 99 ? us : p99;
        longest = us;
        seen += noted[us];
    }
    printf("%lu %u %u %u\n", n, p50, p99, longest);
    memset(noted, 0, sizeof(noted));
}

static void *sleeper(void *arg)
{
    poll(NULL, 0, -1);
    return arg;
}

/* A stack that is not empty. */
static void *runner(void *arg)
{
    volatile char room[100000];

    for (int i = 0; i < 100000; i += 4096)
        room[i] = 1;
    for (;;) {
        if (arg)
            run();
        else
            compute();
        room[0]++;
    }
    return NULL;
}

/* SLEEPERS RUNNERS IN_OLD_CODE */
int main(int argc, char **argv)
{
    pthread_attr_t small;
    pthread_t t;
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4)
        return 2;
    calibrate();
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 18);
    for (int i = 0; i < atoi(argv[1]); i++)
        pthread_create(&t, &small, sleeper, NULL);
    for (int i = 0; i < atoi(argv[2]); i++)
        pthread_create(&t, &small, runner, i < atoi(argv[3]) ? &t : NULL);
    while (fgets(line, sizeof(line), stdin)) {
        if (!strncmp(line, "gaps ", 5))
            gaps_print((unsigned)atoi(line + 5));
        else
            printf("%d\n", answer());
    }
    exit(0);
}
'''
MOD = r'''
#include "gap.h"
int answer(void) { return %d; }
void run(void) { for (;;) compute(); }
'''
ROUNDS = 60
LOOKS = 1500
LIMIT = 200  # us
ASKED = 3    # us: what is shorter is no question's


def start(*arguments):
    t = Target("./program", *arguments)
    t.ask("go")
    return t


def sleepers():
    """Load, then soft_purge, past 1 000 threads."""
    t = start("1000", "0", "0")
    objects = [t.make("mod", MOD % n) for n in range(1, 9)]
    looks = []
    for n in range(ROUNDS):
        t.peer.call("code/load", {"module": "mod", "file": objects[n % 8]})
        looks.append(t.peer.call("code/holders")["microseconds"]["total"])
        until("it is free", lambda: t.peer.call(
            "code/softPurge", {"module": "mod"})["purged"])
    print("holders  %.2f ms past 1000 sleeping threads, memory and all"
          % (statistics.median(looks) / 1000))
    t.end()


def gaps(t):
    n, p50, p99, longest = map(int, t.ask("gaps %d" % ASKED).split())
    return {"n": n, "p50": p50, "p99": p99, "longest": longest}


def runners(old):
    """What 64 threads see that run, with looks and without."""
    t = start("0", "64", str(old))
    t.load("mod", MOD % 1)
    t.peer.call("code/holders")
    gaps(t)
    asked = late = 0
    for n in range(LOOKS):
        got = t.peer.call("code/holders")
        asked += got["asked"]
        late += got["paused_long"]
    seen = gaps(t)
    time.sleep(2)
    alone = gaps(t)
    print("holders  64 threads, %d in old code; their own longest gap, where "
          "over %d us" % (old, ASKED))
    for what, g in (("while they are looked at", seen), ("alone", alone)):
        print("holders    %-26s %5d of them, median %d us, p99 %d us, longest "
              "%d us%s" % (what, g["n"], g["p50"], g["p99"], g["longest"],
                           "  limit %d" % LIMIT if g is seen else ""))
    print("holders    in the handler: %d of %d longer than %d us"
          % (late, asked, LIMIT))
    t.end()
    return seen["p99"] <= max(LIMIT, alone["p99"])


build("program", {"main.c": MAIN, "mod.c": MOD % 0, "gap.h": GAP})
sleepers()
fine = [runners(0), runners(64)]
sys.exit(0 if all(fine) else 1)
