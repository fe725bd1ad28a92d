# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What an editor must show, played alike in each of them (play.el, play.lua) and
# with each program: a case is a JSON document that says what to edit and what
# the program does then. Sourced after lib.sh.
#
#   source, start, ask     the file; the program's command line; what prints how
#                          it behaves: FIRST at the start, THEN after the edit
#   edit, broken           [old, new]; BROKEN does not compile, at BROKEN_AT
#   unsafe                 {source, edits, at}: is refused, at the line with AT
#   holder                 {who, at}: who stays in old code, and where
#   purge                  what a purge says, a regular expression
#   companion              a command that prints the status text of another
#                          editor on the same project; or nothing

# recorded NAME: a program like hotwatch, in this folder, of which each talk as a
# language server is written down; traffic_holds NAME: those were as the schemas
# want them, and the client was told nothing that it cannot take.
recorded() {
	printf '#!/bin/sh\nexec /usr/bin/python3 "%s" "%s" "%s" "$@"\n' \
		"$ROOT/tests/lsptee.py" "$PWD/$1.log" "$hw" >"$1"
	chmod +x "$1"
}

traffic_holds() {
	/usr/bin/python3 "$ROOT/tests/lsptraffic.py" "$1".log.* ||
		fail "the traffic of $1 (above)"
}

# script NAME LINE...: a program of the shell in this folder
script() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$name"
	chmod +x "$name"
}

# --- the counter, its process in one module and main in another ---------------

counter_case() {
	project counter
	printf '{"purge_deadline_ms": 200}\n' >counter/hotwatch.json
	sed -e 's/^static void codeswitch(long sum);/int flag = 1;\n\n&/' \
		-e 's/^\tstruct hw_message \*m;/&\n\tint n = flag;\n\n\t(void)n;/' \
		-e '/^\/\* --- the program/,$d' -e 's/^static \(void counter\)/\1/' \
		"$ROOT/examples/counter/counter.c" >counter/counter.c
	{
		sed -n '/^#include/p' counter/counter.c
		echo 'void counter(void *unused);'
		sed -n '/^\/\* --- the program/,$p' \
			"$ROOT/examples/counter/counter.c"
	} >counter/main.c
	(cd counter && "$hw" cc -O2 -pthread counter.c main.c -o counter)
	mkfifo line
	# It writes for itself, too: no end of file when nobody else does.
	script start ': >said' 'exec counter/counter <>line >said'
	script ask 'n=$(wc -l <said)' 'printf "code_switch\nprint\n" >line' \
		'until [ "$(wc -l <said)" -gt "$n" ]; do sleep 0.01; done' \
		'tail -n 1 said'
	jq -n --arg here "$PWD" '{
		source: "\($here)/counter/counter.c",
		start: ["\($here)/start"], ask: ["\($here)/ask"], folder: $here,
		first: "the sum is 0", then: "sum: 0",
		edit: ["the sum is", "sum:"],
		broken: ["int n = flag;", "int n = flg;"], broken_at: "flg;",
		unsafe: {source: "\($here)/counter/counter.c", edits: [
			["int n = flag;", "int n = flag.a[0];"],
			["int flag = 1;", "struct { int a[9]; } flag = {{1}};"]],
			at: "flag = {{1}}"},
		holder: {who: "process 1 (counter)", at: "m = hw_receive"},
		purge: "counter v[0-9]+ purged"
	}' >counter.json
}

# --- Redis, hot-built ----------------------------------------------------------

redis_case() {
	"$ROOT/tests/fetch-sources" redis redis >fetch.log 2>&1 ||
		skip "no source of Redis: $(tail -n 1 fetch.log)"
	git -C redis init -q
	printf '{"purge_deadline_ms": 200}\n' >redis/hotwatch.json
	make -s -j2 -C redis/src CC="$hw cc" OPTIMIZATION=-O0 MALLOC=libc \
		redis-server >hot.log 2>&1 ||
		fail "the hot build: $(tail -n 20 hot.log)"
	local socket=$XDG_RUNTIME_DIR/redis.sock
	script start "exec redis/src/redis-server --port 0 --unixsocket $socket \
		--save '' >redis.log 2>&1"
	cat >ask.py <<-'END'
		import socket, sys, time
		while True:
		    try:
		        s = socket.socket(socket.AF_UNIX)
		        s.connect(sys.argv[1])
		        break
		    except OSError:
		        time.sleep(0.01)
		s.sendall(b"PING\r\n")
		print(s.recv(100).decode().strip())
	END
	script ask "exec /usr/bin/python3 ask.py $socket"
	jq -n --arg here "$PWD" '{
		source: "\($here)/redis/src/server.c",
		start: ["\($here)/start"], ask: ["\($here)/ask"], folder: $here,
		first: "+PONG", then: "+PONG2",
		edit: ["addReply(c,shared.pong);", "addReplyStatus(c,\"PONG2\");"],
		broken: ["addReplyStatus(c,\"PONG2\");",
			"addReplyStatus(d,\"PONG2\");"],
		broken_at: "addReplyStatus(d,",
		unsafe: {source: "\($here)/redis/src/bio.c", edits: [
			["typedef union bio_job {",
			"typedef union bio_job { long double front;"]],
			at: "} bio_job;"},
		holder: {who: "main thread", at: "aeMain(server.el);"},
		purge: "foreign_holder: .*main thread"
	}' >redis.json
}

# --- playing -------------------------------------------------------------------

# play_emacs CASE [COMPANION]: a command that prints what another editor shows
play_emacs() {
	jq --arg companion "${2:-}" 'if $companion == "" then . else
		.companion = ["sh", "-c", $companion] end' "$1.json" >play.json
	CASE=$PWD/play.json emacs -Q --batch -L "$ROOT/editors/emacs" \
		-L "$ROOT/tests/editors" -l "$ROOT/tests/editors/play.el" ||
		fail "the case $1 in Emacs"
}

play_nvim() {
	CASE=$PWD/$1.json expect_status 0 nvim --headless --clean -n \
		--cmd "set rtp^=$ROOT/editors/nvim" \
		-c "luafile $ROOT/tests/editors/play.lua"
}
