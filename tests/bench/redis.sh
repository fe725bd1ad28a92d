#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Redis: throughput hot over native, and from a save of server.c to live code.
. "$(dirname "$0")/lib.sh"

"$ROOT/tests/fetch-sources" redis native
cp -r native redis
project redis
make -s -j2 -C native/src CC=clang-19 redis-server redis-benchmark redis-cli \
	>native.log 2>&1
make -s -j2 -C redis/src CC="$hw cc" redis-server >hot.log 2>&1

serve() {
	local name=$1 program=$2
	sock=$XDG_RUNTIME_DIR/$name.sock
	mkdir -p "$name.data"
	spawn "$name" "$program" --port 0 --unixsocket "$sock" --save "" \
		--dir "$PWD/$name.data"
	wait_until "$name" test -S "$sock"
}

# throughput NAME COMMAND OPTIONS: requests a second
throughput() {
	local name=$1 command=$2
	shift 2
	native/src/redis-benchmark -s "$XDG_RUNTIME_DIR/$name.sock" "$@" \
		-r 10000 --csv -t "$command" | tail -n 1 | cut -d '"' -f 4
}

# compare COMMAND WHAT OPTIONS [LIMIT]: native and hot in turn
compare() {
	local command=$1 what=$2 options=$3
	shift 3
	for _ in {1..21}; do
		# shellcheck disable=SC2086 # several options
		printf '%s %s\n' "$(throughput plain "$command" $options)" \
			"$(throughput hot "$command" $options)"
	done >rates
	awk '{ printf "%.4f\n", $2 / $1 }' rates | sort -g >ratios
	figure "redis-benchmark $command$what, native" \
		"$(awk '{ print $1 }' rates | sort -g | sed -n 11p)" /s
	figure "redis-benchmark $command$what, hot over native" \
		"$(sed -n 11p ratios)" "" "$@"
	figure "  its quartiles" "$(sed -n 6p ratios)-$(sed -n 16p ratios)" ""
}

serve plain native/src/redis-server
serve hot redis/src/redis-server
# As it is by itself: 50 clients, each waits for its answer. Pipelined, where
# nothing but the server's own code is left, it is told what that costs.
for command in set get zadd; do
	compare $command "" "-n 100000" min 0.95
	compare $command ", pipelined" "-n 300000 -P 16"
done
stop plain
stop hot

sed 's/addReply(c,shared.pong);/addReplyStatus(c,"PONG@N@");/' \
	redis/src/server.c >redis/src/server.c.template
start_watch redis
serve hot redis/src/redis-server
wait_until "the server's own socket" \
	test -S "$(target_socket "${pid_of[hot]}")"
sync_watch
/usr/bin/python3 "$ROOT/tests/bench/saves.py" "$(watch_socket)" \
	"$(target_socket "${pid_of[hot]}")" redis/src/redis-server.hot/manifest.json src/server 20 >figures.json
figure "save to live, Redis's server.c" "$(of .live <figures.json)" ms
figure "bare clang -c and ld" "$(of .bare <figures.json)" ms
figure "ratio" "$(of .ratio <figures.json)" "" max 1.25
for phase in wait compile link load; do
	figure "  of it: $phase" "$(of ".phases.$phase" <figures.json)" ms
done
figure "load step, Redis's server.c" "$(of .inside <figures.json)" ms max 3
exit $over_limit
