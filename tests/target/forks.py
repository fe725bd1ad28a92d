# SPDX-License-Identifier: MIT
"""A program that forks again and again while a module is loaded again and
again: each child is whole, which its own code server says, and none hangs."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import RUNTIME, Target, build, holds, same, until, write
from peer import Peer

MAIN = r'''
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int work(void);
static atomic_int forks, bad, stop;

/* A child calls the module and ends. */
static void *forker(void *arg)
{
    while (!atomic_load(&stop)) {
        pid_t child = fork();
        int status;

        if (child == 0)
            _exit(work() > 0 ? 0 : 1);
        if (waitpid(child, &status, 0) != child || status != 0)
            atomic_fetch_add(&bad, 1);
        atomic_fetch_add(&forks, 1);
        usleep(2000); /* process ids are few */
    }
    return arg;
}

/* A child that says when it has the new code, and ends when all may. */
static void stay(void)
{
    char name[100];

    while (work() != 1000)
        usleep(1000);
    snprintf(name, sizeof(name), "seen.%d", (int)getpid());
    fclose(fopen(name, "w"));
    while (access("end", F_OK))
        usleep(1000);
    exit(0);
}

int main(void)
{
    char line[100];
    pthread_t t;

    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&t, NULL, forker, NULL);
    while (fgets(line, sizeof(line), stdin)) {
        pid_t child;

        if (!strcmp(line, "stay\n")) {
            child = fork();
            if (child == 0)
                stay();
            printf("%d\n", child);
            continue;
        }
        if (!strncmp(line, "end ", 4)) {
            int status = -1;

            waitpid(atoi(line + 4), &status, 0);
            printf("%d\n", status);
            continue;
        }
        if (!strcmp(line, "stop\n")) {
            atomic_store(&stop, 1);
            pthread_join(t, NULL);
        }
        printf("%d %d\n", atomic_load(&forks), atomic_load(&bad));
    }
    return 0;
}
'''
WORK = "int work(void) { return %d; }\n"
STAYING = 20

build("program", {"main.c": MAIN, "work.c": WORK % 1})
t = Target("./program")
objects = [t.make("work", WORK % i) for i in range(2, 10)]
last = t.make("work", WORK % 1000)
children = []
for n in range(STAYING):
    # the request is under way while the program forks
    load = t.peer.begin("code/load", {"module": "work",
                                      "file": objects[n % 8]})
    children.append(int(t.ask("stay")))
    t.peer.end("code/load", load)
sockets = [os.path.join(RUNTIME, "targets", "%d.sock" % child)
           for child in children]
for child, path in zip(children, sockets):
    until("the child's own socket", lambda: os.path.exists(path))
    peer = Peer(path)
    peer.call("code/load", {"module": "work", "file": last})
    peer.socket.close()
    until("the child runs its new code",
          lambda: os.path.exists("seen.%d" % child))
write("end", "")
for child in children:
    same("a child's end", t.ask("end %d" % child), "0")
forks, bad = map(int, t.ask("stop").split())
holds("it forked (%d)" % forks, forks > 0)
same("children that were not well", bad, 0)
t.end()
