# SPDX-License-Identifier: MIT
# sanitizers: address
"""A load that cannot be done is refused by name, and nothing of it stays."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

MAIN = r'''
#include <stdio.h>
int work(void);
int main(void)
{
    char line[100];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin))
        printf("%d\n", work());
    return 0;
}
'''
WORK = r'''
struct pair { int a, b; };
static struct pair state = {1, 2};
static struct pair *where = &state;
static __thread int mine = 3;
int work(void) { return ++state.a * 10 + where->b + mine; }
'''

build("program", {"main.c": MAIN, "work.c": WORK})
t = Target("./program")
same("before", t.ask("go"), "25")
t.load("work", WORK.replace("* 10", "* 100"))
same("a good one", t.ask("go"), "305")
good = t.make("work", WORK.replace("* 10", "* 1000"))
images, fds, threads = t.images(), t.descriptors(), t.threads()
answer = [3]


def unharmed(what):
    answer[0] += 1
    same("the program after " + what, t.ask("go"),
         str(answer[0] * 100 + 5))
    same("mappings after " + what, t.images(), images)
    same("descriptors after " + what, t.descriptors(), fds)
    same("threads after " + what, t.threads(), threads)
    same("current after " + what,
         t.peer.call("code/which", {"module": "work"})["version"], 1)


def refuse(what, reason, file, module="work", symbol=None):
    data = t.refused("code/load", {"module": module, "file": file}, what)
    same("the reason for " + what, data["reason"], reason)
    if symbol:
        same("the symbol for " + what, data.get("symbol"), symbol)
    unharmed(what)


def variant(name, change):
    with open(good, "rb") as f:
        data = bytearray(f.read())
    changed = change(data)
    data = data if changed is None else changed
    path = os.path.abspath(name + ".so")
    with open(path, "wb") as f:
        f.write(data)
    return path


def truncate(at):
    return lambda data: data[:at]


def flip(at):
    def change(data):
        data[at] ^= 0x10
    return change


size = os.path.getsize(good)
refuse("a missing file", "nofile", "/nowhere/at/all.so")
refuse("a folder", "badfile", "/")
refuse("an empty file", "badfile", variant("empty", truncate(0)))
for at in (10, 63, 64, 500, size // 4, size // 2, size - 64, size - 1):
    refuse("a file cut at %d" % at, "badfile",
           variant("cut%d" % at, truncate(at)))
for at in (0, 4, 5, 16, 18, 32, 40, 60, *range(300, size, size // 20)):
    refuse("a bit flipped at %d" % at, "badfile",
           variant("flip%d" % at, flip(at)))


def other_machine(data):
    data[18:20] = (183).to_bytes(2, "little")


refuse("an object of another machine", "badfile",
       variant("arm", other_machine))
refuse("a foreign library", "badfile", "/lib/x86_64-linux-gnu/libm.so.6")
refuse("another module's object", "badfile", good, module="main")
refuse("an unknown module", "unknown_module", good, module="nobody")
data = t.refused("code/atomicLoad",
                 {"modules": [{"module": "work", "file": good}] * 2})
same("a module named twice", data["reason"], "duplicated")
unharmed("a module named twice")

refuse("a variable of another kind", "unsafe",
       t.make("work", WORK.replace("int a, b;", "struct { int v; } a; int b;")
              .replace("state.a", "state.a.v").replace("{1, 2}", "{{1}, 2}")),
       symbol="state")
refuse("a type behind a pointer", "unsafe",
       t.make("work", WORK.replace("int a, b;", "int a; long b;")
              .replace("return ", "return (int)(").replace(" + mine;",
                                                           " + mine);")),
       symbol="pair")
refuse("an undefined symbol", "badfile",
       t.make("work", WORK.replace("int work(void) {",
                                   "int absent(void); int work(void) { "
                                   "return absent(); ")), symbol="absent")

# One bad module spoils the set: nothing of it is loaded.
data = t.refused("code/atomicLoad", {"modules": [
    {"module": "work", "file": good},
    {"module": "main", "file": "/nowhere.so"}]})
same("a set with a bad one", data["reason"], "nofile")
unharmed("a set with a bad one")

t.peer.call("code/load", {"module": "work", "file": good})
same("a good one after all that", t.ask("go"),
     str((answer[0] + 1) * 1000 + 5))
t.end()
