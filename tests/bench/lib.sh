# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What benchmark scripts share, on top of what tests do: figures and medians.
. "$ROOT/tests/lib.sh"

over_limit=0

# figure NAME VALUE UNIT [min|max LIMIT]
figure() {
	local verdict=''
	if [ $# = 5 ]; then
		verdict=$(awk -v v="$2" -v l="$5" -v how="$4" 'BEGIN {
			ok = how == "max" ? v <= l : v >= l
			printf "  limit %s%s", l, ok ? "" : "  OVER" }')
		case $verdict in *OVER) over_limit=1 ;; esac
	fi
	printf '%-46s %10s %-6s%s\n' "$1" "$2" "$3" "$verdict"
}

# of FILTER < JSON: a figure out of what a driver printed
of() {
	jq -r "$1 | if type == \"number\" then . * 1000 | round / 1000 else . end"
}
