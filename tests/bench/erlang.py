# SPDX-License-Identifier: MIT
"""The code server beside Erlang, in one run: both are asked in turn, a few
times each, and each does the same with the same ten modules. Prints JSON:
{what: {erlang, c: median in microseconds, spread: [lowest, highest tenth] of
each, ratio: c / erlang}}."""
import json
import os
import subprocess
import sys

ROOT, BUILD = os.environ["ROOT"], os.environ["BUILD"]
HW = os.path.join(BUILD, "hotwatch")
HERE = os.path.join(ROOT, "tests", "bench")
MODULES = ["b%d" % i for i in range(10)]
ROUNDS = {"load_file": (10, 20), "load_and_soft_purge": (10, 20),
          "atomic_load": (10, 5), "purge_kills": (10, 1),
          "purge_past": (10, 3)}

C = """
#include <hotwatch/process.h>
int %(name)s_version(void) { return %(version)d; }
void %(name)s_local(void *arg)
{
    struct hw_message *m;
    (void)arg;
    while ((m = hw_receive(-1)))
        hw_message_free(m);
}
"""
ERLANG = """
-module(%(name)s).
-export([version/0, local/0]).
version() -> %(version)d.
local() -> receive _ -> local() end.
"""


def run(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True,
                          **more).stdout.strip()


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def make_erlang():
    for m in MODULES:
        for v in (1, 2):
            write("erlang/%d/%s.erl" % (v, m), ERLANG % {"name": m,
                                                         "version": v})
    for v in (1, 2):
        run("erlc", "-o", ".", *(m + ".erl" for m in MODULES),
            cwd="erlang/%d" % v)
    os.makedirs("erlang/path")
    run("erlc", "-o", "erlang", os.path.join(HERE, "erlang_bench.erl"))


def make_c():
    write("c/hotwatch.json", "{}\n")
    for m in MODULES:
        write("c/%s.c" % m, C % {"name": m, "version": 0})
    run(HW, "cc", "-O2", "-g", "-pthread", "-o", "target",
        os.path.join(HERE, "erlang-target.c"), *(m + ".c" for m in MODULES),
        cwd="c")
    with open("c/target.hot/manifest.json") as f:
        how = {os.path.basename(m["name"]): m
               for m in json.load(f)["modules"]}
    base = 0x550040000000
    for v in (1, 2):
        os.makedirs("c/%d" % v)
        for m in MODULES:
            write("c/%s.c" % m, C % {"name": m, "version": v})
            obj = os.path.abspath("c/%d/%s.o" % (v, m))
            run(*how[m]["command"], "-o", obj, cwd=how[m]["dir"])
            made = run(os.path.join(BUILD, "tests", "module-link"), obj,
                       how[m]["name"], hex(base), "c/%d" % v,
                       os.path.join(BUILD, "codeserver", "libcodeserver.so"))
            os.rename(made, "c/%d/%s.so" % (v, m))
            base += 0x100000
    os.makedirs("c/path")


def start(where, *argv):
    return subprocess.Popen(argv, cwd=where, text=True, bufsize=1,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ask(side, what, count):
    side.stdin.write("%s %d\n" % (what, count))
    side.stdin.flush()
    line = side.stdout.readline()
    times = [float(word) for word in line.split()]
    if len(times) != count:
        sys.exit("%s %d: it said: %s" % (what, count, line))
    return times


def at(times, part):
    return sorted(times)[int(part * (len(times) - 1))]


def main():
    make_erlang()
    make_c()
    sides = {"erlang": start("erlang", "erl", "-noshell",
                             "-run", "erlang_bench", "main"),
             "c": start("c", "./target")}
    figures = {}
    for what, (rounds, count) in ROUNDS.items():
        times = {name: [] for name in sides}
        for name, side in sides.items():
            ask(side, what, 1)  # warm
        for _ in range(rounds):
            for name, side in sides.items():
                times[name] += ask(side, what, count)
        figures[what] = {
            name: {"median": at(t, 0.5), "low": at(t, 0.1), "high": at(t, 0.9)}
            for name, t in times.items()}
        figures[what]["ratio"] = at(times["c"], 0.5) / at(times["erlang"], 0.5)
    for side in sides.values():
        side.stdin.close()
        side.wait(30)
    print(json.dumps(figures))


main()
