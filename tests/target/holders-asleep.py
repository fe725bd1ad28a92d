# SPDX-License-Identifier: MIT
# limit: 200
# sanitizers: address
"""A process that sleeps in its mailbox says itself where its stack ends. That
is believed only as long as it is in that call: not while a handler of the
program's runs in between, on its stack or on another."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

HEADER = r'''
#include <hotwatch/process.h>
void sleep_in_old(void *arg);
void handle(int sig);
extern int wake[2];
'''
MAIN = r'''
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "mod.h"

int wake[2];

static void sleep_here(void *arg)
{
    stack_t s = {.ss_size = 1 << 16};

    if (arg) {
        s.ss_sp = malloc(s.ss_size);
        sigaltstack(&s, NULL);
    }
    for (;;)
        hw_message_free(hw_receive(-1));
}

static struct hw_process_info asleep(hw_pid pid)
{
    struct hw_process_info info;

    while (hw_process_info(pid, &info) == 0 && !info.waiting)
        usleep(100);
    return info;
}

/* "old": a process sleeps in module mod; "here", "alt": in main.c, where the
 * second has another stack for handlers; "signal": the last one gets one;
 * "leave": its handler returns; "message": the last one gets one. */
int main(void)
{
    struct sigaction sa = {.sa_flags = SA_RESTART | SA_ONSTACK};
    char line[100];
    hw_pid pid = 0;

    sa.sa_handler = handle;
    sigaction(SIGUSR1, &sa, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(wake))
        return 1;
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] == 'o')
            pid = hw_spawn(sleep_in_old, NULL);
        if (line[0] == 'h' || line[0] == 'a')
            pid = hw_spawn(sleep_here, line[0] == 'a' ? main : NULL);
        if (line[0] == 's')
            syscall(SYS_tgkill, getpid(), asleep(pid).tid, SIGUSR1);
        else if (line[0] == 'l' && write(wake[1], "x", 1) != 1)
            return 1;
        else if (line[0] == 'm')
            hw_send(pid, "x", 1);
        if (line[0] != 's') /* then the handler does */
            printf("%d\n", (int)asleep(pid).tid);
    }
    return 0;
}
'''
MOD = r'''
#include <stdio.h>
#include <unistd.h>
#include "mod.h"

static volatile int version = VERSION;

void sleep_in_old(void *arg)
{
    (void)arg;
    for (;;)
        hw_message_free(hw_receive(-1));
}

void handle(int sig)
{
    char c;

    (void)sig;
    if (write(1, "there\n", 6) != 6)
        return;
    if (read(wake[0], &c, 1) == 1)
        version++;
}
'''


def at(version):
    return MOD.replace("VERSION", str(version))


class Program:
    def __init__(self, flags):
        build("program", {"mod.h": HEADER, "main.c": MAIN, "mod.c": at(0)},
              flags)
        self.what = " ".join(flags)
        self.target = Target("./program")
        self.version = 0
        self.load()

    def load(self):
        self.version += 1
        self.target.load("mod", at(self.version))

    def frames(self, version):
        """Who has a frame in VERSION: {tid: its modules' objects}."""
        got = self.target.peer.call("code/holders", {"module": "mod"})
        return {h["tid"]: h["frames"] for m in got["modules"]
                for h in m["holders"]
                if m["version"] == version and h["kind"] == "frame"}

    def unknown(self, version):
        got = self.target.peer.call("code/holders", {"module": "mod"})
        return [h for m in got["modules"] for h in m["holders"]
                if m["version"] == version and h["kind"] == "unknown"]


def check_old(p):
    """It sleeps below old code, and does so again and again."""
    tid = int(p.target.ask("old"))
    held = p.version
    p.load()
    for _ in range(3):
        frames = p.frames(held)
        same("%s: in old code" % p.what, list(frames), [tid])
        holds("%s: %r" % (p.what, frames), len(frames[tid]) >= 3)
        same("%s: soft purge" % p.what, p.target.peer.call(
            "code/softPurge", {"module": "mod"})["purged"], False)
        p.target.ask("message")


def check_handler(p, kind):
    tid = int(p.target.ask(kind))
    held = p.version
    # the look before: nothing is where it sleeps
    same("%s %s: asleep" % (p.what, kind), p.frames(held), {})
    same("%s %s: there" % (p.what, kind), p.target.ask("signal"), "there")
    p.load()
    same("%s %s: in the handler" % (p.what, kind), list(p.frames(held)), [tid])
    same("%s %s: soft purge" % (p.what, kind), p.target.peer.call(
        "code/softPurge", {"module": "mod"})["purged"], False)
    p.target.ask("leave")
    until("%s %s: it sleeps again" % (p.what, kind),
          lambda: not p.frames(held) and not p.unknown(held))


for flags in (["-O2"], ["-O0"]):
    p = Program(flags)
    check_old(p)
    check_handler(p, "here")
    if not SANITIZE:  # it keeps addresses of code, and unmaps such a stack
        same("%s: purge" % p.what, p.target.peer.call(
            "code/purge", {"module": "mod"})["purged"], True)
        check_handler(p, "alt")
    p.target.process.kill()
    p.target.process.wait(30)
