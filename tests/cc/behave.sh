#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address
# A hot program starts, is instrumented and ends as the native one: constructors
# in the objects' order, the strong definition of a variable, sanitizers that
# see into modules, coverage.
. "$(dirname "$0")/../lib.sh"

cc="$hw cc" plain="$BUILD/hotwatch cc" # which a sanitizer's flags are not given
git init -q .

step "constructors and destructors run in the order of the objects"
for i in a b c; do
	cat >$i.c <<-END
		#include <stdio.h>
		__attribute__((constructor)) static void begin(void)
		{
			printf("+$i ");
		}
		__attribute__((destructor)) static void end(void)
		{
			printf("-$i ");
		}
	END
done
printf '#include <stdio.h>\nint main(void) { printf("main "); return 0; }\n' >main.c
for order in 'a.c b.c main.c c.c' 'main.c c.c b.c a.c'; do
	# shellcheck disable=SC2086
	clang-19 $order -o native
	# shellcheck disable=SC2086
	$cc $order -o hot
	expect_eq "output of $order" "$(./hot)" "$(./native)"
done

step "the strong definition of a variable counts, common ones are one"
printf 'int x __attribute__((weak)) = 1;\nint common;\nint get(void) { return x * 10 + common; }\n' >w1.c
printf 'int x = 2;\nint common = 5;\n' >w2.c
printf 'int get(void);\nint common;\nint main(void) { common++; return get() + common; }\n' >w3.c
for order in 'w1.c w2.c w3.c' 'w3.c w2.c w1.c' 'w2.c w3.c w1.c'; do
	# shellcheck disable=SC2086
	$cc -fcommon $order -o p
	expect_status 32 ./p
done
# shellcheck disable=SC2086
$cc -fcommon w1.c w3.c -o p
expect_status 12 ./p

step "main in the executable"
printf 'extern "C" int get(void);\nextern "C" int common;\nint main() { common = 3; return get(); }\n' >main.cc
$cc -fcommon main.cc w1.c w2.c -o p
expect_status 23 ./p

step "position dependent on the user's wish"
$cc -fcommon -no-pie -fno-pie w1.c w2.c main.c -o p
expect_eq "output" "$(./p)" "main "

cat >bug.c <<'END'
#include <stdlib.h>
int index_of(int x);
int main(int argc, char **argv)
{
	int *p = malloc(4 * sizeof(int)), r;

	(void)argv;
	p[0] = 0;
	r = argc > 1 ? p[index_of(argc + 2)] : p[index_of(0)];
	free(p);
	return r;
}
END
printf 'int table[] = {0, 1, 2, 3, 4};\nint index_of(int x) { return table[x]; }\n' >index.c
if clang-19 -fsanitize=address main.c -o probe 2>/dev/null && [ -z "$sanitize" ]; then
	step "AddressSanitizer sees into modules"
	export ASAN_OPTIONS=detect_leaks=0
	expect_status 0 $cc -O1 -g -fsanitize=address bug.c index.c -o p
	expect_eq "what its constructors are told as" "$errors" ""
	expect_status 0 ./p # bug.c has no variable; index.c's count once
	expect_status 1 ./p 1
	expect_match "report" "$errors" 'heap-buffer-overflow'
	expect_match "report" "$errors" 'bug\.c:9'
	expect_status 1 ./p 1 2
	expect_match "report" "$errors" 'global-buffer-overflow'
	expect_match "report" "$errors" "variable 'table'"

	step "UndefinedBehaviorSanitizer, ThreadSanitizer"
	$cc -fsanitize=undefined -fno-sanitize-recover=undefined bug.c \
		index.c -o p
	expect_status 0 ./p
	expect_status 1 ./p 1 2
	expect_match "report" "$errors" 'index\.c:2:.*out of bounds'
	$cc -fsanitize=thread bug.c index.c -o p
	expect_status 0 ./p
fi

step "coverage is counted in one piece"
if clang-19 --coverage main.c -o probe 2>/dev/null; then
	expect_status 0 $cc --coverage bug.c index.c -o covered
	expect_match "notice" "$errors" 'one piece.*--coverage'
	expect_status 0 ./covered
	[ -f covered-bug.gcda ] || fail "no counts: $(ls)"
fi

step "an object without its depfile gets one; a link's depfile names its output"
printf '#define ONE 1\n' >one.h
printf '#include "one.h"\nint main(void) { return ONE - 1; }\n' >dep.c
$plain -c dep.c
rm -r .hotwatch
$cc dep.o -Wl,--dependency-file=link.d -o p
expect_eq "dependencies" "$(jq -c '.modules[0].deps' p.hot/manifest.json)" \
	"[\"$PWD/dep.c\",\"$PWD/one.h\"]"
expect_match "the link's depfile" "$(head -n 1 link.d)" '^p:'
