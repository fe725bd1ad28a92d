#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 180
# sanitizers: address
# A hot link takes what a native link takes, refuses what it refuses in the
# same words, and the program behaves as the native one.
. "$(dirname "$0")/../lib.sh"

cc="$hw cc"
git init -q . # a project's root: names do not depend on where the tests are

modules() {
	jq -r '.modules[].name' "$1.hot/manifest.json" | sort | paste -sd' '
}

# same_refusal ARGS...: status and messages of a link are clang's
same_refusal() {
	local status=0 wanted=0
	# shellcheck disable=SC2086
	clang-19 -fuse-ld=lld $sanitize "$@" >native.out 2>native.err || wanted=$?
	$cc "$@" >hot.out 2>hot.err || status=$?
	[ "$wanted" != 0 ] || fail "clang takes $*"
	expect_eq "status of cc $*" "$status" "$wanted"
	same_file "what cc $* prints" hot.out native.out
	same_file "what cc $* says" hot.err native.err
}

cat >main.c <<'END'
#include <stdio.h>
int f(int);
extern int counter;
static __thread int local = 4;
extern __thread int shared;
int (*pointer)(int) = f;
int main(int argc, char **argv)
{
	printf("%d %d %d %d %d %s\n", f(argc), pointer(argc), counter++,
	       ++local, ++shared, argc > 1 ? argv[1] : "-");
	return argc - 1;
}
END
printf 'int counter = 5;\n__thread int shared = 7;\nint f(int x) { return x * counter; }\n' >f.c
printf 'int unused(void) { return missing(); }\nint missing(void);\n' >unused.c
sed -i '1i int missing(void);' unused.c

step "objects; sources in the link command; a.out; run from elsewhere, moved"
$cc -c main.c && $cc -O2 -c f.c
$cc main.o f.o -o p
[ -f p.hot/manifest.json ] || fail "not hot"
expect_eq "modules" "$(modules p)" "f main"
expect_eq "output" "$(./p)" "5 5 5 5 8 -"
expect_status 1 ./p arg
$cc -O1 main.c f.o -o p2
expect_eq "output" "$(cd / && "$OLDPWD/p2")" "5 5 5 5 8 -"
$cc main.c f.c
expect_eq "output of a.out" "$(./a.out)" "5 5 5 5 8 -"
expect_eq "modules of a.out" "$(modules a.out)" "f main"
expect_eq "no object is left beside the source" "$(ls ./*.o | paste -sd' ')" \
	"./f.o ./main.o"
mkdir moved
mv p p.hot moved
expect_eq "output after a move" "$(moved/p)" "5 5 5 5 8 -"
expect_eq "links left behind" "$(ls -d moved/p.hot/tmp* 2>/dev/null || true)" ""

step "what a link refuses"
printf 'int missing(void);\nint other(void);\nint main(void) { return missing() + other(); }\n' >undefined.c
$cc -g -c undefined.c
printf 'int f(int x) { return x; }\n' >twice.c
$cc -g -c twice.c
$cc -g -c f.c
same_refusal undefined.o -o x
same_refusal main.o f.o twice.o -o x
same_refusal main.o f.o -lno_such_library -o x
same_refusal main.o f.o -o x -Wl,--no-such-option
same_refusal f.o -o x
same_refusal main.o f.o no_such.a -o x
same_refusal main.o f.o -o no/such/x
printf 'garbage' >garbage.o
same_refusal main.o f.o garbage.o -o x
[ ! -e x ] && [ ! -e x.hot ] || fail "something is left: $(ls -d x*)"
expect_status 1 $cc undefined.c -o moved/p
[ ! -e moved/p ] || fail "a failed link leaves the old program"

