# SPDX-License-Identifier: MIT
"""A counter that is edited twice while its process loops locally: under refuse
the third load is not_purged, under linger the held version is kept beside the
new ones, under kill the process is ended, and who monitors it hears killed."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until

MAIN = r'''
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <hotwatch/process.h>
void counter(void *arg);

/* Asks the counter what is on each line of standard input. */
static void front(void *arg)
{
    struct hw_message *m;
    char line[100];
    hw_pid pid = hw_spawn(counter, NULL);

    (void)arg;
    hw_monitor(pid);
    while (fgets(line, sizeof(line), stdin)) {
        hw_send(pid, line, strlen(line) + 1);
        m = hw_receive(-1);
        if (m->kind == HW_DOWN)
            printf("down: %s\n", m->reason);
        else
            printf("%s\n", (char *)m->data);
        hw_message_free(m);
    }
    _exit(0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    hw_spawn(front, NULL);
    for (;;)
        pause();
}
'''
COUNTER = r'''
#include <stdio.h>
#include <string.h>
#include <hotwatch/process.h>
static int sum;
void counter(void *arg)
{
    struct hw_message *m;
    char answer[40];

    (void)arg;
    for (;;) {
        m = hw_receive(-1);
        sum++;
        snprintf(answer, sizeof(answer), "version %d, sum %d", VERSION, sum);
        hw_send(m->from, answer, strlen(answer) + 1);
        hw_message_free(m);
    }
}
'''


def version(n):
    return COUNTER.replace("VERSION", str(n))


def load(t, n, on_held):
    return {"module": "counter", "file": t.make("counter", version(n)),
            "on_held": on_held}


def start():
    t = Target("./program")
    same("at first", t.ask("count"), "version 0, sum 1")
    t.load("counter", version(1))
    same("it loops where it is", t.ask("count"), "version 0, sum 2")
    return t


def numbers(t):
    return sorted(v["version"] for v in t.versions("counter")
                  if v["state"] in ("current", "old", "lingering"))


build("program", {"main.c": MAIN, "counter.c": version(0)})

t = start()
data = t.refused("code/load", load(t, 2, "refuse"))
same("the third load, refused", data["reason"], "not_purged")
same("nothing has changed", numbers(t), [0, 1])
same("nobody was killed", t.ask("count"), "version 0, sum 3")
t.end()

t = start()
loaded = t.peer.call("code/load", load(t, 2, "linger"))
same("the third load, lingering", loaded["version"], 2)
until("only what is held is kept", lambda: numbers(t) == [0, 2])
held = t.peer.call("code/holders", {"module": "counter"})["modules"]
same("who is held", [h["version"] for h in held], [0])
same("by what", {h["kind"] for h in held[0]["holders"]}, {"frame"})
holds("a process", held[0]["holders"][0]["process"] > 0)
same("the process goes on", t.ask("count"), "version 0, sum 3")
loaded = t.peer.call("code/load", load(t, 3, "linger"))
until("and after the next", lambda: numbers(t) == [0, 3])
t.end()

t = start()
bad = load(t, 2, "kill")
with open(bad["file"], "r+b") as f:
    f.truncate(1000)
same("nobody dies for a bad object",
     t.refused("code/load", bad)["reason"], "badfile")
same("it goes on", t.ask("count"), "version 0, sum 3")
loaded = t.peer.call("code/load", load(t, 2, "kill"))
same("the third load, killing", loaded["version"], 2)
killed = [pid for fate in loaded["purged"] for pid in fate.get("killed", [])]
same("one was killed", len(killed), 1)
same("its monitor hears it", t.ask("count"), "down: killed")
until("only the new code is left", lambda: numbers(t) == [2])
t.end()
