# SPDX-License-Identifier: MIT
# limit: 300
# address: no, what it remembers of the calls that made threads holds old code
"""Behaviours in a hot program: an idle server holds nothing and answers from
new code; one that a purge kills in a callback is started again, in new code;
system messages on the socket, and what they refuse."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import Target, build, holds, same, until
from peer import Peer, Refused

MAIN = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hotwatch/supervisor.h>
const struct hw_gen_server *server(void);
void special(void *arg);
static int start(void *arg, hw_pid *pid)
{
    struct hw_spawn_options o = {.name = arg, .link = true};
    return hw_gen_server_start(server, NULL, &o, -1, pid);
}
static int init(void *arg, struct hw_supervisor *s)
{
    static struct hw_child children[] = {
        {.id = "a", .start = start, .arg = "a"},
        {.id = "b", .start = start, .arg = "b"},
    };
    s->children = children;
    s->nchildren = 2;
    s->intensity = arg ? 2 : 100;
    return 0;
}
static void plain(void *arg)
{
    hw_receive(-1);
}
int main(int argc, char **argv)
{
    struct hw_spawn_options named = {.name = "top"};
    char line[100], name[50], text[50];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (hw_supervisor_start(init, argv[1], &named, NULL) < 0)
        return 1;
    hw_spawn_opt(plain, NULL, &(struct hw_spawn_options){.name = "plain"});
    hw_spawn_opt(special, NULL,
                 &(struct hw_spawn_options){.name = "special", .system = true});
    while (fgets(line, sizeof(line), stdin)) {
        struct hw_message *m;
        if (sscanf(line, "%49s %49s", name, text) != 2)
            return 2;
        if (!strcmp(text, "alive")) {
            printf("%d\n", hw_whereis(name) != 0);
        } else if (!strcmp(text, "busy")) {
            hw_gen_server_cast(hw_whereis(name), text, 5);
            puts("cast");
        } else if (hw_gen_server_call(hw_whereis(name), text,
                                      strlen(text) + 1, 20000, &m) < 0) {
            puts(hw_call_reason());
        } else {
            puts((char *)m->data);
            hw_message_free(m);
        }
    }
    return 0;
}
'''
SERVER = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hotwatch/gen_server.h>
#include <hotwatch/hot.h>
static int version(void) { return VERSION; }
volatile unsigned busy;
static void *call(void *state, const struct hw_message *m)
{
    char text[40];
    sprintf(text, "%d %d", version(), (int)(long)state);
    hw_gen_server_reply(m->ref, text, strlen(text) + 1);
    return (void *)((long)state + 1);
}
static void *cast(void *state, const struct hw_message *m)
{
    for (busy = 1;;)
        busy++;
    return state;
}
static int text(const void *state, char *text, size_t size)
{
    return snprintf(text, size, "calls %ld", (long)state);
}
#if VERSION > 0
static int change(void **state, const struct hw_sys_change *c)
{
    if (!strcmp(c->extra, "fail"))
        return -1;
    *state = (void *)(long)(1000 * VERSION);
    return strcmp(c->module, "server") ? -1 : 0;
}
static int parse(void **state, const char *text)
{
    *state = (void *)atol(text);
    return 0;
}
#endif
HW_GEN_SERVER(server, .handle_call = call, .handle_cast = cast,
              .sys = {.state_text = text,
#if VERSION > 0
                      .code_change = change, .state_parse = parse
#endif
                      })

void special(void *arg);
static const struct hw_special *table(void)
{
    static const struct hw_special s = {
        .sys = {.state_text = text}, .proceed = special};
    return &s;
}
static void *take(void *state)
{
    struct hw_message *m = hw_receive(-1);
    if (m->kind == HW_SYSTEM) {
        hw_sys_handle(m, table, state);
        return NULL;
    }
    state = call(state, m);
    hw_message_free(m);
    return state ? state : (void *)1l;
}
/* Goes on in new code with each message. */
void special(void *state)
{
    state = take(state ? state : (void *)1l);
    if (state)
        HOT(special)(state);
}
'''


def source(version):
    return SERVER.replace("VERSION", str(version))


def sys_order(method, **params):
    return t.peer.call("sys/" + method, params)


def refused(method, **params):
    return t.refused("sys/" + method, params)["reason"]


def old(name="server"):
    return [v for v in t.versions(name) if v["state"] == "old"]


def walk():
    same("at first", t.ask("a get"), "0 0")
    same("a special process", t.ask("special get"), "0 1")
    t.load("server", source(1))
    same("the idle server answers from new code", t.ask("a get"), "1 1")

    # special sits in hw_receive in the old version's take(); a and b hold
    # nothing.
    same("who holds it", [
        h.get("process_name") for m in t.peer.call("code/holders")["modules"]
        for h in m["holders"]], ["special"])
    sys_order("suspend", process="special")
    t.peer.call("code/softPurge", {"module": "server"})
    same("suspended it holds nothing", old(), [])
    sys_order("resume", process="special")
    same("and goes on in new code", t.ask("special get"), "1 2")

    # A callback that a version adds is there at once.
    same("not suspended", refused("changeCode", process="a",
                                  module="server"), "not_suspended")
    same("suspend", sys_order("suspend", process="a")["name"], "a")
    same("listed", [p["name"] for p in
                    t.peer.call("process/list")["processes"]
                    if p["state"] == "suspended"], ["a"])
    same("no such module", refused("changeCode", process="a",
                                   module="other"), "unknown_module")
    same("a code_change that fails",
         refused("changeCode", process="a", module="server", extra="fail"),
         "callback_failed")
    same("the state is kept", sys_order("getState", process="a")["state"],
         "calls 2")
    sys_order("changeCode", process="a", module="server", vsn="0")
    sys_order("resume", process="a")
    same("the new state", t.ask("a get"), "1 1000")
    sys_order("replaceState", process="a", state="7")
    same("replaced", t.ask("a get"), "1 7")

    same("no process", refused("suspend", process="nobody"), "noproc")
    same("no process of that number", refused("suspend", process=4000),
         "noproc")
    same("a plain process", refused("suspend", process="plain"), "not_special")
    same("a missing callback", refused("replaceState", process="special",
                                       state="1"), "undef")
    same("no statistics", refused("statistics", process="a"), "no_statistics")
    sys_order("statistics", process="a", count="on")
    t.ask("a get")
    counts = sys_order("statistics", process="a")
    same("counted", (counts["messages_in"], counts["messages_out"]), (1, 1))
    same("the supervisor",
         sys_order("getState", process="top")["state"].split(";")[0],
         "one_for_one, 100 restarts in 5 s")

    # Ended in a callback, by a purge: it starts again, in new code.
    same("busy", t.ask("b busy"), "cast")
    until("it is busy", lambda: [
        p for p in t.peer.call("process/list")["processes"]
        if p["name"] == "b" and p["state"] == "running"])
    same("it does not come to it",
         refused("suspend", process="b", timeout_ms=20), "timeout")
    held = [p["process"] for p in t.peer.call("process/list")["processes"]
            if p["name"] in ("b", "special")]
    t.load("server", source(2))
    same("killed", sorted(t.peer.call("code/purge", {"module": "server"})[
        "killed"]), held)
    until("its name is another's", lambda: t.ask("b alive") == "1")
    same("in new code, from the beginning", t.ask("b get"), "2 0")
    same("the other one was left alone", t.ask("a get"), "2 9")

    # One that ends while it is asked.
    same("busy again", t.ask("b busy"), "cast")
    said = []

    def ask():
        try:
            other.call("sys/getState", {"process": "b",
                                        "timeout_ms": 60000})
        except Refused as error:
            said.append(str(error))
    other = Peer(t.socket())
    thread = threading.Thread(target=ask)
    thread.start()
    until("it was asked", lambda: [
        p for p in t.peer.call("process/list")["processes"]
        if p["name"] == "b" and p["messages"]])
    t.load("server", source(3))
    t.peer.call("code/purge", {"module": "server"})
    thread.join(30)
    holds("it ended before it answered: %s" % said,
          said and "it ended before it answered (killed)" in said[0])


def walk_without_code():
    """Its module is deleted and nowhere to be found: the next message ends it,
    and so do all tries to start it again, until the supervisor gives up."""
    same("at first", t.ask("a get"), "0 0")
    for name in ("special", "plain"):
        t.ask(name + " get")
    # In this order: `special` calls its module after it has answered.
    os.rename(os.path.join("program.hot", t.module("server")["file"]),
              "gone.so")
    t.peer.call("code/delete", {"module": "server"})
    same("without code", t.ask("a get"), "undef")
    until("the supervisor gives up", lambda: not [
        p for p in t.peer.call("process/list")["processes"]
        if p["name"] in ("top", "a", "b")])


for flags in (("-O2",), ("-O0",)):
    build("program", {"main.c": MAIN, "server.c": source(0)}, flags)
    t = Target("./program")
    walk()
    t.end()
    t = Target("./program", "few restarts")
    walk_without_code()
    t.end()
