#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 400
# address: no, instrumented code names its file and line, so no two objects of these pairs are the same, and the compiler has other bytes
# Each folder here is one change, old.c to new.c, and what `hotwatch check` has
# to say of it, word for word, with its exit status in the last line. Half of
# them are changes of which nothing must be said. old.flags, new.flags: what one
# side is compiled with besides. UPDATE=1 tests/run pairs writes what is said
# now; then read the difference.
. "$(dirname "$0")/../lib.sh"

# one NAME: leaves NAME/got
one() {
	local dir=$ROOT/tests/upgrade/$1 side status=0
	mkdir "$1"
	cd "$1"
	echo '{}' >hotwatch.json
	for side in old new; do
		cp "$dir/$side.c" .
		# shellcheck disable=SC2046
		"$hw" cc -O2 $(cat "$dir/$side.flags" 2>/dev/null) -c $side.c \
			2>&1 || return 1
	done
	"$hw" check --color never old.o new.o >got 2>&1 || status=$?
	echo "status $status" >>got
	[ -z "${UPDATE:-}" ] || cp got "$dir/expect"
}
export -f one
export hw UPDATE

names=$(cd "$ROOT/tests/upgrade" && ls -d */)
tr -d / <<<"$names" | xargs -P "$(nproc)" -I{} bash -c 'set -eu; one {}' ||
	fail "a pair does not compile (above)"

bad=0 n=0 silent=0
for name in ${names//\//}; do
	expect=$ROOT/tests/upgrade/$name/expect
	diff -u "$expect" "$name/got" || bad=$((bad + 1))
	n=$((n + 1))
	[[ $name != silent-* ]] || {
		silent=$((silent + 1))
		expect_eq "lines of $name" "$(wc -l <"$expect")" 2
		expect_eq "status of $name" "$(tail -n 1 "$expect")" "status 0"
	}
done
[ $bad = 0 ] || fail "$bad of $n pairs (above)"
[ $n -ge 80 ] || fail "only $n pairs"
[ $((2 * silent)) -ge $((n - 15)) ] || fail "only $silent of $n are silent"
step "$n pairs, $silent of them silent"
