#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 900
# slow: the builds of Redis
# address: no, UBSan ends it in its jemalloc (tcache.c:144, an array of 0) when a thread ends; redis-sanitized has another malloc
#
# Redis 7.0.15 as Debian has its source, built hot with no change: it answers as
# the native build does; under load its sources are edited and go live with no
# failed request, no dropped connection and no lost key; it daemonizes, and its
# BGSAVE forks. A static struct gets a member under load; one of a client is
# refused, and goes with a code_change.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/redis.bash"

"$ROOT/tests/fetch-sources" redis redis >fetch.log 2>&1 ||
	skip "no source of Redis: $(tail -n 1 fetch.log)"
cp -r redis native
project redis
# Paths of unix sockets are short; the server's folder is not.
sock=$XDG_RUNTIME_DIR/redis.sock
cli=$PWD/redis/src/redis-cli

step "make CC=\"hotwatch cc\"; and a native server to compare with"
make -s -j2 -C redis/src CC="$hw cc" REDIS_CFLAGS=-DREDIS_TEST \
	redis-server redis-cli redis-benchmark >hot.log 2>&1 ||
	fail "the hot build: $(tail -n 20 hot.log)"
make -s -j2 -C native/src CC=clang-19 OPTIMIZATION=-O0 MALLOC=libc \
	redis-server >native.log 2>&1 ||
	fail "the native build: $(tail -n 20 native.log)"

# --- the same answers ---------------------------------------------------------

step "its own unit tests"
(cd redis/src && ./redis-server test all) >unit.log 2>&1 ||
	fail "redis-server test all: $(tail -n 20 unit.log)"
expect_match "the unit tests' count" "$(tail -n 3 unit.log)" \
	'tests, [1-9][0-9]* passed, 0 failed'

answers() {
	local name=$1 server=$2
	redis_conf "$name"
	spawn "$name" "$server" "$name/redis.conf"
	wait_until "$name's socket" test -S "$sock"
	ask <"$ROOT/tests/redis_commands.txt" >"$name.answers" 2>&1
	ask shutdown nosave || true
	finish "$name"
	expect_eq "$name's status" "$status" 0
}

step "commands are answered alike"
answers hot redis/src/redis-server
answers plain native/src/redis-server
same_file "the answers" hot.answers plain.answers
expect_le "commands asked" 100 "$(wc -l <hot.answers)"

# --- edits under load ---------------------------------------------------------

step "a daemon under load"
redis_conf daemon
keys=10000
start_watch redis
redis/src/redis-server daemon/redis.conf --daemonize yes
wait_until "the daemon" serving
pid=$(<daemon/redis.pid)
also_stop "$pid"
for ((i = 0; i < keys; i++)); do
	echo "SET kept:$i value-$i"
done | ask >/dev/null
wait_until "the daemon's own socket" test -S "$(target_socket "$pid")"
sync_watch

spawn checker /usr/bin/python3 "$ROOT/tests/redis_load.py" "$sock" $keys
# It takes what the compilers leave: the server is never idle all the same.
spawn load nice -n 19 redis/src/redis-benchmark -s "$sock" -c 20 -n 100000000 \
	-r 1000 -q -t set
under_load() {
	[ "$(ask info stats | tr -d '\r' |
		sed -n 's/^total_commands_processed://p')" -gt 50000 ]
}
wait_until "the load" under_load
versions_of "$pid" >before

# loaded: the modules whose version changed since the last call
loaded() {
	versions_of "$pid" >after
	comm -13 before after | sed 's/ .*//'
	mv after before
}

unharmed() {
	alive "${pid_of[checker]}" || fail "the checker: $(<checker.err)"
	alive "${pid_of[load]}" || fail "redis-benchmark: $(<load.err)"
	alive "$pid" || fail "the server: $(tail -n 20 daemon/redis.log)"
}

step "server.c: PING's answer"
expect_eq "PING" "$(ask ping)" PONG
replace redis/src/server.c 'addReply(c,shared.pong);' \
	'addReplyStatus(c,"PONG2");'
