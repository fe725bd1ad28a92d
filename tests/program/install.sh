#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
#
# What is installed is whole, finds itself wherever it is moved to, is known to
# pkg-config, and can be a Meson subproject.
. "$(dirname "$0")/../lib.sh"

step "installed, and moved"
DESTDIR=$PWD/root meson install -C "$BUILD" --no-rebuild --quiet >log 2>&1 ||
	fail "meson install: $(tail -n 10 log)"
prefix=$(meson introspect --buildoptions "$BUILD" |
	jq -r '.[] | select(.name == "prefix").value')
mv "root$prefix" moved
for file in bin/hotwatch bin/hotwatch-cc lib/hotwatch/libcodeserver.so \
	include/hotwatch/hot.h; do
	[ -e "moved/$file" ] || fail "$file is not installed"
done
expect_eq "its version" "$(moved/bin/hotwatch --version)" \
	"$("$hw" --version)"

step "it builds and runs a program"
project p
cp "$ROOT/examples/counter/counter.c" p/
# shellcheck disable=SC2086
(cd p && ../moved/bin/hotwatch-cc -O2 $sanitize -pthread counter.c -o counter)
ldd p/counter >libraries
expect_match "the library that it needs" "$(<libraries)" \
	"$PWD/moved/lib/hotwatch/libcodeserver\.so"
spawn_io run moved/bin/hotwatch run p/counter
tell run increment
tell run get
wait_line run.out '^1$'
replace p/counter.c 'printf("%ld\n", sum)' 'printf("have %ld\n", sum)'
wait_line run.err 'counter v1 live'
tell run code_switch
tell run get
wait_line run.out '^have 1$'
hang_up run
finish run

step "pkg-config knows it"
pc=$(find moved -name hotwatch.pc)
[ -n "$pc" ] || fail "no hotwatch.pc is installed"
export PKG_CONFIG_PATH=${pc%/*}
expect_eq "pkg-config --modversion" "$(pkg-config --modversion hotwatch)" \
	"$("$hw" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')"
flags=$(pkg-config --define-variable=prefix="$PWD/moved" --cflags hotwatch)
# shellcheck disable=SC2086
printf '#include <hotwatch/hot.h>\nint f(void);\nint f(void)\n{\n%s\n}\n' \
	'return HOT(f)();' | clang-19 $flags -x c -c - -o f.o

step "a plain program with processes"
sed "s,^prefix=.*,prefix=$PWD/moved," "$pc" >hotwatch.pc
cp -r "$ROOT/examples/counter" plain
PKG_CONFIG_PATH=$PWD make -s -C plain CC=clang-19 CFLAGS="-O2 $sanitize"
printf 'increment\nprint\n' | plain/counter >plain.out
expect_eq "what it says" "$(<plain.out)" "the sum is 1"

step "a Meson subproject"
mkdir -p sub/subprojects
ln -s "$ROOT" sub/subprojects/hotwatch
cat >sub/meson.build <<'END'
project('sub', 'c')
subproject('hotwatch')
executable('sub', 'sub.c', dependencies: dependency('hotwatch'))
END
cat >sub/sub.c <<'END'
#include <hotwatch/hot.h>
static int answer(void)
{
	return 42;
}
int main(void)
{
	return HOT(answer)();
}
END
(cd sub && CC=clang-19 meson setup build && ninja -C build sub) >log 2>&1 ||
	fail "as a subproject: $(tail -n 20 log)"
expect_status 42 sub/build/sub
