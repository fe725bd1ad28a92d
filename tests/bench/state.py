# SPDX-License-Identifier: MIT
"""See state.sh."""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

MAIN = r"""
#include <stdio.h>
long work(void);
int main(void)
{
    char line[100];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin))
        printf("%ld\n", work());
    return 0;
}
"""
N = 500
LIMIT = 5.0  # ms


def work(round):
    """Half with another initializer each time, half with another type."""
    kind = ["short", "int", "long"][round % 3]
    text = "long work(void);\n"
    for i in range(N):
        text += "static int a%d = %d;\n" % (i, 1000 * round + i)
        text += ("static struct { int x; %s y; } b%d = {1, %d};\n"
                 % (kind, i, i))
    text += "long work(void)\n{\n    long sum = 0;\n"
    for i in range(N):
        text += "    sum += a%d + b%d.x++ + b%d.y;\n" % (i, i, i)
    return text + "    return sum;\n}\n"


build("program", {"main.c": MAIN, "work.c": work(0)})
t = Target("./program")
times = {"check": [], "bind": [], "publish": []}
for round in range(1, 7):
    t.ask("work")
    answer = t.load("work", work(round))
    same("merged", len(answer["merged"]), N)
    same("moved", len(answer["migrated"]), N)
    for phase, us in answer["microseconds"].items():
        if phase in times:
            times[phase].append(us / 1000)
t.end()
ms = {phase: statistics.median(values) for phase, values in times.items()}
print("1 000 variables: judged, planned      %8.2f ms" % ms["check"])
print("1 000 variables: bound                %8.2f ms" % ms["bind"])
print("1 000 variables: merged and moved     %8.2f ms  [limit %.1f ms]"
      % (ms["publish"], LIMIT))
sys.exit(ms["publish"] > LIMIT)
