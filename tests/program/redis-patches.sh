#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 900
# address: no, instrumented code names its lines, so other modules come out the same than the table says
# slow: a build of Redis, and some nine hundred compilations
#
# Debian's patches for Redis 7.0.15, one commit each: what `hotwatch check` says
# of it, and what then becomes of it in a server that is asked without pause.
# What is safe goes live, what is not is refused for the reason that check gave;
# then the server is built and started anew, as it would have to be.
# docs/redis-patches.md has the rows; UPDATE=1 tests/run redis-patches writes them.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/redis.bash"

"$ROOT/tests/fetch-sources" redis redis >fetch.log 2>&1 ||
	skip "no source of Redis: $(tail -n 1 fetch.log)"
sock=$XDG_RUNTIME_DIR/redis.sock
cli=$PWD/redis/src/redis-cli
table=$ROOT/docs/redis-patches.md

step "the series as commits"
mv redis/debian .
project redis
git -C redis add -A
git -C redis commit -qm base
git -C redis branch base
grep -v '^#' debian/patches/series >series
while read -r patch; do
	patch -sp1 -d redis --no-backup-if-mismatch <"debian/patches/$patch" ||
		fail "$patch does not apply"
	git -C redis commit -qam "$patch" || fail "$patch changes nothing"
done <series
expect_le "patches" 20 "$(wc -l <series)"
git -C redis checkout -qB work base

build() {
	make -s -j2 -C redis/src CC="$hw cc" OPTIMIZATION=-O0 MALLOC=libc \
		redis-server redis-cli >build.log 2>&1 ||
		fail "the hot build: $(tail -n 20 build.log)"
}

step "a hot build without them"
build

# --- a server under load ------------------------------------------------------

start() {
	rm -f "$sock"
	# Both take what the compilers leave.
	spawn server nice -n 19 redis/src/redis-server data/redis.conf
	wait_until "the server" serving
	for i in {0..99}; do
		echo "SET kept:$i value-$i"
	done | ask >/dev/null
	wait_target "${pid_of[server]}"
	sync_watch
	spawn checker nice -n 19 /usr/bin/python3 "$ROOT/tests/redis_load.py" "$sock" 100
}

# It was asked all the time, and every answer was right.
stop_asked() {
	kill "${pid_of[checker]}"
	finish checker
	expect_eq "the checker's status ($(<checker.err))" "$status" 0
	expect_match "the checker" "$(<checker.out)" '^[1-9][0-9]* right answers'
	stop server
}

redis_conf data
start_watch redis
start
expect_eq "an empty selector" "$(ask acl setuser probe '%~')" OK

# --- one patch ----------------------------------------------------------------

# said JQ: of the watcher's events since the last patch
seen=0
said() {
	rpc "$(watch_socket)" watch/log "{\"after\": $seen}" |
		jq -r "[.events[] | select(.kind == \"live\" or
			.kind == \"refused\" or .kind == \"error\")] | $1"
}

# named WORD...: as many as fit into a cell
named() {
	local n=$#
	[ "$n" -le 4 ] || set -- "$1" "$2" "$3" "and $((n - 3)) more"
	printf '%s' "$1"
	shift
	[ $# = 0 ] || printf ', %s' "$@"
}

# refused_as_said: the first error is the refusal's reason
refused_as_said() {
	local wanted
	wanted=$(jq -r '[.findings[] | select(.severity == "error")][0]
		| "\(.message) [\(.rule)]"' check.json)
	expect_eq "reason" "$(said '.[0].targets[0].reason')" unsafe
	case $(said '.[0].targets[0].message') in
	"$wanted"*) ;;
	*) fail "$1: refused for $(said '.[0].targets[0].message'), check said" \
		"$wanted" ;;
	esac
}

row() {
	local patch=$1 verdict=$2 rules outcome
	rules=$(jq -r '[.findings[] | select(.severity != "info")
		| "`\(.rule)`"] | unique | join(", ")' check.json)
	# shellcheck disable=SC2046 # a word a module
	case $(said '[.[].kind] | unique | join(" ")') in
	"") outcome="nothing to load" ;;
	live) outcome="live: $(named $(said '[.[].modules[]] | unique | .[]'))" ;;
	refused) outcome="refused; started anew" ;;
	*) outcome="? $(said .)" ;;
	esac
	printf '| %s | %s%s | %s |\n' "${patch%.patch}" "$verdict" \
		"${rules:+: $rules}" "$outcome"
}

apply() {
	local patch=$1 commit=$2 verdict status=0 errors
	(cd redis && "$hw" check --json --git "$commit~..$commit" \
		src/redis-server) >check.json || status=$?
	verdict=$(jq -r .verdict check.json)
	errors=$(jq '[.findings[] | select(.severity == "error")] | length' \
		check.json)
	expect_eq "$patch: not checked" "$(jq -c .unchecked check.json)" "[]"
	seen=$(rpc "$(watch_socket)" watch/log | jq '[.events[].seq, 0] | max')
	git -C redis checkout -q -B work "$commit"
	sync_watch
	case $verdict:$errors in
	unchanged:0) expect_eq "$patch" "$(said '.[].kind')" "" ;;
	*:0) expect_eq "$patch" "$(said '[.[].kind] | unique | .[]')" live ;;
	*) refused_as_said "$patch" ;;
	esac
	alive "${pid_of[server]}" || fail "$patch: the server has ended"
	row "$patch" "$verdict" >>rows
}

export XDG_CACHE_HOME=$PWD/cache
while read -r patch; do
	step "$patch"
	apply "$patch" "$(git -C redis log --format=%H --grep="^$patch\$" master)"
	if grep -q 'started anew' < <(tail -n 1 rows); then
		stop_asked
		build
		start
	fi
done <series

step "the last one is live, no request failed"
expect_match "an empty selector" "$(ask acl setuser probe '%~' 2>&1)" \
	'Syntax error'
stop_asked

sed -n '/^| patch/,/^$/p' "$table" | sed '1,2d;/^$/d' >wanted
if [ -n "${UPDATE:-}" ]; then
	sed -i -e '/^|---|---|---|$/r rows' -e '/^| [0dC][^|]*|/d' "$table"
else
	same_file "docs/redis-patches.md" rows wanted
fi
