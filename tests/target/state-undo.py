# SPDX-License-Identifier: MIT
# limit: 200
"""A thousand loads that are refused after the gate was closed, by a value that
does not fit and by a code_change that fails, while four threads call the
module: its variables stay what they were, byte for byte, and no call's work is
lost. Then one that succeeds, under the same calls."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

MAIN = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
void work(void);
void bytes(char *, unsigned long);
long count(void);
static atomic_long calls;
static atomic_int stop;
static void *run(void *arg)
{
    while (!stop) {
        work();
        calls++;
    }
    return arg;
}
int main(void)
{
    char line[100], text[1000];
    pthread_t t[4];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, run, NULL);
    while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
        bytes(text, sizeof(text));
        puts(text);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("%d\n", calls == count());
    return 0;
}
"""
WORK = r"""
#include <stdio.h>
#include <hotwatch/hot.h>
#include <hotwatch/code.h>
struct bits { unsigned a : 3; int b : 9; char text[10]; double d; };
static struct bits bits[5] = {{1, -2, "one", 0.5}, {2, -3, "two", 1.5}};
static TYPE number = 1;
static const char *words[] = {"a", "b", "c"};
static long done[4];
static long total;
void work(void);
void bytes(char *, unsigned long);
long count(void);
CHANGE
void work(void)
{
    __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&done[1], 2, __ATOMIC_RELAXED);
    number = 1l << SHIFT;
}
long count(void)
{
    return total == done[1] / 2 ? total : -1;
}
void bytes(char *text, unsigned long size)
{
    const unsigned char *p = (const unsigned char *)bits;
    unsigned long n = 0;
    for (unsigned i = 0; i < sizeof(bits) && n + 3 < size; i++)
        n += (unsigned long)snprintf(text + n, size - n, "%02x", p[i]);
    snprintf(text + n, size - n, " %ld %s%s%s %d", (long)number, words[0],
             words[1], words[2], VERSION);
}
"""
CHANGE = r"""
static int change(const struct hw_change *c)
{
    for (int i = 0; i < 5; i++)
        bits[i].d = 77;
    words[0] = words[2] = "nothing";
    total = done[1] = done[2] = c->from + 1;
    return 1;
}
HOT_CODE_CHANGE(change);
"""


def text(kind, shift, version, change=""):
    return (WORK.replace("TYPE", kind).replace("SHIFT", str(shift))
            .replace("VERSION", str(version)).replace("CHANGE", change))


build("program", {"main.c": MAIN, "work.c": text("long", 40, 0)},
      ["-O2", "-g"])
t = Target("./program")
too_big = t.make("work", text("int", 20, 1))
fails = t.make("work", text("long", 40, 2, CHANGE))
good = t.make("work", text("__int128", 50, 3))
state = t.ask("state")
for i in range(500):
    for file, reason in [(too_big, "unsafe"), (fails, "code_change_failed")]:
        data = t.refused("code/load", {"module": "work", "file": file})
        same("load %d: %s" % (i, data["message"]), data["reason"], reason)
        same("the state after load %d" % i, t.ask("state"), state)
answer = t.peer.call("code/load", {"module": "work", "file": good})
same("what moved", [m["variable"] for m in answer["migrated"]], ["number"])
same("the state after all", t.ask("state")[:10], state[:10])
t.process.stdin.write("end\n")
same("calls, and what they did", t.process.stdout.readline(), "1\n")
t.end()