sync_watch
expect_eq "PING" "$(ask ping)" PONG2
expect_eq "loaded" "$(loaded)" src/server
unharmed

step "t_string.c: STRLEN's answer"
replace redis/src/t_string.c 'addReplyLongLong(c,stringObjectLen(o));' \
	'addReplyLongLong(c,1000+stringObjectLen(o));'
sync_watch
expect_eq "STRLEN" "$(ask strlen kept:1)" 1007
expect_eq "loaded" "$(loaded)" src/t_string
unharmed

step "networking.c: HELLO's error"
replace redis/src/networking.c '"-NOPROTO unsupported' '"-NOPROTO2 unsupported'
sync_watch
expect_match "HELLO 9" "$(ask hello 9)" '^NOPROTO2'
expect_eq "loaded" "$(loaded)" src/networking
unharmed

step "server.h: a comment loads nothing"
replace redis/src/server.h '/* Error codes */' '/* The error codes */'
sync_watch
expect_eq "loaded" "$(loaded)" ""
unharmed

step "server.h: a new inline function reaches exactly its includers"
jq -r --arg header "$PWD/redis/src/server.h" \
	'.modules[] | select(.deps | index($header)) | .name' \
	redis/src/redis-server.hot/manifest.json | sort >includers
expect_le "modules that include server.h" 50 "$(wc -l <includers)"
replace redis/src/server.h '/* The error codes */' '
static inline int inlineFunction(int x) __attribute__((used));
static inline int inlineFunction(int x) { return x + 1; }'
sync_watch
loaded >reached
same_file "the modules loaded" reached includers
unharmed
replace redis/src/server.h 'return x + 1;' 'return x + 2;'
sync_watch
loaded >reached
same_file "the modules loaded" reached includers
unharmed

step "no request failed, no connection dropped, no key lost"
kill "${pid_of[checker]}"
finish checker
expect_eq "the checker's status ($(<checker.err))" "$status" 0
expect_match "the checker" "$(<checker.out)" '^[1-9][0-9]{3,} right answers'
printf '%s\n' "$(<checker.out)"
stop load
expect_no_match "redis-benchmark" "$(<load.out)$(<load.err)" '[Ee]rr|refused'
for ((i = 0; i < keys; i++)); do
	echo "GET kept:$i"
done | ask >values
seq -f 'value-%.0f' 0 $((keys - 1)) >wanted
same_file "the values" values wanted
# servers: their pids, of all targets that the watcher knows
servers() {
	rpc "$(watch_socket)" watch/status | jq -c '[.targets[]
		| select(.program | endswith("redis-server")) | .pid]'
}

step "BGSAVE: the fork saves, and leaves no stale target"
expect_match "BGSAVE" "$(ask bgsave)" 'started'
wait_until "the end of BGSAVE" saved
expect_match "BGSAVE" "$(ask info persistence)" 'rdb_last_bgsave_status:ok'
replace redis/src/server.c '"PONG2"' '"PONG3"'
sync_watch
expect_eq "PING" "$(ask ping)" PONG3
expect_eq "servers" "$(servers)" "[$pid]"
size=$(ask dbsize)
ask shutdown nosave
wait_until "the daemon's end" gone "$pid"
[ ! -e "$(target_socket "$pid")" ] || sync_watch
expect_eq "servers" "$(servers)" "[]"

step "main stays in server.c: ten edits in a row, who holds, what is purged"
redis/src/redis-server daemon/redis.conf --daemonize yes
wait_until "the daemon again" serving
pid=$(<daemon/redis.pid)
also_stop "$pid"
wait_until "its socket" test -S "$(target_socket "$pid")"
sync_watch
first=$(version_of "$pid" src/server)
for i in {1..10}; do
	replace redis/src/server.c "\"PONG$((i + 2))\"" "\"PONG$((i + 3))\""
	sync_watch
	expect_eq "PING" "$(ask ping)" "PONG$((i + 3))"
