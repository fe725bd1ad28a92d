#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lua's run time, hot over native, on a script that does a bit of everything;
# and what of it is due to there being a second thread at all: malloc and stdio
# take locks from then on.
. "$(dirname "$0")/lib.sh"

"$ROOT/tests/fetch-sources" lua5.4 native
cp -r native lua
project lua
make -s -C native linux CC=clang-19 >/dev/null 2>&1
make -s -j2 -C lua linux CC="$hw cc" >/dev/null 2>&1

cat >sleeper.c <<'END'
#include <pthread.h>
#include <unistd.h>
static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}
__attribute__((constructor)) static void start(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, sleeper, NULL);
}
END
clang-19 -O2 -fPIC -shared sleeper.c -o sleeper.so

cat >work.lua <<'END'
for round = 1, 2 do
local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end
local t = {}
fib(27)
for i = 1, 300000 do t[i] = (i * 7919) % 300007 end
table.sort(t)
local parts = {}
for i = 1, 100000 do parts[#parts + 1] = string.format("%d:%s", i, t[i]) end
local s = table.concat(parts, ",")
local n = 0
for word in s:gmatch("%d+:%d*7") do n = n + #word end
s = s:gsub("1", "one"):upper():reverse()
local objects = {}
for i = 1, 200000 do objects[i % 5000] = { i, tostring(i), { x = i } } end
end
END

seconds() {
	/usr/bin/python3 -c 'import subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[1:], check=True)
print(time.monotonic() - began)' "$@"
}
for _ in {1..21}; do
	printf '%s %s %s\n' "$(seconds native/src/lua work.lua)" \
		"$(seconds lua/src/lua work.lua)" "$(seconds env \
			LD_PRELOAD="$PWD/sleeper.so" native/src/lua work.lua)"
done >times
column() {
	awk -v c="$1" '{ print $c }' times | sort -g | sed -n 11p
}
figure "Lua, native" "$(column 1)" s
figure "Lua, hot" "$(column 2)" s
figure "ratio" "$(awk -v n="$(column 1)" -v h="$(column 2)" \
	'BEGIN { printf "%.3f", h / n }')" "" max 1.06
figure "  of native with a thread that sleeps" "$(awk -v n="$(column 1)" \
	-v h="$(column 3)" 'BEGIN { printf "%.3f", h / n }')" ""
exit $over_limit
