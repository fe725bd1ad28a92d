# SPDX-License-Identifier: MIT
# sanitizers: address
"""Sockets over a process's life: fork makes a new one, exec and exit leave none
that answers, closing all descriptors does no harm."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import RUNTIME, Target, build, holds, same, until
from peer import Peer

MAIN = r'''
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int work(void);
int main(int argc, char **argv)
{
    char line[100];
    int child = 0, pipes[2];
    setvbuf(stdin, NULL, _IONBF, 0); /* an exec loses nothing */
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        if (!strcmp(line, "fork\n")) {
            if (pipe(pipes) < 0)
                return 1;
            child = fork();
            if (!child) {
                char c;
                close(pipes[1]);
                while (read(pipes[0], &c, 1) > 0)
                    dprintf(1, "child %d\n", work());
                exit(0);
            }
            close(pipes[0]);
            printf("%d\n", child);
        } else if (!strcmp(line, "child\n")) {
            if (write(pipes[1], "x", 1) != 1)
                return 2;
        } else if (!strcmp(line, "reap\n")) {
            close(pipes[1]);
            waitpid(child, NULL, 0);
            printf("reaped\n");
        } else if (!strcmp(line, "close\n")) {
            for (int i = 3; i < 1024; i++)
                close(i);
            close_range(3, ~0u, 0);
            printf("closed\n");
        } else if (!strcmp(line, "exec\n")) {
            execl("/bin/cat", "cat", NULL);
        } else if (!strcmp(line, "again\n")) {
            execv("/proc/self/exe", argv);
        } else {
            printf("%d %d\n", work(), argc);
        }
    }
    return 0;
}
'''
WORK = "int work(void) { static int n; return ++n; }\n"

build("program", {"main.c": MAIN, "work.c": WORK})
# A fork copies what the code server's thread was just using, and the child has
# no such thread: LeakSanitizer would call that a leak.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
t = Target("./program")
holds("no descriptor of ours is among the program's",
      t.descriptors() == ["0", "1", "2"])
same("at first", t.ask("go"), "1 1")
same("the socket is private",
     os.stat(t.socket()).st_mode & 0o777, 0o600)

same("all descriptors closed", t.ask("close"), "closed")
t.load("work", WORK.replace("++n", "++n + 10"))
same("loaded after that", t.ask("go"), "12 1")

child = int(t.ask("fork"))
path = os.path.join(RUNTIME, "targets", "%d.sock" % child)
until("the child's own socket", lambda: os.path.exists(path))
peer = until("the child answers", lambda: Peer(path))
same("the child's pid", peer.call("code/hello")["pid"], child)
same("the child's version",
     peer.call("code/which", {"module": "work"})["version"], 1)
peer.call("code/load", {"module": "work",
                        "file": t.make("work", WORK.replace("++n",
                                                            "++n + 20"))})
same("the child has its own code", t.ask("child"), "child 23")
same("the parent has not", t.ask("go"), "13 1")
same("the child ends", t.ask("reap"), "reaped")
holds("its socket went with it", not os.path.exists(path))

t.process.stdin.write("again\n")
t.process.stdin.flush()
same("an exec of itself begins anew", t.ask("go"), "1 1")
t.connect()
same("version", t.peer.call("code/which", {"module": "work"})["version"], 0)
t.process.stdin.write("exec\n")
t.process.stdin.flush()
same("cat answers now", t.ask("meow"), "meow")
try:
    Peer(t.socket())
    sys.exit("FAILED: the socket of an exec'd process answers")
except OSError:
    pass
t.end()

t = Target("./program")
path = t.socket()
t.end()
holds("exit removes the socket", not os.path.exists(path))
