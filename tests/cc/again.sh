#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address
# Linking again: what did not change keeps its file and its place, files are
# never overwritten, and the manifest is what is on disk.
. "$(dirname "$0")/../lib.sh"

git init -q .
mkdir src
for i in $(seq 12); do
	printf 'int f%d(void) { return %d; }\n' "$i" "$i" >"src/m$i.c"
done
{
	for i in $(seq 12); do echo "int f$i(void);"; done
	printf '#include <stdio.h>\nint main(void) { printf("%%d\\n", 0'
	for i in $(seq 12); do printf ' + f%d()' "$i"; done
	printf '); return 0; }\n'
} >src/main.c
cat >Makefile <<'END'
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c))
p: $(OBJS)
	$(CC) $(LDFLAGS) -o $@ $(OBJS)
END

files() {
	jq -r '.modules[] | "\(.name) \(.file) \(.base)"' p.hot/manifest.json | sort
}

changed() { # module names whose file or base changed since the list $1
	files | comm -13 "$1" - | cut -d' ' -f1 | paste -sd' '
}

step "make -j"
make -s -j4 CC="$hw cc" p
expect_eq "output" "$(./p)" 78
files >first
expect_eq "modules" "$(wc -l <first)" 13

step "nothing changed"
rm p
make -s CC="$hw cc" p
expect_eq "changed" "$(changed first)" ""
expect_eq "output" "$(./p)" 78

step "one changed, a running program keeps what it has mapped"
sum=$(cat p.hot/obj/* | cksum)
old=$(ls p.hot/obj)
sed -i 's/return 3/return 103/' src/m3.c
make -s CC="$hw cc" p
expect_eq "changed" "$(changed first)" "src/m3"
expect_eq "output" "$(./p)" 178
# shellcheck disable=SC2086
expect_eq "the old files" "$(cd p.hot/obj && cat $old | cksum)" "$sum"
expect_eq "base of m3" "$(files | sed -n 's/^src.m3 [^ ]* //p')" \
	"$(sed -n 's/^src.m3 [^ ]* //p' first)"

step "a comment: the code's hash stays, the lines are right"
jq -r '.modules[] | select(.name == "src/m4").hash' p.hot/manifest.json >hash
sed -i '1i // a comment' src/m4.c
make -s CC="$hw cc" p
expect_eq "hash" "$(jq -r '.modules[] | select(.name == "src/m4").hash' \
	p.hot/manifest.json)" "$(<hash)"
file=$(jq -r '.modules[] | select(.name == "src/m4").file' p.hot/manifest.json)
expect_match "line of f4" "$(llvm-dwarfdump-19 --name=f4 "p.hot/$file")" \
	'decl_line.*\(2\)'

step "one outgrows its place, one is new, one is gone"
files >before
printf 'char big[1 << 20] = {1};\nint f5(void) { return 5 + big[7]; }\n' >src/m5.c
printf 'int f99(void) { return 99; }\n' >src/m99.c
rm src/m12.c
sed -i 's/^int f12.*//; s/ + f12()//' src/main.c
make -s CC="$hw cc" p
expect_eq "output" "$(./p)" 166
expect_eq "changed" "$(changed before)" "src/m5 src/m99 src/main"
jq -r '.modules[] | "\(.base) \(.size)"' p.hot/manifest.json |
	python3 -c '
import sys
places = sorted((int(b, 16), int(s)) for b, s in map(str.split, sys.stdin))
for (a, n), (b, _) in zip(places, places[1:]):
    assert a + n <= b, "modules overlap: %x+%x and %x" % (a, n, b)'

step "a damaged manifest, a lost file: a full link mends it"
echo '{"hotwatch":1' >p.hot/manifest.json
rm p
make -s CC="$hw cc" p
expect_eq "output" "$(./p)" 166
rm p p.hot/obj/m7-*
make -s CC="$hw cc" p
expect_eq "output" "$(./p)" 166

step "every file that the manifest names is there, and is loaded"
jq -r '.stubs, .modules[].file' p.hot/manifest.json | while read -r file; do
	[ -f "p.hot/$file" ] || fail "no p.hot/$file"
done
jq -e '.modules[] | select(.deps[0] != .source)' p.hot/manifest.json &&
	fail "a module's first dependency is not its source"
expect_match "libraries" "$(jq -r '.libs[]' p.hot/manifest.json)" '/libc\.so\.6$'

step "two links of one program at a time"
rm p
make -s CC="$hw cc" p & one=$!
# shellcheck disable=SC2046
"$hw" cc -o p src/*.o & two=$!
wait $one && wait $two
expect_eq "output" "$(./p)" 166
