#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a save to live code: a file of fifty lines, in a program of two.
. "$(dirname "$0")/lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
int work(int x);
int main(void)
{
	getchar();
	return work(1) == 0;
}
END
{
	printf '#include <stdio.h>\n#include <string.h>\n#include <stdlib.h>\n'
	printf 'static int state[16];\n'
	for i in {0..9}; do
		printf 'int part%d(int x)\n{\n\tstate[%d] += x;\n' "$i" "$i"
		printf '\treturn state[%d] * %d;\n}\n' "$i" "$((i + 3))"
	done
	printf 'int work(int x)\n{\n\treturn part0(x) + part9(@N@);\n}\n'
} >p/work.c.template
sed 's/@N@/0/' p/work.c.template >p/work.c
(cd p && "$hw" cc -O2 -g main.c work.c -o p)
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
sync_watch
/usr/bin/python3 "$ROOT/tests/bench/saves.py" "$(watch_socket)" \
	"$(echo "$runtime"/targets/*.sock)" p/p.hot/manifest.json work 30 >figures.json
figure "save to live, 50 lines" "$(of .live <figures.json)" ms
figure "bare clang -c and ld" "$(of .bare <figures.json)" ms
figure "ratio" "$(of .ratio <figures.json)" "" max 1.25
for phase in wait compile link load; do
	figure "  of it: $phase" "$(of ".phases.$phase" <figures.json)" ms
done
figure "load step, ten functions" "$(of .inside <figures.json)" ms max 1
hang_up run
exit $over_limit
