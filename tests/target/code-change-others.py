# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address
"""A code_change, and those who have nothing to do with it: modules that name
its variables wait, so nothing that they write is lost when it fails; a child
that is forked meanwhile has the old code and the old variables."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import RUNTIME, Target, build, holds, same, until, write
from peer import Peer

MAIN = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
void poke(void);
void rest(void);
int work(void);
int sum(void);
static atomic_int stop;
static atomic_long pokes;

static void *poker(void *arg)
{
    while (!atomic_load(&stop)) {
        poke();
        atomic_fetch_add(&pokes, 1);
    }
    return arg;
}

/* A child that says what it has, and again when it was told to go on. */
static void child(void)
{
    char name[100];
    FILE *f;

    snprintf(name, sizeof(name), "child.%d", (int)getpid());
    f = fopen(name, "w");
    fprintf(f, "%d", sum());
    fclose(f);
    while (access("end", F_OK))
        usleep(1000);
    _exit(sum() == 1000 ? 0 : 1);
}

int main(void)
{
    char line[100];
    pthread_t t;
    pid_t pid;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        int status = -1;

        switch (*line) {
        case 'p':
            atomic_store(&stop, 0);
            pthread_create(&t, NULL, poker, NULL);
            break;
        case 's':
            atomic_store(&stop, 1);
            pthread_join(t, NULL);
            printf("%ld %d\n", atomic_load(&pokes), work());
            continue;
        case 'f':
            pid = fork();
            if (pid == 0)
                child();
            printf("%d\n", (int)pid);
            continue;
        case 'w':
            wait(&status);
            printf("%d\n", status);
            continue;
        case 'r':
            pthread_create(&t, NULL, (void *(*)(void *))rest, NULL);
            break;
        }
        puts("ok");
    }
    return 0;
}
"""
OTHER = r"""
#include <stdio.h>
#include <unistd.h>
void poke(void);
void rest(void);
extern int shared, resting;
void poke(void)
{
    shared++;
}
void rest(void)
{
    resting = 1;
    fclose(fopen("resting", "w"));
    while (resting)
        pause();
}
"""
WORK = r"""
#include <stdio.h>
#include <unistd.h>
#include <hotwatch/hot.h>
#include <hotwatch/code.h>
int shared, resting;
int work(void);
int sum(void);
static int ours = 5;
int work(void)
{
    return shared;
}
int sum(void)
{
    return %(sum)s;
}
#ifdef CHANGE
static int change(const struct hw_change *c)
{
    int was = shared;
    (void)c;
    CHANGE
}
HOT_CODE_CHANGE(change);
#endif
"""


def work(sum_, change=None):
    text = WORK % {"sum": sum_}
    return ("#define CHANGE " + change + "\n" if change else "") + text


build("program", {"main.c": MAIN, "other.c": OTHER, "work.c": work("ours")},
      ["-O2", "-g", "-w"])
t = Target("./program")

# Long enough for thousands of calls, were they not kept off.
FAILS = "shared = -1; usleep(20000); return was < 0 ? 7 : 3;"
t.ask("p")
for n in range(5):
    refused = t.refused("code/load", {"module": "work", "file": t.make(
        "work", work("ours + %d" % n, FAILS))})
    same("that it failed", refused["message"],
         "work: its code_change returned 3, not 0; code and variables are as "
         "they were")
pokes, shared = t.ask("s").split()
holds("it was called (%s)" % pokes, int(pokes) > 0)
same("what another module wrote meanwhile", shared, pokes)

# A fork in the middle of one.
WAITS = ('ours = 77; fclose(fopen("begun", "w")); '
         'while (access("go", F_OK)) usleep(1000); ours = 100; return 0;')
load = t.peer.begin("code/load", {"module": "work", "file": t.make(
    "work", work("ours * 2", WAITS))})
until("the code_change is at it", lambda: os.path.exists("begun"))
pid = int(t.ask("f"))
name = "child.%d" % pid
until("the child", lambda: os.path.exists(name) and os.path.getsize(name) > 0)
same("the child's variables, by its old code", open(name).read(), "5")
write("go", "")
t.peer.end("code/load", load)
path = os.path.join(RUNTIME, "targets", "%d.sock" % pid)
until("the child's own socket", lambda: os.path.exists(path))
peer = Peer(path)
peer.call("code/load", {"module": "work", "file": t.make(
    "work", work("1000 + ours - 5"))})
peer.socket.close()
write("end", "")
same("the child's end, with new code", t.ask("w"), "0")

# One who stays in a function that names a variable is named.
t.ask("r")
until("it rests", lambda: os.path.exists("resting"))
refused = t.refused("code/load", {"module": "work", "file": t.make(
    "work", work("ours * 3", "return 0;"))})
same("who stays in another module", refused["reason"], "unsafe")
holds("its function: " + refused["message"], " is in rest, " in
      refused["message"])
t.end()
