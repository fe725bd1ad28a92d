# SPDX-License-Identifier: MIT
# limit: 300
# sanitizers: address
"""A thousand looks for holders are noticed by nobody: no call that blocks is
broken off, threads come and go, and a fork has holders of its own."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
int answer(void);

static int never[2]; /* nothing is ever written to it */
static atomic_long broken, rounds;
static atomic_int stop;

static void expect(long got, long wanted)
{
    if (got != wanted)
        atomic_fetch_add(&broken, 1);
    atomic_fetch_add(&rounds, 1);
}

/* --- calls that block for as long as the program runs --- */

static void *in_poll(void *arg)
{
    struct pollfd p = {never[0], POLLIN, 0};

    (void)arg;
    expect(poll(&p, 1, -1), 99);
    return NULL;
}

static void *in_read(void *arg)
{
    char c;

    (void)arg;
    expect(read(never[0], &c, 1), 99);
    return NULL;
}

static void *in_accept(void *arg)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)arg;
    expect(bind(s, (void *)&a, sizeof(sa_family_t)), 0);
    expect(listen(s, 1), 0);
    expect(accept(s, NULL, NULL), 99);
    return NULL;
}

static void *in_epoll(void *arg)
{
    struct epoll_event e = {.events = EPOLLIN};
    int p = epoll_create1(0);

    (void)arg;
    epoll_ctl(p, EPOLL_CTL_ADD, never[0], &e);
    expect(epoll_wait(p, &e, 1, -1), 99);
    return NULL;
}

static void *in_nanosleep(void *arg)
{
    struct timespec t = {1000000, 0};

    (void)arg;
    expect(nanosleep(&t, NULL), 99);
    return NULL;
}

static void *in_semaphore(void *arg)
{
    sem_t s;

    (void)arg;
    sem_init(&s, 0, 0);
    expect(sem_wait(&s), 99);
    return NULL;
}

static void *in_sigwait(void *arg)
{
    sigset_t s;
    int sig;

    (void)arg;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    expect(sigwait(&s, &sig), 99);
    return NULL;
}

/* --- and again and again, for an instant --- */

static void work(void)
{
    for (volatile int i = 0; i < 3000; i++)
        ;
}

static void *short_polls(void *arg)
{
    struct pollfd p = {never[0], POLLIN, 0};

    while (!atomic_load(&stop)) {
        expect(poll(&p, 1, 1), 0);
        work();
    }
    return arg;
}

static void *short_sleeps(void *arg)
{
    struct timespec t = {0, 300000};

    while (!atomic_load(&stop)) {
        expect(nanosleep(&t, NULL), 0);
        work();
    }
    return arg;
}

static void *short_epolls(void *arg)
{
    struct epoll_event e = {.events = EPOLLIN};
    int p = epoll_create1(0);

    while (!atomic_load(&stop)) {
        expect(epoll_wait(p, &e, 1, 1), 0);
        work();
    }
    return arg;
}

static void *short_selects(void *arg)
{
    while (!atomic_load(&stop)) {
        struct timeval t = {0, 500};

        expect(select(0, NULL, NULL, NULL, &t), 0);
        work();
    }
    return arg;
}

static void *brief(void *arg)
{
    answer();
    return arg;
}

static void *churn(void *arg)
{
    pthread_t t;

    while (!atomic_load(&stop)) {
        expect(pthread_create(&t, NULL, brief, NULL), 0);
        expect(pthread_join(t, NULL), 0);
    }
    return arg;
}

static void *spin(void *arg)
{
    while (!atomic_load(&stop))
        work();
    return arg;
}

static void *(*const forever[])(void *) = {
    in_poll, in_read, in_accept, in_epoll, in_nanosleep, in_semaphore,
    in_sigwait};
static void *(*const ever_again[])(void *) = {
    short_polls, short_sleeps, short_epolls, short_selects, churn, spin};

int main(void)
{
    pthread_t t[6], other;
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(never))
        return 1;
    for (int i = 0; i < 7; i++)
        pthread_create(&other, NULL, forever[i], NULL);
    for (int i = 0; i < 6; i++)
        pthread_create(&t[i], NULL, ever_again[i], NULL);
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] == 'f') {
            pid_t child = fork();

            if (child == 0) {
                pause();
                _exit(0);
            }
            printf("%d\n", (int)child);
        } else if (line[0] == 'k') {
            kill(atoi(line + 1), SIGKILL);
            printf("%d\n", (int)waitpid(atoi(line + 1), NULL, 0));
        } else {
            printf("%ld %ld %d\n", atomic_load(&broken),
                   atomic_load(&rounds), answer());
        }
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 6; i++)
        pthread_join(t[i], NULL);
    return 0;
}
'''
MOD = "int answer(void) { return %d; }\n"

build("program", {"main.c": MAIN, "mod.c": MOD % 0})
t = Target("./program")
until("all threads run", lambda: int(t.ask("go").split()[1]) > 100)
# main.c's old version is held by all; mod's by none.
t.load("main", MAIN + "\nint added(void) { return 1; }\n")
t.load("mod", MOD % 1)
before = int(t.ask("go").split()[1])
for n in range(20 if SANITIZE else 1000):
    found = t.peer.call("code/holders")["modules"]
    held = [m for m in found if m["module"] == "main"]
    holds("%d: main is held by %r" % (n, held), len(held[0]["holders"]) >= 13)
    loose = [h for m in found if m["module"] == "mod" for h in m["holders"]
             if h["kind"] == "frame"]
    same("mod is held by", loose, [])
broken, after, answer = map(int, t.ask("go").split())
same("the new version answers", answer, 1)
same("calls that were broken off", broken, 0)
holds("the others went on: %d, then %d" % (before, after), after > before)

child = int(t.ask("fork"))
path = t.socket().replace(str(t.pid), str(child))
from peer import Peer  # noqa: E402


def connect():
    try:
        return Peer(path)
    except OSError:
        return None


peer = until("the child's socket", connect)
found = [h for m in peer.call("code/holders")["modules"]
         if m["module"] == "main" for h in m["holders"]
         if h["kind"] == "frame"]
same("the child has the one thread", [h["tid"] for h in found], [child])
same("it ends", int(t.ask("k%d" % child)), child)
t.end()
