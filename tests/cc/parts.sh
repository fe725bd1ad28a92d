#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address
# Programs of which only a part can be modules: other languages and compilers,
# libraries, section arrays, whole programs that cannot be split at all.
. "$(dirname "$0")/../lib.sh"

cc="$hw cc" plain="$BUILD/hotwatch cc" # which a sanitizer's flags are not given
git init -q .

modules() {
	jq -r '.modules[].name' "$1.hot/manifest.json" | sort | paste -sd' '
}

cat >main.c <<'END'
#include <stdio.h>
int helper(int (*)(int));
int foreign_variable = 3;
static int twice(int x)
{
	return 2 * x;
}
int called_back(int x)
{
	return x + foreign_variable++;
}
int main(void)
{
	printf("%d", helper(twice));
	printf(" %d\n", helper(called_back));
	return 0;
}
END
cat >helper.c <<'END'
#include <stdlib.h>
extern int foreign_variable;
int called_back(int x);
static int before = 20;
static void at_end(void)
{
	before = 0;
}
int helper(int (*f)(int))
{
	atexit(at_end);
	return f(1) + called_back(before) + foreign_variable;
}
END
clang-19 -fPIC -c helper.c -o helper.o

step "an object of another compiler, alone and in an archive"
$cc main.c helper.o -o p
expect_eq "modules" "$(modules p)" "main"
expect_eq "output" "$(./p)" "29 36"
$cc -c main.c
printf 'int not_needed(void) { return missing(); }\n' |
	clang-19 -Wno-everything -x c -c - -o not_needed.o
ar rcs libmixed.a helper.o main.o not_needed.o
for args in libmixed.a '-L. -lmixed' '-Wl,--start-group libmixed.a -Wl,--end-group'; do
	# shellcheck disable=SC2086
	$cc $args -o p
	expect_eq "modules" "$(modules p)" "main"
	expect_eq "output" "$(./p)" "29 36"
done
ar rcs libonly.a helper.o
$cc main.o libonly.a -o p
expect_eq "output" "$(./p)" "29 36"
ar rcsT libthin.a helper.o main.o
$cc libthin.a -o p
expect_eq "modules of a thin archive" "$(modules p)" "main"
expect_eq "output" "$(./p)" "29 36"

step "an object that takes a module's variable away is refused by name"
clang-19 -fno-pic -c helper.c -o no_pic.o
expect_status 1 $cc -no-pie main.o no_pic.o -o x
expect_match "message" "$errors" 'foreign_variable, a variable of .*main\.c'
[ ! -e x ] || fail "the program is there"

step "assembler, preprocessed and not; C++"
printf '.globl from_s\nfrom_s:\tmov $5, %%eax\n\tret\n.section .note.GNU-stack,"",@progbits\n' >s.s
printf '#define FIVE 5\n.globl from_S\nfrom_S:\tmov $FIVE, %%eax\n\tret\n.section .note.GNU-stack,"",@progbits\n' >S.S
printf 'int from_s(void), from_S(void);\nint main(void) { return from_s() + from_S(); }\n' >asm.c
$cc asm.c s.s S.S -o p
expect_status 10 ./p
printf 'extern "C" int count(int x);\nint count(int x) { return x + 1; }\n' >count.cc
printf 'int count(int);\nint main(void) { return count(6); }\n' >use.c
$cc use.c count.cc -o p
expect_eq "modules" "$(modules p)" "use"
expect_status 7 ./p
printf 'int main() { return 9; }\n' >only.cc
$cc only.cc -o p
expect_status 9 ./p
[ ! -e p.hot ] || fail "a program without modules has a p.hot"

step "shared libraries: ours, linked as clang does, found by the user's rpath"
mkdir lib
$cc -c helper.c -o h.o
$cc -shared h.o -o lib/libhelper.so
nm -D lib/libhelper.so >symbols
expect_match "the library" "$(<symbols)" ' T helper$'
for flag in -Wl,--no-as-needed -Wl,--as-needed; do
	$cc $flag main.o -Llib -lhelper -Wl,-rpath,"$PWD/lib" -o p
	expect_eq "modules" "$(modules p)" "main"
	expect_eq "output" "$(./p)" "29 36"
done

