#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# address: no, it runs nothing that was built
# What holds for every file of the repository: a licence line, no binaries, no
# paths of one machine, no work left undone, no function too long to see whole.
. "$(dirname "$0")/../lib.sh"

cd "$ROOT"
git ls-files -co --exclude-standard >"$HW_TEST_DIR/files"
sources() {
	grep -E "$1" "$HW_TEST_DIR/files" || true
}

# Those of the names on stdin that are files: others were removed, not yet
# committed.
there() {
	local file
	while read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

step "every source begins with the licence line"
sources '(\.(c|h|S|sh|py|el|erl|cases|js|ts|lua|vim)|meson\.build|^dev|/run)$' |
	there | xargs -r awk 'FNR == 1 { if (file && !ok) bad = bad " " file
			file = FILENAME; ok = 0 }
		/SPDX-License-Identifier: MIT/ { ok = 1 }
		FNR == 2 { nextfile }
		END { if (file && !ok) bad = bad " " file
			if (bad) { print "no licence line:" bad; exit 1 } }' ||
	fail "the first lines of a source lack the licence line (above)"

step "there are no binaries"
! there <"$HW_TEST_DIR/files" |
	xargs -r sh -c 'find "$@" -size +0 -print0' - |
	xargs -r0 grep -LI '' -- | grep . || fail "binary files (above)"

step "every setting is explained, and none that is not one"
expect_eq "docs/settings.md" \
	"$(sed -n 's/^| `\([a-z_]*\)` .*/\1/p' docs/settings.md | sort)" \
	"$(sed -n 's/^    {"\([a-z_]*\)", KIND_.*/\1/p' watcher/settings.c | sort)"

step "nothing is left to do"
word='TO''DO|FIX''ME|XX''X:'
! sources '\.(c|h|sh|py)$' | xargs -r grep -nE "$word" -- ||
	fail "unfinished work (above)"

step "no line of C is wider than 80 columns"
sources '\.(c|h)$' | there | LC_ALL=C xargs -r awk -F '\t' '{
		n = 0
		for (i = 1; i <= NF; i++) {
			gsub(/[\200-\277]/, "", $i) # a character is one
			n += length($i)
			if (i < NF)
				n = int(n / 8) * 8 + 8
		}
		if (n > 80) {
			printf "%s:%d: %d columns\n", FILENAME, FNR, n
			bad = 1
		}
	}
	END { exit bad }' || fail "lines too wide (above)"

step "the code server ends no process and prints nothing"
! sources '^codeserver/.*\.c$' | xargs -r grep -nE \
	'\<(abort|exit|_exit|assert|printf|puts)\(' -- ||
	fail "not in someone else's process (above)"
