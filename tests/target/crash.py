# SPDX-License-Identifier: MIT
# sanitizers: address thread
"""A program that crashes after a purge ends as it would have without hotwatch:
by the signal, with nothing said, or with its sanitizer's report."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same, until

MAIN = r'''
#include <stdio.h>
int work(void);
__attribute__((noinline)) int crash(int *p) { return *(volatile int *)p; }
int main(void)
{
    char line[100];

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin))
        printf("%d\n", line[0] == 'c' ? crash(NULL) : work());
    return 0;
}
'''
# A sanitizer's memory of return addresses would keep a version.
WORK = "__attribute__((disable_sanitizer_instrumentation)) " \
       "int work(void) { return %d; }\n"

build("program", {"main.c": MAIN, "work.c": WORK % 0})
t = Target("./program", stderr=subprocess.PIPE)
for version in 1, 2:
    t.load("work", WORK % version)
    same("the new version answers", t.ask("work"), str(version))
until("the first one loaded is purged",
      lambda: [v["version"] for v in t.versions("work")] == [2, 0])
t.process.stdin.write("crash\n")
said, status = t.process.stderr.read(), t.process.wait(30)
if SANITIZE:
    holds("the sanitizer reports: %r" % said, "SEGV on unknown addr" in said)
    holds("and ends the program: %d" % status, status > 0)
else:
    same("nothing is said", said, "")
    same("the program's status", status, -11)