step "archives give the members that are needed"
$cc -c unused.c
ar rcs libf.a f.o unused.o
$cc main.o libf.a -o p
expect_eq "modules" "$(modules p)" "f main"
$cc main.o -L. -lf -o p
expect_eq "modules by -l" "$(modules p)" "f main"
expect_eq "output" "$(./p)" "5 5 5 5 8 -"
same_refusal main.o -Wl,--whole-archive libf.a -Wl,--no-whole-archive -o x
ar rcs libboth.a f.o main.o
$cc -Wl,--whole-archive libboth.a -Wl,--no-whole-archive -o p
expect_eq "modules of a whole archive" "$(modules p)" "f main"
expect_eq "output" "$(./p)" "5 5 5 5 8 -"
$cc -Wl,--whole-archive,libboth.a,--no-whole-archive -o p
expect_eq "output" "$(./p)" "5 5 5 5 8 -"
mkdir -p thin/obj
cp f.o thin/obj
(cd thin && ar rcsT libthin.a obj/f.o)
$cc main.o thin/libthin.a -o p
expect_eq "modules of a thin archive" "$(modules p)" "f main"
expect_eq "the object" "$(jq -r '.modules[] | select(.name == "f").object' \
	p.hot/manifest.json)" "$PWD/thin/obj/f.o"

step "two members of one name"
mkdir -p one two
printf 'int first(void) { return 1; }\n' >one/same.c
printf 'int second(void) { return 2; }\n' >two/same.c
printf 'int f3(int);\nint second(void);\nint first(void);\n#ifdef FIRST\nint main(void) { return first(); }\n#else\nint main(void) { return second(); }\n#endif\n' >pick.c
$cc -c one/same.c -o one/same.o
$cc -c two/same.c -o two/same.o
ar qcs libsame.a one/same.o two/same.o
$cc pick.c libsame.a -o p
expect_eq "modules" "$(modules p)" "pick two/same"
expect_status 2 ./p
$cc -DFIRST pick.c libsame.a -o p
expect_eq "modules" "$(modules p)" "one/same pick"
expect_status 1 ./p
printf 'int first(void), second(void);\nint main(void) { return first() + second(); }\n' >sum.c
$cc sum.c one/same.o two/same.o -o p
expect_status 3 ./p
$cc sum.c libsame.a -o p
expect_status 3 ./p
expect_eq "modules" "$(modules p)" "one/same sum two/same"

step "one source twice, with other flags"
printf 'int NAME(void) { return VALUE; }\nstatic int count;\nint COUNT(void) { return ++count; }\n' >twice.c
$cc -DNAME=first -DVALUE=1 -DCOUNT=c1 -c twice.c -o t1.o
$cc -DNAME=second -DVALUE=2 -DCOUNT=c2 -c twice.c -o t2.o
$cc sum.c t1.o t2.o -o p
expect_status 3 ./p
expect_eq "modules" "$(modules p)" "sum twice twice~2"

step "weak and strong"
printf '__attribute__((weak)) int first(void) { return 4; }\nint second(void) { return first(); }\n' >weak.c
printf 'int first(void) { return 8; }\n' >strong.c
$cc weak.c sum.c -o p
expect_status 8 ./p
$cc weak.c sum.c strong.c -o p
expect_status 16 ./p

step "paths with blanks, quotes, letters beyond ASCII, an @"
name="sp ace 'q' \"d\" gr"$'\xc3\xbc'"n a@b"
mkdir "$name"
cp main.c f.c "$name"
$cc -c "$name/f.c" -o "$name/f.o"
$cc "$name/main.c" "$name/f.o" -o "$name/p q"
expect_eq "output" "$("$name/p q")" "5 5 5 5 8 -"
expect_eq "source" "$(jq -r '.modules[] | select(.name | endswith("f")).source' \
	"$name/p q.hot/manifest.json")" "$PWD/$name/f.c"

step "a folder behind a symbolic link"
mkdir real
cp main.c f.c real
ln -s real link
(cd link && $cc -c f.c && $cc main.c f.o -o p && expect_eq output "$(./p)" "5 5 5 5 8 -")
expect_eq "names" "$(modules real/p)" "real/f real/main"

step "response files"
printf 'main.o "f.o"\n-o\np3' >objects
$cc @objects
expect_eq "output" "$(./p3)" "5 5 5 5 8 -"

step "the linker's own answers"
$cc main.o f.o -o p -Wl,-M >map
expect_match "the map" "$(<map)" 'main\.o:\(\.text'
$cc main.o f.o -o p -Wl,-Map=p.map -Wl,--gc-sections -s
[ -s p.map ] || fail "no map"
expect_eq "output" "$(./p)" "5 5 5 5 8 -"
