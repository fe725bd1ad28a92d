# SPDX-License-Identifier: MIT
# limit: 300
# sanitizers: address
"""Who still needs an old version, by name: threads blocked and running, deep
below libc, in signal handlers and on other stacks; and who does not."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mod.h"

int wake[2][2], asleep[2];

static void *thread(void *arg)
{
    enter(atoi(arg));
    if (atoi(arg) == STALE)
        over_dead_stack();
    return NULL;
}

/* "KIND": a thread enters module `mod` that way, and says so when it is there;
 * "end": all leave it and end. */
int main(void)
{
    static pthread_t t[100];
    static char name[100][16];
    char line[100], c;
    int n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(wake[0]) || pipe(wake[1]) || pipe(asleep))
        return 1;
    while (fgets(line, sizeof(line), stdin)) {
        if (line[0] == 'e') {
            for (int i = 0; i < n; i++)
                if (write(wake[0][1], "x", 1) != 1)
                    return 1;
            __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
            while (n)
                pthread_join(t[--n], NULL);
            __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
            puts("ended");
            continue;
        }
        if (line[0] == 't') {
            for (int i = 0; i < ntrace; i++)
                printf("%lx ", ~trace[i]);
            puts("");
            continue;
        }
        snprintf(name[n], sizeof(name[n]), "%s", line);
        pthread_create(&t[n], NULL, thread, name[n]);
        pthread_setname_np(t[n], "holder");
        n++;
        if (read(asleep[0], &c, 1) != 1)
            return 1;
        puts("there");
    }
    return 0;
}
'''
HEADER = r'''
enum { READ, SPIN, QSORT, SIGNAL, DEEP, STALE, ALTSTACK, UCONTEXT, SETJMP,
       ASM, MASKED, WORD, ALIGNED };
void enter(int kind);
void other(void);
void over_dead_stack(void);
void aligned(void);
void by_assembly(void (*)(void));
extern const char *kept;
extern int wake[2][2], asleep[2];
extern volatile int stop;
extern unsigned long trace[64];
extern int ntrace;
'''
OTHER = r'''
#include <execinfo.h>
#include <unistd.h>
#include "mod.h"
volatile int stop;
const char *kept;
unsigned long trace[64];
int ntrace;
/* Blocks in a module that is not replaced; libgcc tells first what frames there
 * are. (Inverted: an address kept in memory is a holder.) */
void other(void)
{
    void *frames[64];
    char c;

    ntrace = backtrace(frames, 64);
    for (int i = 0; i < ntrace; i++)
        trace[i] = ~(unsigned long)frames[i];
    if (write(asleep[1], "x", 1) == 1 && read(wake[0][0], &c, 1) == 1)
        return;
}

/* How far below rbp its frame begins is told by no instruction. */
void aligned(void)
{
    _Alignas(64) char c[64];

    if (write(asleep[1], "x", 1) == 1 && read(wake[0][0], c, 1) == 1)
        return;
}

/* No call frame information, and no frame pointer. */
__asm__(".text\n"
        ".globl by_assembly\n"
        ".type by_assembly, @function\n"
        "by_assembly:\n"
        "sub $24, %rsp\n"
        "call *%rdi\n"
        "add $24, %rsp\n"
        "ret\n"
        ".size by_assembly, . - by_assembly\n");

/* Its frame lies where the calls of another module's deep() were, and does not
 * write there. */
void over_dead_stack(void)
{
    volatile char room[60000];

    room[0] = 1;
    other();
    room[1] = room[0];
}
'''
MOD = r'''
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include "mod.h"

/* A sanitizer keeps addresses of what it has instrumented. */
#pragma clang attribute push( \
    __attribute__((disable_sanitizer_instrumentation)), apply_to = function)

static volatile int version = VERSION;

static void tell(void)
{
    if (write(asleep[1], "x", 1) != 1)
        abort();
}

static void leave(void)
{
    char c;

    if (read(wake[0][0], &c, 1) != 1)
        abort();
}

static void block(void)
{
    tell();
    leave();
}

static void spin(void)
{
    tell();
    while (!stop)
        ;
    leave();
}

static int compare(const void *a, const void *b)
{
    static _Thread_local int once;

    if (!once++)
        other();
    return *(const int *)a - *(const int *)b;
}

static void sort(void)
{
    int v[64];

    for (int i = 0; i < 64; i++)
        v[i] = 64 - i;
    qsort(v, 64, sizeof(*v), compare);
}

static void handle(int sig)
{
    (void)sig;
    other();
}

static void by_signal(int flags)
{
    struct sigaction sa = {.sa_handler = handle, .sa_flags = flags};

    sigaction(SIGUSR1, &sa, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
}

static void on_altstack(void)
{
    stack_t s = {.ss_size = 1 << 16};

    s.ss_sp = malloc(s.ss_size);
    sigaltstack(&s, NULL);
    by_signal(SA_ONSTACK);
}

static volatile int deep_calls;

static __attribute__((noinline)) int deep(int n)
{
    volatile char fill[100];

    fill[0] = (char)n;
    if (n)
        return deep(n - 1) + fill[0];
    if (deep_calls)
        other();
    return fill[0];
}

static void masked(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    spin();
}

static jmp_buf outside, inside;

static void jump_out(void)
{
    if (!setjmp(inside))
        longjmp(outside, 1);
}

/* Leaves a coroutine by longjmp, where it waits in a jmp_buf. */
static void jumping(void)
{
    static ucontext_t c;

    getcontext(&c);
    c.uc_stack.ss_size = 1 << 16;
    c.uc_stack.ss_sp = malloc(c.uc_stack.ss_size);
    makecontext(&c, jump_out, 0);
    if (!setjmp(outside))
        setcontext(&c);
}

static ucontext_t back, routine;

static void routine_run(void)
{
    swapcontext(&routine, &back);
    other();
}

static void coroutine(void)
{
    getcontext(&routine);
    routine.uc_stack.ss_size = 1 << 16;
    routine.uc_stack.ss_sp = malloc(routine.uc_stack.ss_size);
    routine.uc_link = &back;
    makecontext(&routine, routine_run, 0);
    swapcontext(&back, &routine);
}

void enter(int kind)
{
    switch (kind) {
    case READ: block(); break;
    case SPIN: spin(); break;
    case QSORT: sort(); break;
    case SIGNAL: by_signal(0); break;
    case DEEP: deep_calls = 1; deep(5000); break;
    case ALTSTACK: on_altstack(); break;
    case UCONTEXT: coroutine(); block(); break;
    case SETJMP: jumping(); block(); break;
    case ASM: by_assembly(other); break;
    case MASKED: masked(); break;
    case STALE: deep_calls = 0; deep(200); break;
    case ALIGNED: aligned(); break;
    case WORD: kept = "of version NTH"; block(); break;
    }
    version++; /* no tail call */
}
#pragma clang attribute pop
'''
# what holds, by the ways into old code, and whether libgcc can tell the frames
KINDS = {
    "READ": (0, "frame", False),
    "SPIN": (1, "frame", False),
    "QSORT": (2, "frame", True),
    "SIGNAL": (3, "frame", True),
    "DEEP": (4, "frame", True),
    "ALTSTACK": (6, "frame", True),
    "UCONTEXT": (7, "pointer", False),
    "SETJMP": (8, "pointer", False),
    "ASM": (9, "unknown", False),
    "MASKED": (10, "unknown", False),
    "ALIGNED": (12, "frame", False),
}
STALE, WORD = 5, 11


def at(version):
    return MOD.replace("VERSION", str(version)).replace(
        "NTH", str(version))


class Program:
    def __init__(self, flags):
        build("program", {"mod.h": HEADER, "main.c": MAIN, "other.c": OTHER,
                          "mod.c": at(0)}, flags)
        self.what = " ".join(flags)
        self.target = Target("./program")
        self.version = 0

    def load(self):
        self.version += 1
        self.target.load("mod", at(self.version))

    def holders(self, version):
        got = self.target.peer.call("code/holders", {"module": "mod"})
        for m in got["modules"]:
            if m["version"] == version:
                return m["holders"]
        return []

    def gone(self, version):
        if SANITIZE:  # its memory keeps addresses of what has called it
            return
        until("%s: version %d is gone" % (self.what, version), lambda: not [
            v for v in self.target.versions("mod")
            if v["version"] == version and v["state"] != "fenced"])


def check_trace(p, kind, holder):
    """The frames from other() on are what libgcc said."""
    told = [int(a, 16) for a in p.target.ask("trace").split()]
    seen = [int(f["address"], 16) for f in holder["frames"]]
    # below are the calls that each made itself, and a sanitizer's
    first = next((a for a in told[:4] if a in seen[:4]), None)
    holds("%s %s: other() among %r" % (p.what, kind, holder["frames"]), first)
    seen = seen[seen.index(first):]
    told = told[told.index(first):]
    n = min(len(seen), len(told))
    same("%s %s: frames" % (p.what, kind), [hex(a) for a in seen[:n]],
         [hex(a) for a in told[:n]])
    holds("%s %s: %d frames" % (p.what, kind, n), n >= 5)


def check_kind(p, kind, number, wanted, traced):
    p.target.ask(str(number))
    held = p.version
    p.load()
    found = p.holders(held)
    what = "%s %s: %r" % (p.what, kind, found)
    holds(what, any(h["kind"] == wanted for h in found))
    if wanted != "pointer":
        if SANITIZE:
            found = [h for h in found if h["kind"] == wanted]
        same(what, len(found), 1)
        same(what, found[0]["thread"], "holder")
        same("%s: its id and since when" % what,
             [(h["id"], h["since"]) for h in p.holders(held)
              if h["kind"] == wanted],
             [(h["id"], h["since"]) for h in found])
    if kind == "SETJMP":
        holds(what, any(h.get("where") == "data" for h in found))
    if traced:
        check_trace(p, kind, found[0])
    p.target.ask("end")
    # what lies on a stack of the program's own making is memory, used or not
    if kind not in ("ALTSTACK", "UCONTEXT", "SETJMP"):
        p.gone(held)


def check_stale(p):
    """Return addresses that are left in dead slots of a live frame."""
    p.target.ask(str(STALE))
    held = p.version
    p.load()
    p.gone(held)
    p.target.ask("end")


def check_word(p):
    """A pointer to a string holds the string, and is found."""
    p.target.ask(str(WORD))
    held = p.version
    p.load()
    found = [h for h in p.holders(held) if h["kind"] == "pointer"]
    found = [h for h in found if h["where"] == "data"]
    same("%s: %r" % (p.what, found), [h["code"] for h in found], [False])
    holds("%r: in other" % found, "/other-" in found[0]["object"])
    p.target.ask("end")


for flags in (["-O2"], ["-O0"]):
    p = Program(flags)
    p.load()
    for kind, (number, wanted, traced) in KINDS.items():
        if SANITIZE and kind == "ALTSTACK":
            continue  # AddressSanitizer unmaps it, whose ever it is
        check_kind(p, kind, number, wanted, traced)
    check_stale(p)
    check_word(p)
    p.target.end()
