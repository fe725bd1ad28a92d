#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# What goes wrong in one target is taken back in all: a code_change that fails,
# a target that ends in the middle. After the point of no return it is told what
# each runs instead. What is written by hand is followed in its order.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/kv.bash"

kv_project
git checkout -q v2 -- kv.c
make -s CC="$hw cc" CFLAGS="-O2 -g"
step "a third version whose code_change minds some keys, and a main that changed"
git checkout -q v3 -- kv.c
replace kv.c "#include <string.h>" $'#include <string.h>\n#include <unistd.h>'
replace kv.c "struct kv_2 *old = *state;" $'struct kv_2 *old = *state;
	for (struct pair *p = old->first; p; p = p->next) {
		if (!strcmp(p->key, "fail"))
			return -1;
		if (!strcmp(p->key, "die"))
			_exit(9);
	}'
replace main.c 'error: %s' 'error, and why: %s'
git commit -qam "one that may fail"
git tag v4
"$hw" check --git v2..v4 --write-release 4.json >/dev/null || true
expect_eq "up" "$(jq -c .up 4.json)" '[{"update":["kv"],"with":["main"]}]'

kv_start a b c
for name in a b c; do
	answers $name "put name $name" none
done

# as_before NAME: it serves in version 2, with what it had, and goes on
as_before() {
	state $1 "$2"
	answers $1 "get name" $1
	expect_eq "suspended in $1" "$(rpc "$(target_socket \
		"${pid_of[$1]}")" process/list | grep -c '"suspended"')" 0
}

step "what is damaged is found before anything is touched"
mkdir damaged.objects
cp 4.objects/main-* damaged.objects
to=$(jq -r .to.modules.kv 4.json)
cp "4.objects/kv-$(jq -r .from.modules.kv 4.json).o" "damaged.objects/kv-$to.o"
jq . 4.json >damaged.json
version=$(version_of "${pid_of[a]}" kv)
expect_status 1 "$hw" upgrade damaged.json
expect_match "stderr" "$errors" "badfile: damaged.objects/kv-$to.o: .*nothing was changed"
expect_eq "kv" "$(version_of "${pid_of[a]}" kv)" "$version"

step "one that does not answer may be one of them"
kill -STOP "${pid_of[b]}"
wait_until "b stops" grep -q '^State:.T' "/proc/${pid_of[b]}/status"
expect_status 3 "$hw" upgrade 4.json
expect_match "stderr" "$errors" '^hotwatch upgrade: no_answer: 1 process did not'
kill -CONT "${pid_of[b]}"
expect_eq "kv" "$(version_of "${pid_of[a]}" kv)" "$version"

step "one fails in the middle: all are taken back"
answers b "put fail x" none
expect_status 1 "$hw" upgrade 4.json --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" callback_failed
expect_match "stderr" "$errors" "pid ${pid_of[b]} \(kv\): code_change kv: .*taken back"
for name in a b c; do
	outcome $name rolled_back
	runs $name $'from\nfrom'
done
as_before a "1 keys"
as_before b "2 keys"
as_before c "1 keys"

step "the order that is written is followed"
# kv first: main is never loaded. main first: it is loaded, and taken back.
main_version=$(version_of "${pid_of[a]}" main)
jq '.up = [{"update": "kv"}, {"load_module": "main"}]' 4.json >kv-first.json
cp -r 4.objects kv-first.objects
expect_status 1 "$hw" upgrade kv-first.json
expect_eq "main" "$(version_of "${pid_of[a]}" main)" "$main_version"
jq '.objects = "4.objects" | .up = [{"load_module": "main"},
	{"suspend": "kv"}, {"load_module": "kv"},
	{"code_change": "kv", "processes": ["kv"]}, {"resume": ["kv"]}]' \
	4.json >main-first.json
expect_status 1 "$hw" upgrade main-first.json
expect_eq "main" "$(version_of "${pid_of[a]}" main)" $((main_version + 2))
as_before a "1 keys"
as_before b "2 keys"

step "one ends in the middle: the others are taken back"
answers c "put die x" none
spawn d ./kv d.sock
wait_until "d listens" ask d "get x" >/dev/null
answers d "put name d" none
stop b
dead=${pid_of[c]}
expect_status 1 "$hw" upgrade 4.json --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" lost
outcome c lost
outcome a rolled_back
outcome d rolled_back
as_before a "1 keys"
as_before d "1 keys"
finish c
expect_eq "the status of $dead" "$status" 9

step "after the point of no return it is told what each runs"
answers d "put fail x" none
jq '.objects = "4.objects" | .up = [{"suspend": "kv"},
	{"load_module": ["kv", "main"]}, "point_of_no_return",
	{"code_change": "kv"}, {"resume": "kv"}]' 4.json >no-return.json
expect_status 1 "$hw" upgrade no-return.json --json
expect_match "stderr" "$errors" 'the point of no return was passed'
expect_eq "past" "$(jq .past_no_return <<<"$output")" true
outcome a done
runs a $'to\nto'
state a "1 keys, 1 puts"
answers a "get name" a
outcome d failed
runs d $'to\nto'
expect_eq "suspended in d" "$(jq --argjson pid "${pid_of[d]}" \
	'.targets[] | select(.pid == $pid) | .suspended | length' \
	<<<"$output")" 1
stop a
stop d
