#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# address: no, it runs nothing that was built
# The C sources are as clang-format would have them: ./dev fmt mends it.
. "$(dirname "$0")/../lib.sh"

cd "$ROOT"
bad=$(git ls-files -co --exclude-standard '*.c' '*.h' | while read -r file; do
	[ ! -f "$file" ] || printf '%s\n' "$file"
done | xargs -r -n 40 -P "$(nproc)" clang-format --dry-run 2>&1 |
	sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: warning: .*/\1/p' | sort -u)
[ -z "$bad" ] || fail "./dev fmt would change:" $bad
