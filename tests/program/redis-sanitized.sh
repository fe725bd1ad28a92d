#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 600
# plain: no
# sanitizers: address
#
# Redis and hotwatch both built with ASan and UBSan: it answers, its sources are
# edited under load and go live, BGSAVE forks, and no sanitizer says a word.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/redis.bash"

"$ROOT/tests/fetch-sources" redis redis >fetch.log 2>&1 ||
	skip "no source of Redis: $(tail -n 1 fetch.log)"
project redis
sock=$XDG_RUNTIME_DIR/redis.sock
cli=$PWD/redis/src/redis-cli
# Redis reads misaligned words, calls functions by other types and leaves its
# memory to exit: on purpose.
flags="-fsanitize=$HW_SANITIZE -fno-sanitize=alignment,function"
export ASAN_OPTIONS=detect_leaks=0

step "the build"
make -s -j2 -C redis/src CC="$hw cc" MALLOC=libc OPTIMIZATION=-O1 \
	CFLAGS="$flags" LDFLAGS="$flags" redis-server redis-cli \
	>build.log 2>&1 || fail "the build: $(tail -n 20 build.log)"

step "a server under load"
redis_conf server
start_watch redis
spawn server redis/src/redis-server server/redis.conf
wait_until "the server" serving
pid=${pid_of[server]}
keys=100
for ((i = 0; i < keys; i++)); do
	echo "SET kept:$i value-$i"
done | ask >/dev/null
wait_until "its own socket" test -S "$(target_socket "$pid")"
sync_watch
spawn checker /usr/bin/python3 "$ROOT/tests/redis_load.py" "$sock" $keys

step "edits go live"
replace redis/src/server.c 'addReply(c,shared.pong);' \
	'addReplyStatus(c,"PONG2");'
sync_watch
expect_eq "PING" "$(ask ping)" PONG2
replace redis/src/t_string.c 'addReplyLongLong(c,stringObjectLen(o));' \
	'addReplyLongLong(c,1000+stringObjectLen(o));'
sync_watch
expect_eq "STRLEN" "$(ask strlen kept:1)" 1007

step "no request failed"
kill "${pid_of[checker]}"
finish checker
expect_eq "the checker's status ($(<checker.err))" "$status" 0
expect_match "the checker" "$(<checker.out)" '^[1-9][0-9]* right answers'

step "its commands, and BGSAVE's fork"
ask <"$ROOT/tests/redis_commands.txt" >answers 2>&1
expect_le "commands answered" 100 "$(wc -l <answers)"
expect_match "BGSAVE" "$(ask bgsave)" 'started'
wait_until "the end of BGSAVE" saved
expect_match "BGSAVE" "$(ask info persistence)" 'rdb_last_bgsave_status:ok'

step "nothing was reported"
ask shutdown nosave || true
finish server
expect_eq "the server's status" "$status" 0
expect_no_match "the server's words" "$(<server.err)" 'ERROR|runtime error'
