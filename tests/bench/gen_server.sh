#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A gen_server's call and answer, beside Erlang's in one run: a switch between
# threads against one between green ones. With eight callers the figure is that of
# the kernel's scheduler, and of what else the machine does: no limit.
. "$(dirname "$0")/lib.sh"

command -v erl >/dev/null || {
	echo "no erl: ./dev setup installs it" >&2
	exit 1
}
/usr/bin/python3 "$ROOT/tests/bench/gen_server.py" >figures.json

one() {
	local what=$1 title=$2
	figure "$title" "$(of "$what.median / 1000" <figures.json)" us
	figure "  a tenth is below, a tenth above" "$(jq -r "$what |
		[.low, .high] | map(. / 100 | round / 10 | tostring) |
		join(\"..\")" figures.json)" us
}

for callers in 1 8; do
	limit=()
	[ "$callers" != 1 ] || limit=(max 5)
	one ".[\"$callers\"].erlang" "a call, $callers at a time, Erlang"
	one ".[\"$callers\"].c" "a call, $callers at a time, hotwatch"
	figure "  hotwatch over Erlang" "$(of ".[\"$callers\"].ratio" \
		<figures.json)" "" "${limit[@]}"
done
one .foreign.c "a call of a thread that is no process"
exit $over_limit
