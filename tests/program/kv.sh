#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
#
# examples/kv as its README has it: up to the version that logs, to the one with
# another state, and back, by hand; what a wrong order says.
. "$(dirname "$0")/../lib.sh"

cp -r "$ROOT/examples/kv" kv
project kv
make -s -C kv CC="$hw cc" CFLAGS="-O2 -g"
cd kv

# ask LINE: the server's answer
ask() {
	/usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("kv.sock")
s.sendall(sys.argv[1].encode() + b"\n")
print(s.makefile().readline(), end="")' "$1"
}
answers() {
	expect_eq "the answer to '$1'" "$(ask "$1")" "$2"
}

spawn run "$hw" run ./kv kv.sock
wait_until "the server listens" ask "get name"

step "the first version"
answers "put name Ada" none
answers "get name" Ada
expect_status 0 "$hw" ps
expect_match "ps" "$output" '^1 +- +main:supervise +waiting'
expect_match "ps" "$output" '^3 +kv +kv +waiting'
expect_status 0 "$hw" get-state kv
expect_eq "state" "$output" "1 keys"

step "the second logs"
cp kv-2.c kv.c
wait_line run.err 'kv v1 live'
answers "put name Grace" Ada
wait_line run.err '^kv: put name$'

step "the third has another state"
expect_status 1 "$hw" change-code kv kv.c
expect_match "stderr" "$errors" 'not_suspended: process 3: '
cp kv-3.c kv.c
wait_line run.err 'kv.*unsafe.*process 3 keeps such a state and runs: suspend it'
answers "get name" Grace
expect_status 0 "$hw" suspend kv
expect_match "suspend" "$output" '^process 3 \(kv\) suspended in pid [0-9]+$'
expect_status 1 "$hw" change-code kv kv.c --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" undef
"$hw" load kv >/dev/null
ask "get name" >waiting &
expect_status 0 "$hw" change-code 3 kv.c --vsn 2
expect_match "change-code" "$output" '^process 3 \(kv\) has changed its state in'
expect_status 0 "$hw" resume kv
expect_match "resume" "$output" '^process 3 \(kv\) resumed in pid [0-9]+$'
wait $!
expect_eq "what waited" "$(<waiting)" Grace
answers "put city London" none
expect_status 0 "$hw" get-state kv
expect_eq "state" "$output" "2 keys, 2 puts"

step "and back"
expect_status 0 "$hw" suspend kv
expect_status 0 "$hw" change-code --down kv kv.c
cp kv-2.c kv.c
wait_line run.err 'kv v3 live'
expect_status 0 "$hw" resume kv
answers "get city" London
expect_status 0 "$hw" get-state kv --json
expect_eq "state" "$(jq -r '.targets[0].result.state' <<<"$output")" "2 keys"

step "words for what is not there"
expect_status 1 "$hw" suspend nobody
expect_match "stderr" "$errors" '^hotwatch suspend: noproc: nobody: no process'
expect_status 1 "$hw" resume 99
expect_match "stderr" "$errors" '^hotwatch resume: noproc: process 99: '
expect_status 2 "$hw" change-code kv
stop run
