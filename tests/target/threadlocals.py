# SPDX-License-Identifier: MIT
# sanitizers: address thread
"""Thread-locals: each thread's own, with their initial values, in threads old
and new, over a reload; and those that only the new version has."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

# A thread "old" is there before the reload, and works when it is told to.
MAIN = r"""
#include <pthread.h>
#include <stdio.h>
#include <string.h>
const char *work(void);
__thread int shared = 7;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int wanted, done;
static void *old(void *arg)
{
    for (int n = 1;; n++) {
        pthread_mutex_lock(&lock);
        while (wanted < n)
            pthread_cond_wait(&turn, &lock);
        puts(work());
        done = n;
        pthread_cond_broadcast(&turn);
        pthread_mutex_unlock(&lock);
    }
    return arg;
}
static void *once(void *arg)
{
    puts(work());
    return arg;
}
int main(void)
{
    char line[100];
    pthread_t t;
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&t, NULL, old, NULL);
    while (fgets(line, sizeof(line), stdin)) {
        if (!strcmp(line, "main\n")) {
            puts(work());
        } else if (!strcmp(line, "new\n")) {
            pthread_t u;
            pthread_create(&u, NULL, once, NULL);
            pthread_join(u, NULL);
        } else {
            pthread_mutex_lock(&lock);
            wanted++;
            pthread_cond_broadcast(&turn);
            while (done < wanted)
                pthread_cond_wait(&turn, &lock);
            pthread_mutex_unlock(&lock);
        }
    }
    return 0;
}
"""

WORK = r"""
#include <stdio.h>
#include <stdint.h>
extern __thread int shared;
static __thread int zero;
static __thread struct { char c; long v[9]; const char *s; } big
    = {'b', {1, 2, 3}, "text"};
static __thread int aligned __attribute__((aligned(64))) = 40;
/* more is new here */
const char *work(void);
const char *work(void)
{
    static __thread char text[200];
    static __thread int calls = 100;
    shared++;
    zero++;
    aligned += !((uintptr_t)&aligned % 64);
    snprintf(text, sizeof(text), "%d %d %d %c%ld%s %d", shared, zero, aligned,
             big.c, ++big.v[2], big.s, ++calls);
    return text;
}
"""

build("p", {"main.c": MAIN, "work.c": WORK}, ["-O2", "-g"])
t = Target("./p")
same("main", t.ask("main"), "8 1 41 b4text 101")
same("main again", t.ask("main"), "9 2 42 b5text 102")
same("an older thread", t.ask("old"), "8 1 41 b4text 101")
same("a new thread", t.ask("new"), "8 1 41 b4text 101")
same("another", t.ask("new"), "8 1 41 b4text 101")

NEW = WORK.replace("/* more is new here */",
                   "static __thread int more = 500, none;")
NEW = NEW.replace('"%d %d', '"v2 %d %d %d %d').replace(
    "text), ", "text), ").replace("shared, zero", "++more, ++none, shared, zero")
t.load("work", NEW)
same("main, new code", t.ask("main"), "v2 501 1 10 3 43 b6text 103")
same("an older thread, new code", t.ask("old"), "v2 501 1 9 2 42 b5text 102")
same("a new thread, new code", t.ask("new"), "v2 501 1 8 1 41 b4text 101")

t.load("work", NEW.replace("v2", "v3"))
same("main, third", t.ask("main"), "v3 502 2 11 4 44 b7text 104")
same("an older thread, third", t.ask("old"), "v3 502 2 10 3 43 b6text 103")
t.process.stdin.close()
same("its end", t.process.wait(), 0)
