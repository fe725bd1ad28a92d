#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What a release does to old code that a process never leaves: it stays, or the
# release fails, or the process is ended; and how a module is deleted, and comes
# back.
. "$(dirname "$0")/../lib.sh"

project p
cd p
cat >main.c <<-'END'
	#include <stdio.h>
	#include <hotwatch/process.h>
	int work(void);
	void stay(void *unused);
	int extra(void);
	int main(void)
	{
		char line[100];

		setvbuf(stdout, NULL, _IOLBF, 0);
		printf("extra %d\n", extra());
		hw_spawn(stay, NULL);
		while (fgets(line, sizeof(line), stdin))
			printf("work %d, %zu processes\n", work(),
			       hw_processes(NULL, 0));
		return 0;
	}
END
cat >work.c <<-'END'
	#include <hotwatch/process.h>
	int work(void) { return 1; }
	void stay(void *unused)
	{
		struct hw_message *m;

		for (;;)
			if ((m = hw_receive(-1)) != NULL)
				hw_message_free(m);
		(void)unused;
	}
END
echo 'int extra(void) { return 7; }' >extra.c
printf '*\n!*.c\n' >.gitignore
commit() {
	git add -A
	git commit -qm "$1"
	git tag "$1"
}
commit v1
"$hw" cc -O2 -g -pthread main.c work.c extra.c -o p
for n in 2 3; do
	sed -i "s/return $((n - 1));/return $n;/" work.c
	commit v$n
done
git rm -q extra.c
sed -i 's/extra()/7/; /^int extra/d' main.c
commit v4
release() { # release FROM TO: the file TO.json
	"$hw" check --git "$1..$2" --write-release "$2.json" >/dev/null 2>&1 || true
	[ -s "$2.json" ] || fail "no release $2"
}
release v1 v2
release v2 v3
release v3 v4
expect_eq "a module that goes" "$(jq -c .up v4.json)" \
	'[{"load_module":["main"]},{"delete_module":["extra"]}]'
expect_eq "and comes back" "$(jq -c '[.down[].load_module[]] | sort' v4.json)" \
	'["extra","main"]'

spawn_io p ./p
wait_line p.out 'extra 7'
wait_target "${pid_of[p]}"
n=0
works() { # works WANTED PROCESSES
	tell p go
	n=$((n + 1))
	wait_line p.out '^work' $n
	expect_eq "p" "$(tail -n 1 p.out)" "work $1, $2 processes"
}
works 1 1

step "it stays, and the old code with it"
expect_status 0 "$hw" upgrade v2.json
works 2 1
cp p.hot/release/work-*.so held.so # linked for the lowest place that is free

step "soft: the release fails"
jq '.up[0].pre_purge = "soft_purge"' v3.json >soft.json
cp -r v3.objects soft.objects
expect_status 1 "$hw" upgrade soft.json
expect_match "stderr" "$errors" 'not_purged: pid .*work: .*still held.*taken back'
works 2 1
jq '.up = [{"soft_purge": "work"}] + .up' v3.json >soft.json
expect_status 1 "$hw" upgrade soft.json
expect_match "stderr" "$errors" 'not_purged: pid .*: soft_purge work'
works 2 1

step "brutal: the process is ended"
jq '.up[0].pre_purge = "brutal_purge"' v3.json >brutal.json
cp -r v3.objects brutal.objects
expect_status 0 "$hw" upgrade brutal.json
works 3 0

step "what was deleted is back if something fails afterwards"
hash_of() { # hash_of MODULE
	rpc "$(target_socket "${pid_of[p]}")" code/which "{\"module\": \"$1\"}" |
		jq -r .hash
}
was=$(hash_of main)
jq '.objects = "v4.objects" |
	.up += [{"code_change": "main", "processes": "nobody"}]' v4.json >late.json
expect_status 1 "$hw" upgrade late.json --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" noproc
expect_eq "outcome" "$(jq -r '.targets[].outcome' <<<"$output")" rolled_back
expect_eq "extra" "$(hash_of extra)" "$(jq -r .from.modules.extra v4.json)"
expect_eq "main" "$(hash_of main)" "$was"

step "a module is deleted, and comes back"
expect_status 0 "$hw" upgrade v4.json
expect_match "what it runs" "$output" 'extra deleted'
expect_eq "loaded" "$(rpc "$(target_socket "${pid_of[p]}")" code/isLoaded \
	'{"module": "extra"}')" false
expect_status 0 "$hw" upgrade v4.json --json
expect_eq "again" "$(jq -r '.targets[].outcome' <<<"$output")" unchanged
expect_status 0 "$hw" downgrade v4.json
expect_eq "extra" "$(hash_of extra)" "$(jq -r .from.modules.extra v4.json)"

step "post_purge: what was replaced is gone when all is done"
jq '.objects = "v3.objects" | .down[0].post_purge = "brutal_purge"' \
	v3.json >post.json
expect_status 0 "$hw" downgrade post.json --json
works 2 0
to=$(jq -r .to.modules.work v3.json)
expect_eq "its versions" "$(rpc "$(target_socket "${pid_of[p]}")" \
	code/allLoaded | jq -r --arg hash "$to" '.modules[] |
	select(.module == "work").versions[] | select(.hash == $hash) |
	.state')" ""
step "a place that looked free and is not: another is taken"
expect_status 0 "$hw" downgrade v2.json
rpc "$(target_socket "${pid_of[p]}")" code/purge '{"module": "work"}' >/dev/null
PYTHONPATH=$ROOT/tests spawn_io holder /usr/bin/python3 -c 'import sys
from peer import Peer
peer = Peer(sys.argv[1])
peer.call("code/prepareLoading",
          {"modules": [{"module": "work", "file": sys.argv[2]}]})
print("held", flush=True)
sys.stdin.read()' "$(target_socket "${pid_of[p]}")" "$PWD/held.so"
wait_line holder.out held
base() { # base FILE: where a file of that name is mapped
	sed -n "s,-.* 00000000 .*$1.*,,p" "/proc/${pid_of[p]}/maps" | grep ^5500
}
held=$(base held.so)
expect_status 0 "$hw" upgrade v2.json
works 2 0
expect_match "its place" "$(base hot/release/work-)" '^5500'
[ "$(base hot/release/work-)" != "$held" ] || fail "both are at $held"
hang_up holder
finish holder
hang_up p
finish p
