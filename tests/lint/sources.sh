#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What holds for every file of the repository: a licence line, no binaries, no
# paths of one machine, no work left undone, no function too long to see whole.
. "$(dirname "$0")/../lib.sh"

cd "$ROOT"
git ls-files -co --exclude-standard >"$HW_TEST_DIR/files"
sources() {
	grep -E "$1" "$HW_TEST_DIR/files" || true
}

step "every source begins with the licence line"
sources '(\.(c|h|S|sh|py|el|erl|cases|js|ts|lua|vim)|meson\.build|^dev|/run)$' |
	while read -r file; do
		[ -f "$file" ] || continue
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
			fail "$file: its first lines lack SPDX-License-Identifier: MIT"
	done

step "there are no binaries"
while read -r file; do
	[ ! -f "$file" ] || [ ! -s "$file" ] || grep -qI '' "$file" ||
		fail "$file: is a binary file"
done <"$HW_TEST_DIR/files"

step "nothing is left to do"
word='TO''DO|FIX''ME|XX''X:'
! sources '\.(c|h|sh|py)$' | xargs -r grep -nE "$word" -- ||
	fail "unfinished work (above)"

step "no line of C is wider than 80 columns"
sources '\.(c|h)$' | while read -r file; do
	[ -f "$file" ] || continue
	expand "$file" | awk -v f="$file" 'length > 80 {
		printf "%s:%d: %d columns\n", f, NR, length; bad = 1 }
		END { exit bad }' || fail "lines too wide (above)"
done

step "the code server ends no process and prints nothing"
! sources '^codeserver/.*\.c$' | xargs -r grep -nE \
	'\<(abort|exit|_exit|assert|printf|puts)\(' -- ||
	fail "not in someone else's process (above)"
