#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Beside Erlang, in one run: load, purge, atomic load. Each is at least as fast.
. "$(dirname "$0")/lib.sh"

command -v erl >/dev/null || {
	echo "no erl: ./dev setup installs it" >&2
	exit 1
}
/usr/bin/python3 "$ROOT/tests/bench/erlang.py" >figures.json

beside() {
	local what=$1 title=$2 side
	for side in erlang c; do
		figure "$title, ${side/c/hotwatch}" \
			"$(of ".$what.$side.median" <figures.json)" us
		figure "  a tenth is below, a tenth above" "$(jq -r \
			".$what.$side | \"\(.low | round)..\(.high | round)\"" \
			figures.json)" us
	done
	figure "  hotwatch over Erlang" "$(of ".$what.ratio" <figures.json)" \
		"" max 1
}

beside load_file "load_file"
beside load_and_soft_purge "load_file and soft_purge"
figure "  cycles a second, Erlang" \
	"$(of '1e6 / .load_and_soft_purge.erlang.median | round' \
		<figures.json)" /s
figure "  cycles a second, hotwatch" \
	"$(of '1e6 / .load_and_soft_purge.c.median | round' <figures.json)" /s
beside atomic_load "atomic_load of 10"
beside purge_kills "purge that kills 1 000"
beside purge_past "purge past 1 000 that hold nothing"
exit $over_limit
