# SPDX-License-Identifier: MIT
# sanitizers: address
"""What a load changes and what it keeps: new code runs wherever a qualified
call or a function pointer leads, and all variables live on."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
typedef int callback(int);
struct holder { callback *call; };
extern callback *table[];
callback *the_callback(void);
int work(int);
const char *word(void);
const int *constant(void);
extern int counter;
extern __thread int per_thread;
static callback *registered;
static struct holder *heap;
static int constructed;
__attribute__((constructor)) static void once(void) { constructed++; }

static void *thread(void *arg)
{
    int r = 0;
    for (int i = 0; i < 10; i++)
        r = work(0);
    per_thread += 5;
    *(int *)arg = per_thread * 1000 + r * 0;
    return NULL;
}

int main(void)
{
    char line[100];
    const int *first = constant();

    heap = malloc(sizeof(*heap));
    heap->call = registered = the_callback();
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        pthread_t t;
        int own;

        pthread_create(&t, NULL, thread, &own);
        pthread_join(t, NULL);
        printf("work=%d heap=%d table=%d same=%d word=%s counter=%d "
               "constant=%d moved=%d thread=%d main=%d constructed=%d\n",
               work(1), heap->call(1), table[0](1),
               heap->call == the_callback() && table[0] == registered,
               word(), counter, *constant(), constant() != first, own,
               per_thread, constructed);
    }
    free(heap);
    return 0;
}
'''

WORK = r'''
typedef int callback(int);
int counter = 10;
__thread int per_thread = 100;
static int total;
static const int limit = 7;
static const char *const words[] = {"one", "two"};
static callback plus;
callback *table[] = {plus};
static int plus(int x) { return x + 10; }
callback *the_callback(void) { return plus; }
const char *word(void) { return words[0]; }
const int *constant(void) { return &limit; }
int work(int x)
{
    static int calls;
    calls++;
    counter += x;
    total += x;
    per_thread += x;
    return total * 1000 + (x ? 0 : calls);
}
'''


def fields(answer):
    return dict(word.split("=") for word in answer.split())


def check(target, step, **wanted):
    got = fields(target.ask("go"))
    for name, value in wanted.items():
        same("%s: %s" % (step, name), got[name], str(value))


def walk(flags):
    build("program", {"main.c": MAIN, "work.c": WORK}, flags)
    t = Target("./program")
    check(t, "at the start", work=1000, heap=11, table=11, same=1, word="one",
          counter=11, constant=7, moved=0, thread=105000, main=101,
          constructed=1)

    v1 = WORK.replace("x + 10", "x + 20")
    loaded = t.load("work", v1)
    same("version", loaded["version"], 1)
    same("lost", loaded["lost"], [])
    check(t, "a static callback runs new code", work=2000, heap=21, table=21,
          same=1, counter=12, constant=7, moved=0, thread=105000, main=102,
          constructed=1)

    same("the same again", t.load("work", v1)["unchanged"], True)

    v2 = v1.replace('"one", "two"', '"eins", "zwei"').replace("= 7", "= 8")
    t.load("work", v2)
    check(t, "constants are the code's", work=3000, word="eins", constant=8,
          moved=1, counter=13, main=103)

    v3 = v2.replace("static int calls;",
                    "static int calls; static int added = 4; added++; "
                    "counter += added; ")
    loaded = t.load("work", v3)
    same("a new variable is told", loaded["added"], ["work:work.added"])
    got = fields(t.ask("go"))
    holds("the new variable counts", int(got["counter"]) > 14)

    loaded = t.load("work", v2)
    same("a variable that is gone is told", loaded["lost"],
         ["work:work.added"])

    t.load("work", v2.replace("return plus;", "return other;").replace(
        "static int plus(int x)",
        "static int other(int x) { return x + 500; }\n"
        "static int plus(int x)"))
    check(t, "a new function has a stub", heap=21, table=21, same=0)

    last = t.load("work", WORK)
    check(t, "back to the beginning", heap=11, same=1, word="one", main=106)
    holds("versions only grow", last["version"] > 4)
    if not SANITIZE:  # a sanitizer's own memory remembers return addresses
        until("old versions go by themselves",
              lambda: len(t.versions("work")) <= 4)
    t.end()
    os.remove("program")


walk(["-O0"])
walk(["-O2"])
