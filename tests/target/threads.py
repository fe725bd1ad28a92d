# SPDX-License-Identifier: MIT
# limit: 300
# sanitizers: address thread
"""8 threads call through stubs while the module is reloaded 1000 times: every
call runs whole in one version, a set of two modules never shows half of itself
to a thread, and nothing is left behind."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int left(int);
int right(int);
typedef int callback(int);
callback *left_callback(void);
static atomic_int stop;
static atomic_long calls, wrong;

/* A version answers its number, and a set has the same on both sides. When the
 * same version of left answered before and after, right's lay between. */
static void *thread(void *arg)
{
    callback *by_pointer = arg;
    long mine = 0;

    while (!atomic_load(&stop)) {
        int a = left(0), b = right(0), c = by_pointer(0), d = left(0);

        if (++mine % 2000 == 0)
            usleep(50); /* callers that never block leave no processor */
        if (a == c && c == d && b != a)
            atomic_fetch_add(&wrong, 1);
    }
    atomic_fetch_add(&calls, mine);
    return NULL;
}

int main(void)
{
    pthread_t t[8];
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, thread, (void *)left_callback());
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] != 's') {
            printf("%d %ld\n", left(0), atomic_load(&wrong));
            continue;
        }
        atomic_store(&stop, 1);
        for (int i = 0; i < 8; i++)
            pthread_join(t[i], NULL);
        printf("%d %ld %d\n", left(0), atomic_load(&wrong),
               atomic_load(&calls) > 0);
    }
    return 0;
}
'''
# A sanitizer remembers return addresses of instrumented code for its reports,
# and what is remembered is kept: so these are not.
PLAIN = "__attribute__((disable_sanitizer_instrumentation)) "
LEFT = r'''
typedef int callback(int);
PLAIN static int answer(int x) { return x + VERSION; }
PLAIN callback *left_callback(void) { return answer; }
PLAIN int left(int x) { return answer(x); }
'''
RIGHT = "PLAIN int right(int x) { return x + VERSION; }\n"
ROUNDS = 1000


def at(source, version):
    return source.replace("VERSION", str(version)).replace("PLAIN", PLAIN)


build("program", {"main.c": MAIN, "left.c": at(LEFT, 0),
                  "right.c": at(RIGHT, 0)})
t = Target("./program")
# The versions' objects differ in one number: they are made once, at as many
# places as may be in use at a time, and each is loaded again and again.
objects = []
for i in range(1, 17):
    objects.append({"left": t.make("left", at(LEFT, i)),
                    "right": t.make("right", at(RIGHT, i))})
for n in range(16):
    t.peer.call("code/atomicLoad", {"modules": [
        {"module": m, "file": f} for m, f in objects[n].items()]})
    same("all see the new one", t.ask("go").split()[0], str(n + 1))

fds, threads = t.descriptors(), t.threads()
loads = resident = 0


def free_ones():
    """Objects whose last versions are gone: as many as may be expected, for
    each question takes time. (ThreadSanitizer's own memory now and then keeps
    the address that a signal interrupted, and with it a version.)"""
    used = {v["file"] for m in ("left", "right") for v in t.versions(m)}
    free = [k for k, o in enumerate(objects) if not used & set(o.values())]
    return free if len(free) >= 8 else None


free = []
for n in range(ROUNDS - 16):
    free = free or until("old versions are freed", free_ones)
    k = free.pop(0)
    t.peer.call("code/atomicLoad", {"modules": [
        {"module": m, "file": f} for m, f in objects[k].items()]})
    loads += 1
    if loads == 100:
        resident = t.resident()
same("the last one is live, and no thread saw half a set", t.ask("stop"),
     "%d 0 1" % (k + 1))
if not SANITIZE:
    holds("memory grew by %d bytes" % (t.resident() - resident),
          t.resident() - resident < 5 << 20)
same("descriptors", t.descriptors(), fds)
same("threads", t.threads(), threads - 8)
t.end()
