# SPDX-License-Identifier: MIT
"""An object is mapped where it was linked for. If something is there the load
is refused, nothing has changed, and who has the place is named. A version that
is still mapped needs no place: a rollback to it works."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until

MAIN = r'''
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
int work(void);

/* "take ADDRESS FILE": maps it there (FILE "-": anonymous memory); "give
 * ADDRESS"; else what work says. */
int main(void)
{
    char line[4000], file[3000];
    void *at, *got;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "take %p %2999s", &at, file) == 2) {
            int fd = open(file, O_RDONLY);

            got = mmap(at, 4096, PROT_READ, MAP_PRIVATE |
                       MAP_FIXED_NOREPLACE | (fd < 0 ? MAP_ANONYMOUS : 0),
                       fd, 0);
            puts(got == at ? "taken" : "not taken");
        } else if (sscanf(line, "give %p", &at) == 1) {
            puts(munmap(at, 4096) ? "not given" : "given");
        } else {
            printf("%d\n", work());
        }
    }
    return 0;
}
'''
WORK = "int work(void) { return %d; }\n"


def refused(method, params, *parts):
    data = t.refused(method, params)
    same("the reason", data["reason"], "misplaced")
    for part in parts:
        holds("%r in %r" % (part, data["message"]), part in data["message"])


build("program", {"main.c": MAIN, "work.c": WORK % 0})
t = Target("./program")
one = t.make("work", WORK % 1)
base = hex(t.base)
there = os.path.abspath("main.c")

same("take", t.ask("take %s %s" % (base, there)), "taken")
refused("code/load", {"module": "work", "file": one}, base, one, there)
same("nothing was loaded", t.ask("work"), "0")
same("give", t.ask("give " + base), "given")
same("take", t.ask("take %s -" % base), "taken")
refused("code/load", {"module": "work", "file": one}, base, "without a name")
same("give", t.ask("give " + base), "given")
t.peer.call("code/load", {"module": "work", "file": one})
same("it is there", t.ask("work"), "1")

# version 0 stays where it is; version 1 goes, and its place is another's
same("rollback", t.peer.call("code/rollback",
                             {"module": "work", "to": 0})["unchanged"], False)
same("version 0 again", t.ask("work"), "0")
until("version 1 is gone",
      lambda: len(t.versions("work")) == 1 and not t.peer.call(
          "code/holders", {"module": "work"})["modules"])
same("take", t.ask("take %s %s" % (base, there)), "taken")
refused("code/rollback", {"module": "work", "to": 1}, base, there)
same("still version 0", t.ask("work"), "0")
t.load("work", WORK % 2)
same("another place", t.ask("work"), "2")
t.peer.call("code/rollback", {"module": "work", "to": 0})
same("version 0, whose place is its own", t.ask("work"), "0")
t.end()
