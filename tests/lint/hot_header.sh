#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# address: no, it runs nothing that was built
# hot.h: HOT(fn) names the symbol hw.hot.fn, keeps fn's body, compiles without a
# warning, is a tail jump where fn would be, means fn until it is bound, and is
# just fn without hotwatch.
. "$(dirname "$0")/../lib.sh"

flags="-Wall -Wextra -pedantic -Werror -I$ROOT/codeserver/include"
hot="-D__HOTWATCH__=1 -fPIC -fno-semantic-interposition -ffunction-sections"

cat >a.c <<'END'
#include <hotwatch/hot.h>
HOT_VSN("2.1");
extern int other(int, const char *);
static int loop(int x);
static int only_hot(int x)
{
	return x + 1;
}
int use(int x)
{
	return HOT(only_hot)(HOT(only_hot)(x)) + HOT(other)(x, "a");
}
int (*pick(int x))(int)
{
	return x ? HOT(loop) : HOT(only_hot);
}
static int loop(int x)
{
	if (x > 10)
		return x;
	return HOT(loop)(x + 1);
}
int start(int x)
{
	return loop(x);
}
END

for std in c99 gnu11 c2x; do
	for level in 0 1 2 3 s; do
		step "-std=$std -O$level"
		# shellcheck disable=SC2086
		clang-19 -std=$std -O$level $flags $hot -c a.c -o a.o
		llvm-nm-19 a.o >symbols
		for symbol in loop only_hot other; do
			expect_match "hw.hot.$symbol in the object" "$(<symbols)" \
				" w hw\.hot\.$symbol\$"
		done
		expect_match "only_hot is emitted" "$(<symbols)" ' t only_hot$'
		expect_eq "writable data" "$(grep -cE ' [dDbB] ' symbols)" 0
	done
done

step "the tail call is a jump"
# shellcheck disable=SC2086
clang-19 -O2 $flags $hot -c a.c -o a.o
llvm-objdump-19 -d --no-show-raw-insn \
	--disassemble-symbols=loop a.o >loop.s
expect_match "loop" "$(<loop.s)" 'jmpq?[[:space:]]+\*%r'
expect_no_match "loop" "$(<loop.s)" 'callq?[[:space:]]'

step "the version's name is kept, outside of memory"
expect_match ".hw.vsn" "$(readelf -p .hw.vsn a.o)" '2\.1$'
expect_no_match ".hw.vsn" "$(readelf -SW a.o | grep hw.vsn)" ' A '

step "unbound, HOT(fn) is fn: in a program, in a shared library"
cat >main.c <<'END'
#include <stdio.h>
int use(int), start(int), (*pick(int))(int);
int other(int x, const char *s)
{
	return x + s[0] - 'a';
}
int main(void)
{
	printf("%d %d %d\n", use(1), start(2), pick(0)(4) + pick(1)(5));
	return 0;
}
END
clang-19 main.c a.o -o program
expect_eq "linked by hand" "$(./program)" "4 11 16"
clang-19 -shared a.o -o liba.so
clang-19 main.c liba.so -Wl,-rpath,. -rdynamic -o program
expect_eq "in a shared library" "$(./program)" "4 11 16"

step "bound, HOT(fn) is what it is bound to"
clang-19 main.c a.o -o program -Wl,--defsym=hw.hot.loop=use
expect_eq "bound to use" "$(./program)" "4 8 17"

step "without hotwatch it is not there"
# shellcheck disable=SC2086
clang-19 -std=c99 -O2 $flags -c a.c -o a.o
expect_no_match "symbols" "$(llvm-nm-19 a.o)" 'hw'
! readelf -SW a.o | grep hw || fail "a section of hotwatch in a plain object"
