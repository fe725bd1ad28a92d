#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each rule is explained in docs/rules.md with its severity and its advice, as
# the table has them, and there is a pair of tests/upgrade that shows it, or a
# test that builds whole programs.
. "$(dirname "$0")/../lib.sh"

echo 'int f(void) { return 1; }' >a.c
"$hw" cc -c a.c
expect_status 0 "$hw" check --format sarif a.o a.o
jq -r '.runs[0].tool.driver.rules[] | [.id, (.defaultConfiguration.level |
	if . == "note" then "info" else . end), .help.text] | @tsv' \
	<<<"$output" >rules
n=0
while IFS=$'\t' read -r id severity advice; do
	section=$(sed -n "/^## $id\$/,/^## /p" "$ROOT/docs/rules.md")
	[ -n "$section" ] || fail "docs/rules.md has no section $id"
	expect_match "$id" "$section" "\\($severity\\)\\."
	grep -qF "What to do: $advice." <<<"$section" ||
		fail "docs/rules.md gives another advice for $id than '$advice'"
	grep -qF "[$id]" "$ROOT"/tests/upgrade/*/expect ||
		grep -q "$id" "$ROOT"/tests/upgrade/*.sh "$ROOT"/tests/upgrade/*.py \
			"$ROOT"/tests/check/*.sh ||
		fail "no test shows $id"
	n=$((n + 1))
done <rules
expect_eq "sections of docs/rules.md" \
	"$(grep -c '^## ' "$ROOT/docs/rules.md")" "$n"
