# SPDX-License-Identifier: MIT
# limit: 300
# sanitizers: address
"""What becomes of a variable when its declaration changes: each folder here is
one change (state.h says how), expect is what is told of the load and what the
program prints afterwards, word for word, at -O0 and at -O2.

All cases are modules of one program, so that they cost a compilation each and
not a process. "--write" writes what is seen to expect, for a person to read.

Under a sanitizer it is one of each kind, at -O2, but where the whole suite is
run like that (HOTWATCH_TESTS=sanitized)."""
import concurrent.futures
import difflib
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("ROOT", os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build
from peer import Refused

SAMPLE = """added array-grown-touched array-shrunk-something-lost bit-field-wider
command-table-conflict double-to-float enumerators-renumbered function-static
heap-member-renamed int-touched-same-initializer long-to-int-too-big
member-added-in-front pointer-touched static-becomes-global-and-wider
string-table-grown text-grown thread-local-does-not-fit thread-local-struct
thread-local-twice union-untouched""".split()

MAIN = r"""
#include <pthread.h>
#include "state.h"

__thread int worker;
%(externs)s
static const struct {
    const char *name;
    void (*touch)(void), (*show)(void);
} cases[] = {
%(rows)s
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int whose;
static void (*what)(void);

static void *work(void *arg)
{
    worker = (int)(intptr_t)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (whose != worker)
            pthread_cond_wait(&turn, &lock);
        what();
        whose = 0;
        pthread_cond_broadcast(&turn);
    }
    return NULL;
}

static void run(void (*fn)(void), int by)
{
    if (!by) {
        fn();
        return;
    }
    pthread_mutex_lock(&lock);
    what = fn;
    whose = by;
    pthread_cond_broadcast(&turn);
    while (whose)
        pthread_cond_wait(&turn, &lock);
    pthread_mutex_unlock(&lock);
}

int main(void)
{
    char line[200], how[16], name[100];
    int by;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (intptr_t i = 1; i <= 8; i++) {
        pthread_t t;
        pthread_create(&t, NULL, work, (void *)i);
    }
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "%%15s %%99s %%d", how, name, &by) != 3)
            continue;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
            if (!strcmp(cases[i].name, name))
                run(*how == 't' ? cases[i].touch : cases[i].show, by);
        puts(".");
    }
    return 0;
}
"""


def read(name, file):
    path = os.path.join(HERE, name, file)
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return f.read()


def module(name):
    return "case_" + name.replace("-", "_")


def source(name, file):
    text = read(name, file)
    if text is None:
        return None
    m = module(name)
    return ("#define touch %s_touch\n#define show %s_show\n#line 1\n%s"
            % (m, m, text))


def program(names):
    sources = {"state.h": open(os.path.join(HERE, "state.h")).read()}
    sources["main.c"] = MAIN % {
        "externs": "\n".join("void %s_touch(void), %s_show(void);" %
                             (module(n), module(n)) for n in names),
        "rows": ",\n".join('    {"%s", %s_touch, %s_show}' %
                           (n, module(n), module(n)) for n in names)}
    for n in names:
        sources[module(n) + ".c"] = source(n, "old.c")
        if read(n, "other-old.c"):
            sources[module(n) + "_other.c"] = read(n, "other-old.c")
    return sources


def versions(t, name):
    """The sets that NAME is reloaded with, as parameters of a load."""
    sets = []
    for file in ["new.c", "third.c"]:
        text = source(name, file)
        if text is None:
            continue
        items = [(module(name), text)]
        if file == "new.c" and read(name, "other-new.c"):
            items.append((module(name) + "_other", read(name, "other-new.c")))
        sets.append([{"module": m, "file": t.make(m, x)} for m, x in items])
    return sets


def bare(ident):
    return re.sub(r"^.*:", "", ident).replace("__emutls_v.", "")


def member(variable, path):
    return variable + ("" if not path or path[0] == "[" else ".") + path


def told(answer):
    """What a load says of variables, a line each."""
    for m in answer["modules"] if "modules" in answer else [answer]:
        for o in m["merged"]:
            yield "merged %s" % " ".join(
                [member(o["variable"], p) for p in o["members"]]
                or [o["variable"]])
        for o in m["conflicts"]:
            yield "conflict %s: live %s, new %s" % (
                member(o["variable"], o["member"]), o["live"], o["new"])
        for o in m["migrated"]:
            yield "migrated %s %d -> %d%s" % (
                o["variable"], o["from"], o["to"],
                "".join(" +" + p for p in o["added"]) +
                "".join(" -" + p for p in o["removed"]))
        for o in m["renamed"]:
            yield "renamed %s -> %s" % tuple(
                i.replace(m["module"].replace("_other", ""), "MODULE")
                for i in (o["from"], o["variable"]))
        for i in m["lost"]:
            yield "lost %s" % bare(i)


def play(t, name, sets):
    """Everything that is to be seen of one case."""
    workers = range(1, 9) if "worker" in read(name, "old.c") else [0]
    seen = []

    def say(what):
        for w in workers:
            t.process.stdin.write("%s %s %d\n" % (what, name, w))
            while (line := t.process.stdout.readline()) not in (".\n", ""):
                seen.append(line.rstrip("\n"))
            if not line:
                sys.exit("FAILED: %s: the program ended" % name)
    say("touch")
    for items in sets:
        try:
            seen += told(t.peer.call("code/atomicLoad", {"modules": items}))
        except Refused as error:
            data = json.loads(str(error))["data"]
            seen.append("%s: %s" % (data["reason"], re.sub(
                r"case_\w+", "MODULE", re.sub(r"0x[0-9a-f]+|thread \d+", "N",
                                              data["message"]))))
        say("show")
    return "".join(line + "\n" for line in seen)


def run(level, names, write):
    os.makedirs(level, exist_ok=True)
    os.chdir(level)
    build("program", program(names), ["-" + level, "-w"])
    t = Target("./program")
    jobs = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    ready = {n: jobs.submit(versions, t, n) for n in names}
    bad = 0
    for n in names:
        got = play(t, n, ready[n].result())
        wanted = read(n, "expect") or ""
        if write:
            with open(os.path.join(HERE, n, "expect"), "w") as f:
                f.write(got)
        elif got != wanted:
            bad += 1
            print("%s at -%s:" % (n, level))
            print("".join(difflib.unified_diff(
                wanted.splitlines(True), got.splitlines(True),
                "expect", "seen")))
    t.end()
    os.chdir("..")
    return bad


def main():
    write = "--write" in sys.argv
    only = [a for a in sys.argv[1:] if a[0] != "-"]
    names = sorted(n for n in os.listdir(HERE)
                   if os.path.isdir(os.path.join(HERE, n)) and
                   (not only or n in only) and n != "__pycache__")
    levels = ["O0", "O2"]
    if SANITIZE and not only and os.environ.get(
            "HOTWATCH_TESTS") != "sanitized":
        names, levels = SAMPLE, ["O2"]
    bad = sum(run(level, names, write) for level in levels)
    print("%d changes, at %s, %d not as expected" % (
        len(names), " and ".join(levels), bad))
    sys.exit(1 if bad else 0)


main()