done
expect_eq "server.c's version" "$(version_of "$pid" src/server)" $((first + 10))
holders() {
	(cd redis && "$hw" holders src/server --target "$pid" --json)
}
holders >holders.json
jq -r '.. | objects | select(.kind? == "frame") |
	[.version, .function, .thread, (.file | sub(".*/"; ""))] | join(" ")' \
	holders.json | sort -u >held
has_lines held "^0 main redis-server server.c\$" 1 ||
	fail "main is not named: $(<holders.json)"
line=$(jq '[.. | objects | select(.function? == "main") | .line][0]' holders.json)
expect_match "server.c's line $line" \
	"$(sed -n "${line}p" native/src/server.c)" aeMain
# All but the first, which main is in, and current.
left() {
	rpc "$(target_socket "$pid")" code/allLoaded | jq -c \
		'[.modules[] | select(.module == "src/server").versions[]
		| select(.state != "fenced") | .version]'
}
all_purged() {
	[ "$(left)" = "[$((first + 10)),0]" ]
}
wait_until "the purge of the versions between (left: $(left))" all_purged
expect_eq "PING" "$(ask ping)" PONG13
unharmed_again() {
	alive "$pid" || fail "the server: $(tail -n 20 daemon/redis.log)"
}
unharmed_again

# --- its state ------------------------------------------------------------------

step "a member first in a static's struct: it moves under load, nothing is lost"
spawn checker /usr/bin/python3 "$ROOT/tests/redis_load.py" "$sock" $keys
spawn load nice -n 19 redis/src/redis-benchmark -s "$sock" -c 20 -n 100000000 \
	-r 1000 -q -t set
script=$(ask script load "return redis.call('incr', KEYS[1])")
expect_eq "a script" "$(ask evalsha "$script" 1 counted)" 1
versions_of "$pid" >before
replace redis/src/eval.c 'struct luaCtx {' 'struct luaCtx { long first;'
sync_watch
expect_eq "loaded" "$(loaded)" src/eval
wait_line watch.out 'eval.c:[0-9]+: lctx moved to its new layout; new: first$'
expect_eq "the script that it knew" "$(ask evalsha "$script" 1 counted)" 2
unharmed
kill "${pid_of[checker]}"
finish checker
expect_eq "the checker's status ($(<checker.err))" "$status" 0
expect_match "the checker" "$(<checker.out)" '^[1-9][0-9]* right answers'
stop load
expect_no_match "redis-benchmark" "$(<load.out)$(<load.err)" '[Ee]rr|refused'

step "a member first in struct client, which lives on the heap: refused"
replace redis/src/server.h 'typedef struct client {' \
	'typedef struct client { long first;'
sync_watch
wait_line watch.out 'refused: unsafe: .* → client: member id moved 0 → 8'
expect_eq "loaded" "$(loaded)" ""
expect_eq "PING" "$(ask ping)" PONG13

step "with a code_change that makes the only client anew it goes"
cat >>redis/src/eval.c <<'END'

#include <hotwatch/code.h>
#include <hotwatch/hot.h>
static int change(const struct hw_change *c)
{
	(void)c;
	if (listLength(server.clients))
		return 1;
	lctx.lua_client = createClient(NULL);
	lctx.lua_client->flags |= CLIENT_SCRIPT | CLIENT_DENY_BLOCKING;
	return 0;
}
HOT_CODE_CHANGE(change);
END
sync_watch
loaded >reached
grep -qx src/networking reached && grep -qx src/eval reached ||
	fail "not loaded: $(<reached) $(tail -n 5 watch.out)"
expect_eq "a new client" "$(ask get kept:1)" value-1
expect_eq "the script that it knew" "$(ask evalsha "$script" 1 counted)" 3
unharmed_again
ask shutdown nosave || true
wait_until "the daemon's end" gone "$pid"

step "what was saved is read by a native server"
mkdir -p plain
cp daemon/dump.rdb plain/
spawn reader native/src/redis-server plain/redis.conf
wait_until "the native server" serving
expect_eq "DBSIZE" "$(ask dbsize)" "$size"
ask shutdown nosave || true
