#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 400
# slow: the build of Lua
# sanitizers: address
#
# Lua 5.4.4 as Debian has its source, built hot with no change: its scripts run
# the same hot and native, and its REPL keeps its globals while its string
# library changes under it.
. "$(dirname "$0")/../lib.sh"

"$ROOT/tests/fetch-sources" lua5.4 native >fetch.log 2>&1 ||
	skip "no source of Lua: $(tail -n 1 fetch.log)"
cp -r native lua
project lua

step "make CC=\"hotwatch cc\""
make -s -C native linux CC=clang-19 MYLDFLAGS= >native.log 2>&1 ||
	fail "the native build: $(tail -n 20 native.log)"
# shellcheck disable=SC2086
make -s -j2 -C lua linux CC="$hw cc" >hot.log 2>&1 ||
	fail "the hot build: $(tail -n 20 hot.log)"
modules=$(jq '.modules | length' lua/src/lua.hot/manifest.json)
expect_eq "modules of lua" "$modules" 33

step "scripts give the same, hot and native"
cat >script.lua <<'END'
local t = {}
for i = 1, 2000 do t[i] = (i * 7919) % 2003 end
table.sort(t)
print(#t, t[1], t[1000], t[2000])
print(string.format("%5.2f %q %s", math.pi, "a\nb", tostring(nil)))
print(("hello world"):gsub("o", "0"), ("x"):rep(3, ","))
print(select("#", string.byte("abcdef", 1, -1)), utf8.char(228, 8364))
print(pcall(error, { code = 1 }), pcall(string.rep, "x", -1))
print(xpcall(function() local x = nil; return x.y end, debug.traceback))
local co = coroutine.wrap(function(a)
  while true do a = coroutine.yield(a * 2) end
end)
print(co(1), co(2), co(3))
print(load("return 1 + 2 * 3")(), 7 // 2, 7 % -3, 2 ^ 10, 1 << 40)
local mt = setmetatable({}, { __index = function(_, k) return k .. "!" end,
  __close = function() print("closed") end })
do local c <close> = mt; print(c.key) end
collectgarbage() print(collectgarbage("count") > 0, os.time() > 0)
print(string.pack("<i4", 100):byte(1, -1))
goto done
print("not reached")
::done::
print(require("string") == string, package.config:sub(1, 1))
END
for lua in native lua; do
	(cd "$lua/src" && ./lua ../../script.lua) >"$lua.answer" 2>&1
done
same_file "the script's output" lua.answer native.answer
for lua in native lua; do
	"$lua/src/luac" -l -l -p script.lua |
		sed 's/0x[0-9a-f]*/ADDRESS/g' >"$lua.listing"
done
same_file "luac's listing" lua.listing native.listing

step "a REPL keeps its globals while lstrlib.c changes"
spawn_io repl "$hw" run lua/src/lua -i
tell repl 'kept = {answer = 41}; function up(s) return s:upper() end'
tell repl 'print(up("abc"), kept.answer)'
wait_line repl.out 'ABC	41'
before=$(pgrep -P "${pid_of[repl]}" -x lua)

replace lua/src/lstrlib.c 'p[i] = toupper(uchar(s[i]));' \
	'p[i] = (s[i] == '"'a'"') ? '"'@'"' : toupper(uchar(s[i]));'
wait_line repl.err 'lstrlib v1 live'
tell repl 'kept.answer = kept.answer + 1; print(up("abc"), kept.answer)'
wait_line repl.out '@BC	42'

step "back to the original"
replace lua/src/lstrlib.c '(s[i] == '"'a'"') ? '"'@'"' : ' ''
wait_line repl.err 'lstrlib v2 live'
tell repl 'print(up("abc"), kept.answer)'
wait_line repl.out 'ABC	42'

step "the whole of it again: the virtual machine's loop, the collector"
replace lua/src/lgc.c '#define GCSWEEPMAX	100' '#define GCSWEEPMAX	90'
wait_line repl.err 'lgc v1 live'
tell repl 'for i = 1, 1e5 do kept[i] = {i} end collectgarbage() print(#kept)'
wait_line repl.out '100000'
expect_eq "the process" "$(pgrep -P "${pid_of[repl]}" -x lua)" "$before"

hang_up repl
finish repl
expect_eq "status" "$status" 0
