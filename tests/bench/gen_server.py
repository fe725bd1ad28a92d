# SPDX-License-Identifier: MIT
"""A call of a gen_server beside Erlang's, in one run: both are asked in turn,
many times. Prints JSON: {callers: {erlang, c: {median, low, high} in
nanoseconds a call, ratio: c / erlang}, "foreign": {c: ...}}."""
import json
import os
import subprocess

ROOT, BUILD = os.environ["ROOT"], os.environ["BUILD"]
HERE = os.path.join(ROOT, "tests", "bench")
ROUNDS, CALLS = 40, 2000


def start(*argv):
    return subprocess.Popen(argv, text=True, bufsize=1,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ask(side, callers):
    side.stdin.write("%d %d\n" % (callers, CALLS // max(callers, 1)))
    side.stdin.flush()
    return float(side.stdout.readline())


def spread(times):
    times = sorted(times)
    return {"median": times[len(times) // 2], "low": times[len(times) // 10],
            "high": times[len(times) * 9 // 10]}


def main():
    with open("hotwatch.json", "w") as f:
        f.write("{}\n")
    subprocess.run([os.path.join(BUILD, "hotwatch"), "cc", "-O2", "-g",
                    "-pthread", "-o", "target",
                    os.path.join(HERE, "gen-server-target.c")], check=True)
    subprocess.run(["erlc", os.path.join(HERE, "gen_server_bench.erl")],
                   check=True)
    sides = {"erlang": start("erl", "-noshell", "-run", "gen_server_bench",
                             "main"),
             "c": start("./target")}
    figures = {}
    for callers in (1, 8):
        times = {name: [] for name in sides}
        for side in sides.values():
            ask(side, callers)  # warm
        for _ in range(ROUNDS):
            for name, side in sides.items():
                times[name].append(ask(side, callers))
        of = {name: spread(t) for name, t in times.items()}
        of["ratio"] = of["c"]["median"] / of["erlang"]["median"]
        figures[callers] = of
    figures["foreign"] = {"c": spread([ask(sides["c"], 0)
                                       for _ in range(ROUNDS)])}
    for side in sides.values():
        side.stdin.close()
        side.wait(30)
    print(json.dumps(figures))


main()
