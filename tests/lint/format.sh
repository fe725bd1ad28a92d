#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The C sources are as clang-format would have them: ./dev fmt mends it.
. "$(dirname "$0")/../lib.sh"

cd "$ROOT"
bad=$(git ls-files -co --exclude-standard '*.c' '*.h' | while read -r file; do
	[ ! -f "$file" ] || clang-format "$file" | cmp -s - "$file" ||
		printf ' %s' "$file"
done)
[ -z "$bad" ] || fail "./dev fmt would change:$bad"
