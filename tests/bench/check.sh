#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# hotwatch check beside abidiff: what each finds of the 44 changes that
# tests/upgrade/variants lists, both sides at -O2, and how long it takes; then a
# module of 1 MB, and a commit of Redis that changes one file.
. "$(dirname "$0")/lib.sh"

abidiff=$(command -v abidiff || true)
echo '{}' >hotwatch.json

# timed FILE COMMAND...: its milliseconds into FILE, its output into out
timed() {
	local file=$1 from=$EPOCHREALTIME status=0
	shift
	"$@" >out 2>&1 || status=$?
	awk -v a="$from" -v b="$EPOCHREALTIME" \
		'BEGIN { printf "%.1f\n", (b - a) * 1000 }' >"$file"
	return $status
}

middle() {
	sort -g "$1" | sed -n "$((($(wc -l <"$1") + 1) / 2))p"
}

# --- 44 changes ---------------------------------------------------------------

# both SIDE FILES...: the same sources for either tool, in the folder SIDE
both() {
	local side=$1 file flags
	shift
	flags=$(cat "$side.flags" 2>/dev/null || true)
	for file; do
		# shellcheck disable=SC2086
		(cd "$side" && "$hw" cc -O2 $flags -c "$file" -o "${file%.c}.o" &&
			clang-19 -O2 -g $flags -fPIC -c "$file" \
				-o "${file%.c}.plain.o")
	done
	clang-19 -shared "$side"/*.plain.o -o "$side/lib.so"
}

# pair NAME: leaves what check and abidiff compare in old and new
pair() {
	local side
	for side in old new; do
		rm -rf $side $side.flags
		mkdir $side
		cp "$ROOT/tests/upgrade/$1/$side.c" $side/unit.c
		# abidiff sees what is reached from exports: it gets the chance.
		case $1 in
		heap-behind-void) ;;
		heap-*) sed -i 's/^static struct/struct/' $side/unit.c ;;
		esac
		cp "$ROOT/tests/upgrade/$1/$side.flags" . 2>/dev/null || true
		both $side unit.c
		mv $side/unit.o $side/operand.o
	done
	operands=(old/operand.o new/operand.o)
}

# program KIND: a header changed, and one of two that include it was built
program() {
	local side
	for side in old new; do
		rm -rf $side $side.flags
		mkdir $side
		printf '%s\n' '#define LIMIT 3' 'static inline int twice(int a)' \
			'{ return a * 2; }' >$side/api.h
		printf '#include "api.h"\nint one(int a)\n{\n%s\n}\n' \
			'	return twice(a) + LIMIT;' >$side/one.c
		printf '#include "api.h"\nint one(int a);\nint main(void)\n{\n%s\n}\n' \
			'	return one(twice(1)) + LIMIT;' >$side/main.c
	done
	both old one.c main.c
	cp -p old/main.*o new
	touch -d '1 minute ago' new/main.o
	case $1 in
	macro) sed -i 's/LIMIT 3/LIMIT 4/' new/api.h ;;
	inline) sed -i 's/a \* 2/a * 2 + 1/' new/api.h ;;
	esac
	both new one.c
	for side in old new; do
		(cd $side && "$hw" cc one.o main.o -o program)
	done
	operands=(old/program new/program)
}

# said FOUND KIND: in a word, and counted
said() {
	case $2:$1 in
	unsafe:1) echo found ;;
	unsafe:0) echo MISSED ;;
	safe:1) echo "FALSE FINDING" ;;
	safe:0) echo quiet ;;
	esac
}

printf '%-32s %-14s %8s  %-14s %8s\n' change hotwatch ms abidiff ms
: >results
while IFS=$'\t' read -r kind what how; do
	case $how in
	program*) program "${how#* }" ;;
	*) pair "$how" ;;
	esac
	status=0
	timed ours.ms "$hw" check --json "${operands[@]}" || status=$?
	[ $status != 3 ] || fail "$what could not be checked: $(<out)"
	ours=$(jq -r '.findings | length | if . > 0 then 1 else 0 end' out)
	theirs=- ms=-
	if [ -n "$abidiff" ]; then
		theirs=0
		timed theirs.ms "$abidiff" old/lib.so new/lib.so || theirs=1
		ms=$(<theirs.ms)
		theirs=$(said $theirs "$kind")
	fi
	ours=$(said "$ours" "$kind")
	printf '%-32s %-14s %8s  %-14s %8s\n' "$what" "$ours" "$(<ours.ms)" \
		"$theirs" "$ms"
	printf '%s\t%s\t%s\t%s\n' "$ours" "$(<ours.ms)" "$theirs" "$ms" >>results
done < <(grep -v '^#' "$ROOT/tests/upgrade/variants")

# of COLUMN WORD: how many rows say so
of_rows() {
	cut -f "$1" results | grep -cx "$2" || true
}

harmful=$(grep -c '^unsafe' "$ROOT/tests/upgrade/variants")
figure "found of $harmful, hotwatch check" "$(of_rows 1 found)" "" min "$harmful"
figure "  false findings" "$(of_rows 1 'FALSE FINDING')" "" max 0
cut -f 2 results >ms
figure "  the middle of their times" "$(middle ms)" ms
if [ -n "$abidiff" ]; then
	figure "found of $harmful, abidiff" "$(of_rows 3 found)" ""
	figure "  false findings" "$(of_rows 3 'FALSE FINDING')" ""
	cut -f 4 results >ms
	figure "  the middle of their times" "$(middle ms)" ms
fi

# --- 1 MB ---------------------------------------------------------------------

generate() {
	awk -v n=950 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "struct s%d { int a; long b; char name[16];", i
			printf " struct s%d *up; };\n", int(i / 2)
			printf "static struct s%d v%d = { %d, 2, \"v%d\", 0 };\n",
				i, i, i, i
			printf "int f%d(struct s%d *p, int x)\n{\n", i, i
			printf "\tfor (int k = 0; k < x; k++) {\n"
			printf "\t\tp->a += v%d.a * k;\n", i
			printf "\t\tif (p->name[k & 15] == %d)\n", i % 100
			printf "\t\t\tp->b -= v%d.b++;\n\t}\n", i
			printf "\treturn p->up ? p->a + (int)p->b : v%d.a;\n}\n", i
		}
	}' </dev/null
}

rm -rf old new
mkdir old new
generate >old/big.c
sed 's/struct s4 \*up; };/struct s4 *up; int more; };/' old/big.c >new/big.c
for side in old new; do
	(cd $side && "$hw" cc -O1 -c big.c && clang-19 -O1 -g -fPIC -shared \
		big.c -o big.native.so)
done
module() {
	"$BUILD/tests/module-link" "$1/big.o" big 0x550010000000 "$PWD/$1" \
		/dev/null
}
was=$(module old) is=$(module new)
printf 'a module of %d KB, a member added to a struct in memory\n' \
	$(($(stat -c %s "$is") / 1024))
read -r verdict findings < <("$BUILD/tests/bench/verdict" "$was" "$is")
expect_le "findings" 1 "$findings"
figure "a verdict, the old side linked" "$verdict" ms max 5
for _ in {1..11}; do
	timed ms "$hw" check "$was" "$is" || true
	cat ms >>ours
	[ -z "$abidiff" ] || timed ms "$abidiff" old/big.native.so \
		new/big.native.so || true
	cat ms >>theirs
done
figure "hotwatch check, from cold" "$(middle ours)" ms
if [ -n "$abidiff" ]; then
	figure "abidiff, from cold" "$(middle theirs)" ms
	figure "hotwatch check over abidiff" "$(awk -v a="$(middle ours)" \
		-v b="$(middle theirs)" 'BEGIN { printf "%.3f", a / b }')" "" max 0.5
fi

# --- a commit of Redis --------------------------------------------------------

rm hotwatch.json # the repository is the project
"$ROOT/tests/fetch-sources" redis redis
project redis
printf '%s\n' '*.o' '*.d' '*.a' '*.hot/' .hotwatch/ >redis/.gitignore
git -C redis add -A
git -C redis commit -qm base
make -s -j2 -C redis/src CC="$hw cc" MALLOC=libc redis-server >hot.log 2>&1 ||
	fail "the hot build: $(tail -n 20 hot.log)"
jq -r '.modules[] | select(.name == "src/t_zset").command | @sh' \
	redis/src/redis-server.hot/manifest.json >command
for i in 1 2 3 4 5; do
	replace redis/src/t_zset.c 'void zcardCommand(client *c) {' \
		"void zcardCommand(client *c) {
    if (c->argc == 100$i) return;"
	git -C redis commit -qam "change $i"
	(
		cd redis/src
		eval "argv=($(<../../command))"
		timed ../../ms sh -c '"$@" -o ../../x.o && "$@" -o ../../x.o' \
			- "${argv[@]}"
	)
	cat ms >>twice
	XDG_CACHE_HOME=$PWD/cache$i timed ms env -C redis "$hw" check --git \
		HEAD~..HEAD src/redis-server || fail "check --git: $(<out)"
	cat ms >>git
done
figure "compiling Redis's t_zset.c twice" "$(middle twice)" ms
figure "check --git of a change to it, nothing cached" "$(middle git)" ms
figure "  over compiling it twice" "$(awk -v a="$(middle git)" \
	-v b="$(middle twice)" 'BEGIN { printf "%.2f", a / b }')" "" max 1.3
exit $over_limit
