# SPDX-License-Identifier: MIT
"""play.py SUITE.cases CASE: plays one conformance case on the code server and
on Erlang, and compares what comes of every operation with what is written.

A suite is text:

    # why
    case NAME: what it shows
        OPERATION WORDS... -> OUTCOME
        OPERATION WORDS... -> OUTCOME (erlang: OUTCOME; WHY WE DIFFER)

An outcome `-` means that the operation is left out on that side, where there is
no such thing; then too the reason stands there. `play.py SUITE.cases` lists the
names; with --table it prints every line of all cases that differ."""
import os
import re
import shutil
import subprocess
import sys

LINE = re.compile(r"^\t(?P<do>.+?) -> (?P<ours>[^(]*?)"
                  r"(?: \(erlang: (?P<erlang>[^;]*); (?P<why>.*)\))?$")


class Step:
    def __init__(self, match, number):
        self.do = match["do"].strip()
        self.ours = match["ours"].strip()
        self.erlang = (match["erlang"] or match["ours"]).strip()
        self.why = match["why"]
        self.number = number


def read(suite):
    """{case: [steps]}"""
    cases, steps = {}, None
    with open(suite) as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("case "):
                name = line.split()[1].rstrip(":")
                if name in cases:
                    sys.exit("%s:%d: %s is there already" % (suite, number,
                                                             name))
                steps = cases[name] = []
                continue
            match = LINE.match(line)
            if not match or steps is None:
                sys.exit("%s:%d: not understood: %s" % (suite, number, line))
            steps.append(Step(match, number))
    return cases


def versions(steps):
    """The pairs (module, key) that operations name."""
    found = set()
    for step in steps:
        words = step.do.split()
        if words[0] == "spoil":  # of what it makes its files
            found |= {(words[1], "1"), ("n", "1")}
        found |= {(m, k) for m, k in zip(words, words[1:])
                  if re.fullmatch("[m-q]", m) and re.fullmatch(r"\d[-a-z]*", k)}
        found |= {tuple(w.split(":")) for w in words
                  if re.fullmatch(r"[m-q]:\d[-a-z]*", w)}
    return found


def play(side, command, steps, outcome):
    """Plays STEPS with COMMAND; the lines that came out wrong."""
    steps = [s for s in steps if outcome(s) != "-"]
    where = os.path.abspath(side)
    os.makedirs(where, exist_ok=True)
    with open(os.path.join(where, "case"), "w") as f:
        f.writelines(s.do + "\n" for s in steps)
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True)
    got = done.stdout.splitlines()
    bad = []
    for i, s in enumerate(steps):
        answer = got[i] if i < len(got) else "(it had ended)"
        mark = "" if answer == outcome(s) else "  <-- wanted " + outcome(s)
        print("  %-8s %-40s -> %s%s" % (side, s.do, answer, mark))
        if mark:
            bad.append(s)
    if done.returncode:
        print("  %s ended with status %d" % (side, done.returncode))
    return len(bad) + (done.returncode != 0)


def main(suite, case, sides):
    from stage import Stage
    steps = read(suite)[case]
    stage, bad = Stage(), 0
    erl = shutil.which("erl")
    if "erlang" in sides and erl:
        erlang = stage.erlang(versions(steps))
        bad += play("erlang", ["erl", "-noinput", "-boot", "start_clean",
                               "-pa", stage.dir, "-run", "player", "main",
                               "case", erlang], steps, lambda s: s.erlang)
    if "c" in sides:
        ours = stage.c(versions(steps))
        bad += play("c", [stage.program, "case", ours], steps,
                    lambda s: s.ours)
    if not bad and "erlang" in sides and not erl:
        print("skip: no erl (./dev setup); the code server did as is written")
        return 77
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print("\n".join(read(sys.argv[1])))
    elif sys.argv[2] == "--table":
        for name, steps in read(sys.argv[1]).items():
            for step in steps:
                if step.why:
                    print("%s\t%s\t%s\t%s\t%s" % (
                        name, step.do, step.ours, step.erlang, step.why))
    else:
        sys.exit(main(sys.argv[1], sys.argv[2],
                      os.environ.get("HW_SIDES", "erlang c").split()))
