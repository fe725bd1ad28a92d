#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address
# Compiling leaves an ordinary object with all that a reload needs, whatever the
# user's flags, says no more than clang, and writes the depfiles asked for.
. "$(dirname "$0")/../lib.sh"
hw=$BUILD/hotwatch # nothing is run: without a sanitizer's flags

record() {
	llvm-objcopy-19 --dump-section .GCC.command.line=.record "$1" .object
	tr -d '\0' <.record
}

cat >a.c <<'END'
#include "a.h"
static __thread int local;
extern __thread int far;
__attribute__((visibility("hidden"))) extern int by_attribute;
#pragma GCC visibility push(hidden)
extern int by_pragma;
#pragma GCC visibility pop
extern int plain;
__attribute__((visibility("hidden"))) int mine = 1;
int visibility(int x)
{
	return x + local++ + far + mine;
}
int f(void)
{
	return A + by_attribute + by_pragma + plain + visibility(1);
}
END
echo '#define A 1' >a.h

step "an object and its record"
"$hw" cc -Wall -Wextra -Werror -pedantic -O2 -DX='"a b"' -c a.c -o a.o
record a.o >record
expect_eq "begin of the record" "$(head -c 13 record)" '{"hotwatch":1'
expect_eq "source" "$(jq -r .source record)" "$PWD/a.c"
expect_eq "output" "$(jq -r .output record)" "$PWD/a.o"
expect_eq "dir" "$(jq -r .dir record)" "$PWD"
expect_eq "depfile" "$(jq -r .depfile record)" "$PWD/.hotwatch/a.o.d"
expect_match "dependencies" "$(<.hotwatch/a.o.d)" 'a\.c a\.h'
expect_match "argv" "$(jq -c .argv record)" '"-DX=\\"a b\\""'

step "the command of the record makes the same object"
mapfile -t argv < <(jq -r '.argv[]' record)
"${argv[@]}" -o b.o
llvm-objcopy-19 -R .GCC.command.line a.o a1.o
llvm-objcopy-19 -R .GCC.command.line b.o b1.o
cmp a1.o b1.o || fail "the objects differ"

step "what others hide is reached through the GOT, thread-locals are data"
readelf -rW a.o >relocations
for name in by_attribute by_pragma plain; do
	expect_match "$name" "$(grep " $name " relocations)" GOTPCREL
done
expect_no_match "thread-locals" "$(<relocations)" 'TLS|TPOFF'
expect_match "thread-locals" "$(<relocations)" __emutls_get_address

step "flags that would be in the way are undone"
for flag in -fno-pic -fno-plt -flto -fvisibility=hidden -mcmodel=large \
	-fno-function-sections -gsplit-dwarf -g0 -g1 -gline-tables-only \
	-fsemantic-interposition -fno-emulated-tls -gz \
	-fdebug-types-section -fno-asynchronous-unwind-tables \
	-fbasic-block-sections=all -funique-internal-linkage-names \
	-fno-unique-section-names; do
	"$hw" cc -O1 "$flag" -c a.c -o c.o 2>err || fail "$flag: $(<err)"
	expect_eq "what is said of $flag" "$(<err)" ""
	readelf -SW c.o >sections
	readelf -rW c.o >relocations
	expect_match "sections with $flag" "$(<sections)" ' \.text\.f +PROGBITS'
	expect_match "debug information with $flag" "$(<sections)" \
		' \.debug_info +PROGBITS'
	expect_no_match "sections with $flag" "$(<sections)" \
		'dwo|debug_types|lto|llvmbc'
	expect_match "references with $flag" "$(grep ' plain ' relocations)" \
		GOTPCREL
	expect_no_match "relocations with $flag" \
		"$(sed -n '/rela\.text/,/^$/p' relocations)" \
		'R_X86_64_(32S?|64|GOTPC64) |TPOFF|TLS'
done
expect_match "types" "$(llvm-dwarfdump-19 a.o)" DW_TAG_base_type

step "depfiles in all spellings"
depfile() {
	local file=$1
	shift
	rm -rf a.d a.o out .hotwatch
	mkdir out
	"$hw" cc -c a.c "$@"
	expect_match "$file of $*" "$(<"$file")" 'a\.h'
	expect_match "ours of $*" "$(find . -path '*/.hotwatch/*.d' \
		-exec cat {} +)" 'a\.h'
	rm "$file"
	clang-19 -c a.c "$@"
	mv "$file" wanted
	"$hw" cc -c a.c "$@"
	same_file "$file of $*" "$file" wanted
}
depfile a.d -MD
depfile a.d -MMD -MP
depfile out/a.d -MD -o out/a.o
depfile out/x -MD -MF out/x
depfile out/x -MMD -MFout/x -MT t1 -MQ 't$2'
depfile out/x -Wp,-MD,out/x
depfile out/x -Wp,-MMD,out/x -o out/b.o
depfile out/x --write-user-dependencies -MF out/x
depfile out/a.Tpo -MT out/a.o -MD -MP -MF out/a.Tpo -o out/a.o

step "several sources, preprocessed ones, response files, names"
cp a.c b.c
"$hw" cc -c a.c b.c
[ -f a.o ] && [ -f b.o ] || fail "no objects: $(ls)"
"$hw" cc -E a.c -o e.i
"$hw" cc -Werror -c e.i
expect_eq "source of e.i" "$(record e.o | jq -r .source)" "$PWD/e.i"
expect_eq "depfile of e.i" "$(record e.o | jq -r .depfile)" null
printf -- '-DA_B=1 "-DC=\\"x y\\""\n-O2' >args
"$hw" cc @args -c a.c
expect_match "argv" "$(record a.o | jq -c .argv)" '"-DA_B=1","-DC=\\"x y\\"","-O2"'
name="sp ace 'q' \"d\" \$x gr"$'\xc3\xbc'"n"
mkdir "$name"
cp a.c a.h "$name"
"$hw" cc -c "$name/a.c" -o "$name/o.o"
expect_eq "source" "$(record "$name/o.o" | jq -r .source)" "$PWD/$name/a.c"
expect_match "depfile" "$(cat "$name/.hotwatch/o.o.d")" 'a\.h'

step "a huge command"
python3 -c 'print("\n".join("-DLONG_NAME_%d=%d" % (i, i) for i in range(20000)))' >many
"$hw" cc @many -c a.c -o a.o
expect_match "argv" "$(record a.o | jq -c '.argv | length')" '^200[0-9][0-9]$'
expect_eq "files left behind" "$(ls | grep hotwatch- || true)" ""

step "environment, an output that is no file"
CPATH=$PWD/inc SOURCE_DATE_EPOCH=1 "$hw" cc -c a.c
expect_eq "env" "$(record a.o | jq -c .env)" \
	"{\"CPATH\":\"$PWD/inc\",\"SOURCE_DATE_EPOCH\":\"1\"}"
"$hw" cc -c a.c -o /dev/null
[ ! -e /dev/.hotwatch ] || fail "/dev/.hotwatch was made"

step "precompiled headers"
"$hw" cc -x c-header a.h -o a.h.pch
"$hw" cc -include-pch a.h.pch -c a.c

step "hot.h is found, and is the last to be"
printf '#include <hotwatch/hot.h>\nstatic int g(void) { return 1; }\nint h(void) { return HOT(g)(); }\n' >hot.c
"$hw" cc -Werror -c hot.c
expect_match "symbols" "$(nm hot.o)" 'hw\.hot\.g'
mkdir -p inc/hotwatch
echo '#error mine' >inc/hotwatch/hot.h
expect_status 1 "$hw" cc -Iinc -c hot.c