step "ld -r of several is one object"
$plain -r main.o h.o -o both.o # clang adds a sanitizer's runtime
$cc -c use.c
printf 'int count(int x) { return x; }\n' >count.c
$cc both.o count.c -o p
expect_eq "modules" "$(modules p)" "count"
expect_eq "output" "$(./p)" "29 36"

step "arrays of a section stay together, and are told"
cat >array.h <<'END'
#define ENTRY(n) \
	static const int n __attribute__((used, section("entries"))) = __LINE__
END
printf '#include "array.h"\nENTRY(a);\nint other(void) { return 1; }\n' >a1.c
printf '#include "array.h"\n\nENTRY(b);\nextern const int __start_entries[], __stop_entries[];\nint other(void);\nint sum(void)\n{\n\tint s = 0;\n\tfor (const int *p = __start_entries; p < __stop_entries; p++)\n\t\ts += *p;\n\treturn s + other();\n}\n' >a2.c
printf 'int sum(void);\nint main(void) { return sum(); }\n' >a3.c
expect_status 0 $cc a1.c a2.c a3.c -o p
expect_match "notice" "$errors" 'a1\.c: will not reload: .*__start_'
expect_match "notice" "$errors" 'a2\.c: will not reload: .*__start_'
expect_eq "modules" "$(modules p)" "a3"
expect_status 6 ./p

step "indirect functions"
printf 'static int five(void) { return 5; }\nstatic int (*pick(void))(void) { return five; }\nint indirect(void) __attribute__((ifunc("pick")));\n' >ifunc.c
printf 'int indirect(void);\nint main(void) { return indirect(); }\n' >call.c
expect_status 0 $cc ifunc.c call.c -o p
expect_match "notice" "$errors" 'ifunc\.c: will not reload: .*ifunc'
expect_status 5 ./p

step "a common variable is as large as the largest of its name"
printf 'char buf[10];\nint fill(void);\nint main(void) { return fill() + buf[9]; }\n' >few.c
printf 'char buf[100000];\nint fill(void)\n{\n\tfor (unsigned i = 0; i < sizeof(buf); i++)\n\t\tbuf[i] = 3;\n\treturn buf[99999];\n}\n' >many.c
printf 'char buf[10];\n' >same.c
expect_status 0 $cc -fcommon few.c many.c -o p
expect_match "notice" "$errors" 'few\.c: will not reload: .* another size'
expect_status 6 ./p
expect_status 0 $cc -fcommon few.c same.c many.c -o p
expect_status 6 ./p
expect_status 0 $cc -fcommon same.c call.c ifunc.c -o p
expect_match "modules" "$(modules p)" "same"

step "constructors with priorities"
printf '__attribute__((constructor(200))) static void begin(void) { }\n' >first.c
expect_status 0 $cc first.c call.c ifunc.c -o p
expect_match "notice" "$errors" 'first\.c: its constructors. priorities count among'

step "more sections than a symbol can tell"
seq 66000 | sed 's/.*/int many_&(void) { return &; }/' >many.c
printf 'int many_7(void);\nint main(void) { return many_7(); }\n' >call.c
expect_status 0 $cc -g0 many.c call.c -o p
expect_match "notice" "$errors" 'many\.c: will not reload: .*65 000 sections'
expect_eq "modules" "$(modules p)" call
expect_status 7 ./p

step "what cannot be split is linked in one piece, and told"
expect_status 0 $plain -static use.c count.c -o p
expect_match "notice" "$errors" 'p: linked in one piece.*: -static'
expect_status 6 ./p
expect_no_match "the program" "$(readelf -d p)" NEEDED

step "thread-locals are the same in modules and in the executable"
printf '__thread int t = 1;\nint by_module(void) { return ++t; }\n' >tls.c
printf '#include "array.h"\nENTRY(c);\nextern const int __start_entries[];\nextern __thread int t;\nint by_executable(void) { return __start_entries[0] * 0 + ++t; }\n' >tls2.c
printf 'int by_module(void), by_executable(void);\nint main(void) { by_module(); by_executable(); return by_module(); }\n' >tls3.c
expect_status 0 $cc tls.c tls2.c tls3.c -o p
expect_eq "modules" "$(modules p)" "tls tls3"
expect_status 4 ./p
