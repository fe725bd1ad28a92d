#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
# check --git: two commits, built as the hot build in the working tree was.
# Neither the working tree nor the repository is touched.
. "$(dirname "$0")/../lib.sh"

export XDG_CACHE_HOME=$PWD/cache

commit() {
	git add -A
	git commit -qm "$1"
}

# check ARGS...: "rule severity file:line" a line, the verdict and the status
check() {
	local status=0
	"$hw" check --json "$@" >../.json 2>../.errors || status=$?
	jq -r '.findings[] | "\(.rule) \(.severity) \(.file):\(.line)"' ../.json |
		sort
	echo "$(jq -r '"\(.verdict) \(.compared - .unchanged)"' ../.json) $status"
}

# The compiler, which notes what it compiles.
mkdir bin
cat >bin/clang-19 <<END
#!/bin/sh
for word; do
	case \$word in
	*.c) echo "\${word##*/}" >>"$PWD/compiled" ;;
	esac
done
exec $(command -v clang-19) "\$@"
END
chmod +x bin/clang-19
export HOTWATCH_CLANG=$PWD/bin/clang-19

project work
cd work
mkdir src
cat >src/api.h <<'END'
struct item {
	int key;
};
int key_of(struct item *i);
END
cat >src/api.c <<'END'
#include "api.h"
#include "config.h"
int key_of(struct item *i)
{
	return i->key + OFFSET;
}
END
cat >src/main.c <<'END'
#include "api.h"
static int runs;
int main(void)
{
	struct item i = {1};

	return key_of(&i) + runs++;
}
END
printf '%s\n' '*.o' '*.hot/' .hotwatch/ config.h program >.gitignore
echo '#define OFFSET 3' >src/config.h
commit one
for source in src/*.c; do
	"$hw" cc -O2 -Isrc -I"$PWD/src" -c "$source" -o "${source%.c}.o"
done
# shellcheck disable=SC2086
"$hw" cc src/*.o -o program

step "the same commit has nothing to compare"
expect_eq "HEAD..HEAD" "$(check --git HEAD..HEAD)" "unchanged 0 0"

step "the working tree, not committed"
replace src/main.c 'static int runs' 'static long runs'
replace src/main.c 'return key_of' 'return (int)runs + key_of'
replace src/main.c '+ runs++' '+ (int)runs++'
expect_eq "HEAD" "$(check --git HEAD)" "variable-in-use error src/main.c:2
variable-migrates info src/main.c:2
unsafe 1 1"
expect_eq "HEAD, program" "$(check --git HEAD program)" \
	"variable-in-use error src/main.c:2
variable-migrates info src/main.c:2
unsafe 1 1"
commit two

step "a header: who includes it is compiled, with what the build generated"
replace src/api.h '	int key;' '	int kind;
	int key;'
commit three
expect_eq "one change" "$(check --git HEAD~..HEAD)" \
	"heap-type error src/api.h:1
needs code_change 2 1"
expect_eq "two changes" "$(check --git HEAD~2..)" \
	"heap-type error src/api.h:1
variable-in-use error src/main.c:2
variable-migrates info src/main.c:2
unsafe 2 1"
expect_eq "the other way" "$(check --git HEAD~..HEAD~2)" \
	"variable-in-use error src/main.c:2
variable-migrates info src/main.c:2
variable-narrowed warning src/main.c:2
unsafe 1 1"

step "what was compiled is not compiled again, what differs is"
cp ../compiled before
expect_eq "again" "$(check --git HEAD~2..)" \
	"heap-type error src/api.h:1
variable-in-use error src/main.c:2
variable-migrates info src/main.c:2
unsafe 2 1"
same_file "compilers that ran" ../compiled before
rm before
replace src/config.h 3 4
expect_eq "with another config.h" "$(check --git HEAD~..)" \
	"heap-type error src/api.h:1
needs code_change 2 1"
expect_eq "compilers that ran" "$(sort ../compiled | uniq -c | sort -n |
	tail -n 1 | sed 's/^ *//')" "5 api.c"

step "what is gone is shown as it was"
cat >>src/api.c <<'END'
static int gone;
int touch(void);
int touch(void)
{
	return gone++;
}
END
commit four
replace src/api.c 'static int gone;
' ''
replace src/api.c 'gone++' 1
commit five
expect_status 1 "$hw" check --color never --git HEAD~..HEAD
expect_match "its line" "$output" '^ +7 - static int gone;$'
rm .output .errors

step "what does not compile on one side is not checked"
replace src/main.c 'int main(void)' 'int main(void'
commit broken
expect_eq "broken" "$(check --git HEAD~..HEAD)" "could not check 0 3"
expect_match "why" "$(jq -r '.unchecked[0].message' ../.json)" \
	'^does not compile on the new side: .*main.c:[0-9]+'

step "a commit that is not there, a folder that is no repository"
expect_eq "nowhere" "$("$hw" check --git nowhere..HEAD 2>&1 | tail -n 1 |
	sed 's/: git.*//')" "hotwatch check: badfile"
expect_status 3 "$hw" check --git nowhere..HEAD

step "nothing was touched"
rm -f .output .errors
expect_eq "status" "$(git status --porcelain)" ""
expect_eq "worktrees" "$(git worktree list | wc -l)" 1
expect_eq "left in TMPDIR" "$(find "$TMPDIR" -name 'hotwatch-check-*')" ""
