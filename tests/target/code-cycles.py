# SPDX-License-Identifier: MIT
# limit: 300
# asan: quarantine_size_mb=0:thread_local_quarantine_size_kb=0 (what is kept back of the freed grows)
"""Ten thousand reloads and purges leave no more behind than a hundred."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
from guest import SANITIZE, Target, build, holds, same

CYCLES = 10000
# AddressSanitizer's allocator takes up to 1.5 MB, after a thousand and after all.
GROWTH = 3000000 if SANITIZE else 300000
MAIN = r'''
#include <hotwatch/code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int work(void);

/* "COUNT FILE FILE...": that many cycles through the files. */
int main(void)
{
	static char line[16384], *file[8];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		long n = strtol(strtok(line, " \n"), NULL, 10), bad = 0;
		int files = 0;

		while (files < 8 && (file[files] = strtok(NULL, " \n")))
			files++;
		for (long i = 0; i < n; i++) {
			bad += hw_code_load_abs("work", file[i % files]) != 0;
			bad += hw_code_soft_purge("work") != 1;
			bad += work() != 1 + i % files;
		}
		printf("%ld\n", bad);
	}
	return 0;
}
'''
WORK = r'''
static const int numbers[] = {VERSION, VERSION + 1};
static int calls;
int work(void) { return ++calls ? numbers[0] : 0; }
'''


def at(version):
    return WORK.replace("VERSION", str(version))


def link_maps(t):
    return len([line for line in t.images() if " 00000000 " in line])


build("program", {"main.c": MAIN, "work.c": at(0)})
t = Target("./program")
t.peer.stream.close()
t.peer.socket.close()  # nobody here reads the notifications
files = " ".join(t.make("work", at(i)) for i in (1, 2, 3))


def maps():
    """Their number; the kernel may join or part anonymous neighbours."""
    with open("/proc/%d/maps" % t.pid) as f:
        return f.readlines()


def state():
    return {"images": len(t.images()),
            "descriptors": t.descriptors(), "threads": t.threads(),
            "objects": link_maps(t)}


same("the first hundred", t.ask("100 " + files), "0")
before, mapped, resident = state(), maps(), t.resident()
same("the others", t.ask("%d %s" % (CYCLES - 100, files)), "0")
same("the same is mapped", state(), before)
holds("mappings: %s, then %s" % (mapped, maps()),
      len(maps()) <= len(mapped) + 3)
holds("resident memory grew by %d bytes" % (t.resident() - resident),
      t.resident() - resident < GROWTH)
t.end()
os.remove("program")
