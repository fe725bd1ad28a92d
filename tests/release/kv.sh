#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 240
# sanitizers: address
#
# Three servers go from release to release and back, with what they keep: made
# by `check --git --write-release`, tried, carried out, taken back.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/kv.bash"

kv_project
step "a release is written of two commits"
expect_status 0 "$hw" check --git v1..v2 --write-release 2.json
expect_eq "up" "$(jq -c .up 2.json)" '[{"load_module":["kv"]}]'
expect_eq "down" "$(jq -c .down 2.json)" '[{"load_module":["kv"]}]'
expect_eq "program" "$(jq -r .program 2.json)" kv
"$hw" check --git v2..v3 --write-release 3.json >/dev/null
expect_eq "up" "$(jq -c .up 3.json)" '[{"update":["kv"]}]'
expect_eq "objects" "$(ls 3.objects | wc -l)" 2
holds_schema 2.json
holds_schema 3.json

step "nobody runs it"
expect_status 3 "$hw" upgrade 2.json
expect_match "stderr" "$errors" '^hotwatch upgrade: no_target: '

kv_start a b c
for name in a b c; do
	answers $name "put name Ada" none
done

step "a dry run changes nothing"
everything a >before
expect_status 0 "$hw" upgrade --dry-run 2.json
expect_match "the plan" "$output" '^ +1  load kv$'
everything a >after
same_file "what a runs" after before
[ ! -e kv.hot/release ] || fail "a dry run left files: $(ls kv.hot/release)"

step "up in all"
expect_status 0 "$hw" upgrade 2.json
expect_eq "targets done" "$(grep -cE '^pid [0-9]+ kv  done; runs [0-9a-f]{12}: kv v1$' <<<"$output")" 3
for name in a b c; do
	answers $name "put name Grace" Ada
	wait_line $name.err '^kv: put name$'
done

step "it is done once"
expect_status 0 "$hw" upgrade 2.json --json
outcome a unchanged
expect_eq "version" "$(version_of "${pid_of[a]}" kv)" 1

step "up again, with a code_change"
expect_status 0 "$hw" upgrade 3.json
for name in a b c; do
	answers $name "put city London" none
	state $name "2 keys, 2 puts"
done

step "what does not run the release before is refused, and all are left"
expect_status 1 "$hw" upgrade 2.json --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" not_at_from
outcome a refused
runs a other
state c "2 keys, 2 puts"

step "down, as it came"
expect_status 0 "$hw" downgrade 3.json --dry-run
expect_match "the plan" "$(tr '\n' ' ' <<<"$output")" \
	'1  suspend processes of kv +2  code_change kv +3  load kv +4  resume'
state a "2 keys, 2 puts"
expect_status 0 "$hw" downgrade 3.json
for name in a b c; do
	state $name "2 keys"
	answers $name "get city" London
done
expect_status 0 "$hw" downgrade 2.json
answers a "get name" Grace
expect_eq "processes that are suspended" "$(rpc "$(target_socket \
	"${pid_of[a]}")" process/list | grep -c suspended)" 0

step "--target: one of them"
expect_status 0 "$hw" upgrade 2.json --target "${pid_of[b]}" --json
runs b to
expect_eq "the others" "$(jq '.targets | length' <<<"$output")" 1
expect_eq "the version of a" "$(version_of "${pid_of[a]}" kv)" \
	"$(version_of "${pid_of[c]}" kv)"

step "a watcher leaves it, until the file is saved"
expect_status 0 "$hw" downgrade 2.json --target "${pid_of[b]}"
start_watch .
expect_status 0 "$hw" upgrade 2.json
sync_watch
for name in a b c; do
	expect_eq "the content in $name" "$(rpc "$(target_socket \
		"${pid_of[$name]}")" code/which '{"module": "kv"}' |
		jq -r .hash)" "$(jq -r .to.modules.kv 2.json)"
done
sed -i 's/put KEY VALUE, or get KEY/put KEY VALUE or get KEY/' kv.c
wait_line watch.out 'kv( v[0-9]+)? live'
stop watch
stop a
stop b
stop c
