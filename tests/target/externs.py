# SPDX-License-Identifier: MIT
# sanitizers: address
"""Variables and types that several modules know: no two views of one storage
live together. Who has to come along is named, and it goes when all do."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

MAIN = r"""
#include <stdio.h>
int own(void);
int other(void);
int count(void);
int main(void)
{
    char line[100];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        int a = own(), b = other();
        printf("%d %d %d\n", a, b, count());
    }
    return 0;
}
"""
HEADER = r"""
struct state { %s int n; };
enum mode { OFF, ON };
struct node { %s int v; struct node *next; };
int own(void);
int other(void);
int count(void);
void visit(struct node *node);
"""
OWNER = HEADER + r"""
struct state state = {.n = 5};
__thread %s mine = 7;
enum mode mode = ON;
int own(void) { return state.n++ + (int)mine++ + (mode == ON ? 100 : 200); }
void visit(struct node *node) { node->v++; }
"""
OTHER = HEADER + r"""
extern struct state state;
extern __thread %s mine;
extern enum mode mode;
int other(void) { return state.n * 10 + (int)mine + (mode == ON); }
"""
LIST = HEADER + r"""
static struct node first, *list = &first;
int count(void) { visit(list); return list->v; }
"""

build("program", {
    "main.c": MAIN, "owner.c": OWNER % ("", "", "int"),
    "other.c": OTHER % ("", "", "int"), "list.c": LIST % ("", "")},
      ["-O2", "-g", "-w"])
t = Target("./program")
same("at first", t.ask("go"), "112 69 1")


def refuse(what, items, module, symbol, message):
    got = t.refused("code/atomicLoad", {"modules": [
        {"module": m, "file": t.make(m, x)} for m, x in items]}, what)
    same(what, [got["reason"], got["module"], got["symbol"], got["message"]],
         ["unsafe", module, symbol, message])


def together(symbol):
    return ("variable %s: its layout changed, and module other uses it too; "
            "load both at once, with force if the code of other is what it was"
            % symbol)


refuse("a member in front, its owner alone",
       [("owner", OWNER % ("long w;", "", "int"))], "other", "state",
       together("state"))
refuse("a thread-local that is wider, its owner alone",
       [("owner", OWNER % ("", "", "long"))], "other", "mine",
       together("mine"))
refuse("an enumerator's number, its owner alone",
       [("owner", (OWNER % ("", "", "int")).replace("OFF, ON", "ON, OFF"))],
       "other", "mode", together("mode"))
same("nothing has changed", t.ask("go"), "114 80 2")

# Both lead to the type; of visit's parameter less can be told.
refuse("a type behind pointers, of both modules",
       [("owner", OWNER % ("", "long w;", "int")),
        ("list", LIST % ("", "long w;"))], "list", "node",
       "list → node: member v moved 0 → 8; there may be a node in memory that "
       "was allocated; change it back, write a HOT_CODE_CHANGE, or restart")

t.peer.call("code/atomicLoad", {"modules": [
    {"module": "owner",
     "file": t.make("owner", (OWNER % ("long w;", "", "long"))
                    .replace("OFF, ON", "ON, OFF"))},
    {"module": "other",
     "file": t.make("other", (OTHER % ("long w;", "", "long"))
                    .replace("OFF, ON", "ON, OFF"))}]})
same("both at once", t.ask("go"), "116 91 3")
t.end()
