# SPDX-License-Identifier: MIT
"""See holders.sh."""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, until

MAIN = r'''
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int answer(void);
void run(void);

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
            for (int i = 0; i < 300000; i++)
                room[0]++;
        usleep(20000);
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
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 18);
    for (int i = 0; i < atoi(argv[1]); i++)
        pthread_create(&t, &small, sleeper, NULL);
    for (int i = 0; i < atoi(argv[2]); i++)
        pthread_create(&t, &small, runner, i < atoi(argv[3]) ? &t : NULL);
    while (fgets(line, sizeof(line), stdin))
        printf("%d\n", answer());
    exit(0);
}
'''
MOD = r'''
static volatile int n;
int answer(void) { return %d; }
void run(void) { for (int i = 0; i < 300000; i++) n++; }
'''
ROUNDS = 60


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


def runners(old):
    t = start("0", "64", str(old))
    t.load("mod", MOD % 1)
    t.peer.call("code/holders")
    asked = late = 0
    longest = []
    for n in range(5 * ROUNDS):
        got = t.peer.call("code/holders")
        asked += got["asked"]
        late += got["paused_long"]
        if got["asked"]:
            longest.append(got["microseconds"]["pause"])
    share = 100 * late / asked
    print("holders  %.0f us the longest pause of a look at 64 threads (median;"
          " %.0f us the longest of all), %d of them in old code"
          % (statistics.median(longest), max(longest), old))
    print("holders  %.2f %% of %d pauses over 200 us  limit 1" % (share, asked))
    t.end()
    return share <= 1


build("program", {"main.c": MAIN, "mod.c": MOD % 0})
sleepers()
fine = [runners(0), runners(64)]
sys.exit(0 if all(fine) else 1)
