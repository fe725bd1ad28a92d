#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The types of Redis's server.c, compared before and after a member was added to
# a struct of server.h.
. "$(dirname "$0")/lib.sh"

"$ROOT/tests/fetch-sources" redis redis

# module NAME FOLDER: server.c as a sealed module in FOLDER; its path
module() {
	mkdir -p "$2"
	(cd redis/src && "$hw" cc -O2 -std=gnu11 -I../deps/hiredis \
		-I../deps/linenoise -I../deps/lua/src -I../deps/hdr_histogram \
		-w -c server.c -o "$2/$1.o")
	"$BUILD/tests/module-link" "$2/$1.o" src/server 0x550010000000 "$2" \
		/dev/null
}

old=$(module old "$PWD/old")
sed -i 's/^typedef struct client {/&\n    int added_first;/' redis/src/server.h
sed -i 's/^struct redisServer {/&\n    int added_too;/' redis/src/server.h
new=$(module new "$PWD/new")
printf "Redis's server.c, two structs changed\n"
"$BUILD/tests/bench/bench-layout" "$old" "$new"
