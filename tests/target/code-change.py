# SPDX-License-Identifier: MIT
# limit: 200
# asan: detect_leaks=0 (what is converted is left)
"""HOT_CODE_CHANGE: what it is given, on the way up and back; and that nothing
is left of one that fails, dies, or does not return."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, same

MAIN = r"""
#include <stdio.h>
int work(void);
void state(char *, unsigned long);
int main(void)
{
    char line[100], text[200];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        if (*line == 'w')
            work();
        state(text, sizeof(text));
        puts(text);
    }
    return 0;
}
"""
V0 = r"""
#include <stdio.h>
#include <stdlib.h>
struct node { int v; struct node *next; };
static struct node *list;
static int sum = 0, plain = 1;
static struct { int x, y; } pair = {1, 2};
int work(void);
void state(char *, unsigned long);
int work(void)
{
    struct node *n = malloc(sizeof(*n));
    n->v = ++plain;
    n->next = list;
    list = n;
    pair.x++;
    return sum += n->v;
}
void state(char *text, unsigned long size)
{
    snprintf(text, size, "v0 %d %d %d %d %d", sum, plain, pair.x, pair.y,
             list ? list->v : -1);
}
"""
# The list's nodes get another layout, pair a member; the rest is by hand.
V1 = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <hotwatch/hot.h>
#include <hotwatch/code.h>
struct node { long before, v; struct node *next; };
static struct node *list;
static int sum = 0, plain = 1;
static struct { int x, y, z; } pair = {1, 2, 3};
static char seen[64];
int work(void);
void state(char *, unsigned long);
struct old_node { int v; struct old_node *next; };
static int to_new(const struct old_node *o, struct node **to)
{
    for (; o; o = o->next, to = &(*to)->next) {
        *to = calloc(1, sizeof(**to));
        (*to)->v = o->v;
        (*to)->before = 7;
    }
    *to = NULL;
    return 0;
}
static int back(struct old_node **to)
{
    for (struct node *n = list; n; n = n->next, to = &(*to)->next) {
        *to = calloc(1, sizeof(**to));
        (*to)->v = (int)n->v;
    }
    *to = NULL;
    return 0;
}
static int change(const struct hw_change *c)
{
    const struct old_node *const *was = hw_change_old(c, "list", NULL);
    unsigned long size;
    struct { int x, y; } old;
    snprintf(seen, sizeof(seen), "%s %d %s", c->module, c->down, c->extra);
    if (c->down)
        return back(hw_change_new(c, "list", NULL));
    memcpy(&old, hw_change_old(c, "pair", &size), sizeof(old));
    if (size != sizeof(old) || old.x != pair.x)
        return 100;
    to_new(*was, &list);
    pair.z = old.x + old.y;
    plain = -plain;
    HOW
}
HOT_CODE_CHANGE(change);
int work(void)
{
    struct node *n = malloc(sizeof(*n));
    n->v = --plain;
    n->next = list;
    list = n;
    pair.z++;
    return sum += (int)n->v;
}
void state(char *text, unsigned long size)
{
    snprintf(text, size, "v1 %d %d %d %d %d %ld %s", sum, plain, pair.x,
             pair.y, pair.z, list ? list->v + list->before : -1, seen);
}
"""

build("program", {"main.c": MAIN, "work.c": V0}, ["-O2", "-g"])
t = Target("./program")
same("the first version", t.ask("work"), "v0 2 2 2 2 2")
same("and again", t.ask("work"), "v0 5 3 3 2 3")


def load(how, **more):
    file = t.make("work", V1.replace("HOW", how))
    return dict({"module": "work", "file": file}, **more)


refused = t.refused("code/load", {"module": "work", "file": t.make(
    "work", V1.replace("HOT_CODE_CHANGE(change);", "").replace(
        "HOW", "return 0;").replace("static int change(",
                                    "int change(const struct hw_change *);\n"
                                    "int change("))})
same("without it", refused["reason"], "unsafe")
same("what is behind a pointer", refused["symbol"], "node")

for how, why in [
        ("return 3;", "work: its code_change returned 3, not 0; code and "
         "variables are as they were"),
        ("hw_exit_self(\"enough\"); return 0;",
         "work: its code_change did not return; code and variables are as "
         "they were"),
        ("for (;;) pause();", "work: its code_change did not return in 5000 "
         "ms; code and variables are as they were")]:
    refused = t.refused("code/load", load(how), how)
    same("the reason of " + how, refused["reason"], "code_change_failed")
    same("the message of " + how, refused["message"], why)
    same("the state after " + how, t.ask("state"), "v0 5 3 3 2 3")

answer = t.peer.call("code/load", load("return 0;", extra="hello"))
same("the variables that moved", [
    (m["variable"], m["from"], m["to"], m["added"])
    for m in answer["migrated"]], [("pair", 8, 12, ["z"])])
same("the changed state", t.ask("state"), "v1 5 -3 3 2 5 10 work 0 hello")
# What malloc gives is not zeroed: only what work sets is looked at.
same("which works", t.ask("work").split()[:6], "v1 1 -4 3 2 6".split())
t.peer.call("code/rollback", {"module": "work", "extra": "back"})
same("the way back", t.ask("state"), "v0 1 -4 3 2 -4")
same("and it works", t.ask("work"), "v0 -2 -3 4 2 -3")
t.end()
