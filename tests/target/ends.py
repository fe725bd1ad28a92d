# SPDX-License-Identifier: MIT
# sanitizers: address thread
"""Threads that are about to end are looked at, and asked by signals, up to their
last instruction: 8 at a time come and go while a module is reloaded 500 times,
and the program never notices."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until

MAIN = r'''
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
int work(void);
static atomic_int stop;
static atomic_long ended;

static void *thread(void *arg)
{
    for (int i = 0; i < 300; i++) {
        work();
        if (i % 100 == 0)
            usleep(50);
    }
    atomic_fetch_add(&ended, 1);
    return arg;
}

static void *spawner(void *arg)
{
    pthread_t t[8];

    while (!atomic_load(&stop)) {
        for (int i = 0; i < 8; i++)
            pthread_create(&t[i], NULL, thread, NULL);
        for (int i = 0; i < 8; i++)
            pthread_join(t[i], NULL);
    }
    return arg;
}

int main(void)
{
    pthread_t t;
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&t, NULL, spawner, NULL);
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] == 's') {
            atomic_store(&stop, 1);
            pthread_join(t, NULL);
        }
        printf("%d %d\n", work(), atomic_load(&ended) > 0);
    }
    return 0;
}
'''
# A sanitizer's memory of return addresses would keep versions.
WORK = "__attribute__((disable_sanitizer_instrumentation)) " \
       "int work(void) { return %d; }\n"
OBJECTS = 16

build("program", {"main.c": MAIN, "work.c": WORK % 0})
t = Target("./program")
objects = [t.make("work", WORK % i) for i in range(1, OBJECTS + 1)]


def free_ones():
    used = {v["file"] for v in t.versions("work")}
    return [o for o in objects if o not in used]


loaded = None
for n in range(500):
    loaded = until("an old version is freed", free_ones)[0]
    t.peer.call("code/load", {"module": "work", "file": loaded})
same("the last one answers", t.ask("stop"), "%d 1" %
     (objects.index(loaded) + 1))
holds("few versions are left", len(t.versions("work")) <= OBJECTS + 1)
t.end()
