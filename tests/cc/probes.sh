#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
#
# What build systems ask of a compiler, hotwatch cc answers as clang does.
. "$(dirname "$0")/../lib.sh"
hw=$BUILD/hotwatch # no code server is run: without a sanitizer's flags

cat >a.c <<'END'
#include <stdio.h>
#define TWICE(x) ((x) + (x))
static int hidden = 3;
int main(void)
{
	printf("%d\n", TWICE(hidden));
	return 0;
}
END
printf 'int main( { return 0; }\n' >broken.c
printf 'int f(void);\nint main(void) { return f(); }\n' >undefined.c
printf '.globl f\nf:\tret\n' >f.s
cp f.s g.S
printf 'int h;\n' >h.h
clang-19 -c a.c -o a.o

# same ARGS...: output, messages, status, and the files made are clang's
same() {
	local status=0 wanted=0 linker=-fuse-ld=lld
	case " $* " in *" -c "*) linker= ;; esac
	rm -rf native hot
	mkdir native hot
	cp ./*.c ./*.s ./*.S ./*.h ./*.o native
	cp ./*.c ./*.s ./*.S ./*.h ./*.o hot
	# shellcheck disable=SC2086
	(cd native && clang-19 $linker "$@") >native.out 2>native.err \
		</dev/null || wanted=$?
	(cd hot && "$hw" cc "$@") >hot.out 2>hot.err </dev/null || status=$?
	expect_eq "status of cc $*" "$status" "$wanted"
	# clang makes names for its temporary objects
	sed -i 's,/tmp/[a-z0-9-]*\.,/tmp/X.,g; /unused.*fuse-ld/d' \
		native.out native.err hot.out hot.err
	same_file "what cc $* prints" hot.out native.out
	same_file "what cc $* says" hot.err native.err
	(cd native && find . -type f | sort) >native.files
	(cd hot && find . -type f ! -path '*/.hotwatch/*' | sort) >hot.files
	same_file "the files that cc $* makes" hot.files native.files
}

step "about itself"
same --version
same -dumpversion
same -dumpmachine
same -print-search-dirs
same -print-file-name=libc.so
same --print-prog-name=ld
same -print-resource-dir
same -v
same --help

step "reading only"
same -E a.c
same -E -P a.c -o a.i
same -dM -E a.c
same -E -x c -
same -M a.c
same -MM -MG -MT x a.c
same -S a.c -O2
same -S a.c -o -
same -S -emit-llvm a.c
same -c -emit-llvm a.c
same -fsyntax-only -Wall a.c
same -E no_such.c

step "nothing to do, and mistakes"
same
same -c
same a.c -o
same -c a.c g.S -o x.o
same --no-such-option a.c
same -c broken.c
same broken.c -o x
same -c no_such.c
same no_such.o -o x
same undefined.c -lno_such_library
same a.o undefined.c -o no/such/folder/x
same -c -Werror -L. -lm a.c

step "other languages, libraries, parts"
same -c f.s
same -c -Werror f.s g.S
same -x c-header h.h -o h.pch
same -shared -fPIC a.c -o a.so
same -r a.o -o b.o
same -m32 -c h.h -o x
same --target=aarch64-linux-gnu -S a.c
same -Wl,--version
same -Wl,-v

step "a configure check is clang's"
cp a.c conftest.c
same conftest.c
same conftest.c -o conftest
same -c conftest.c
expect_eq "a check's program" "$(hot/conftest 2>/dev/null || true)" ""
same -g -O2 -o conftest conftest.c -lm

step "HOTWATCH_CC=native"
HOTWATCH_CC=native same a.c -o a
HOTWATCH_CC=native same -c a.c

step "HOTWATCH_CLANG says which clang; one that will not do is refused"
HOTWATCH_CLANG=$(command -v clang-19) same --version
HOTWATCH_CLANG=no-such-clang expect_status 1 "$hw" cc -c a.c
expect_match "message" "$errors" 'no-such-clang: no clang found; install'
printf '#!/bin/sh\necho 14.0.6\n' >old-clang
chmod +x old-clang
HOTWATCH_CLANG=./old-clang expect_status 1 "$hw" cc -c a.c
expect_match "message" "$errors" 'old-clang: version 14; .* needs clang 18'
PATH=$PWD/empty expect_status 1 "$hw" cc -c a.c
expect_match "message" "$errors" 'no clang found; install clang-19'
