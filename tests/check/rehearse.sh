#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# A rehearsal finds what only shows when the program runs: a crash in new code,
# old code that somebody never leaves, a downgrade that loses state, a command
# that fails; and finds nothing where there is nothing.
. "$(dirname "$0")/../lib.sh"

cp -r "$ROOT/examples/kv" kv
project kv
hot() { # hot NAME SOURCE: builds kv from SOURCE as the program NAME/kv
	mkdir "$1"
	cp kv/main.c kv/kv.h kv/Makefile "$1"
	cp "$2" "$1/kv.c"
	echo '{}' >"$1/hotwatch.json"
	make -s -C "$1" CC="$hw cc" CFLAGS="-O2 -g"
}
hot old kv/kv-2.c
hot good kv/kv-3.c

cat >ask <<'END'
#!/usr/bin/python3
import socket, sys, time
end = time.monotonic() + 5
while True:  # between its name and its listening is an instant
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect("kv.sock")
        break
    except OSError:
        if time.monotonic() > end:
            raise
for line in sys.argv[1:]:
    s.sendall(line.encode() + b"\n")
    print(s.makefile().readline(), end="")
END
chmod +x ask

# What a command finds: the program, and when to go on.
cat >work <<-END
	set -e
	[ "\$(cat /proc/\$HOTWATCH_PID/comm)" = kv ]
	echo \$HOTWATCH_PID >pid
	[ -S "\$HOTWATCH_SOCKET" ]
	for i in 1 2 3; do
		[ "\$(./ask "put key\$i \$i")" = none ]
		$hw rehearse-step >>steps
		[ "\$(./ask "get key\$i")" = \$i ]
	done
	$hw rehearse-step >>steps
END
cat >state <<-'END'
	for i in 1 2 3; do
		./ask "get key$i"
	done
END
rehearse() { # rehearse STATUS NEW OPTION...: the old one upgraded to NEW/kv
	local wanted=$1 new=$2
	shift 2
	rm -f kv.sock steps
	expect_status "$wanted" "$hw" check old/kv "$new/kv" --json \
		--run 'exec $HOTWATCH_PROGRAM kv.sock' "$@"
}
found() { # found RULE MESSAGE
	expect_eq "rules" "$(jq -r '[.findings[] | select(.severity == "error")
		| .rule] | unique[]' <<<"$output")" "$1"
	expect_match "message" "$(jq -r '.findings[] | select(.severity ==
		"error") | .message' <<<"$output")" "$2"
}
# wait until the program listens, in the command: it has just been started
listening='until [ -S kv.sock ]; do :; done; '

step "a good one passes, and tells how long it paused"
rehearse 0 good --rehearse "$listening sh work" --state-check 'sh state'
expect_eq "findings" "$(jq -c '.findings[] | select(.severity != "info")' \
	<<<"$output")" ""
expect_eq "steps" "$(tr '\n' ',' <steps)" 'upgraded,downgraded,upgraded again,done,'
expect_eq "loads" "$(jq -c '[.rehearsal[].direction]' <<<"$output")" '["up","down","up"]'
expect_eq "pauses" "$(jq '[.rehearsal[] | select(.pause_us > 0)] | length' <<<"$output")" 3

alive "$(<pid)" && fail "the program still runs"

step "a command that asks for nothing is run at each step"
rehearse 0 good --state-check './ask "get a"' --rehearse "$listening
	echo run >>runs; for i in 1 2 3 4 5 6 7 8; do ./ask 'put a x' >/dev/null; done"
expect_eq "runs" "$(wc -l <runs)" 4
expect_eq "loads" "$(jq -c '[.rehearsal[].direction]' <<<"$output")" \
	'["up","down","up","down","up"]'

step "one that goes into the background"
rehearse 0 good --run '$HOTWATCH_PROGRAM kv.sock &' \
	--rehearse "$listening sh work" --state-check 'sh state & wait'

step "a program of several processes is upgraded in all of them"
cat >both <<-END
	versions() {
		(cd old && $hw modules --json) | jq -c '[.targets[].modules[] |
			select(.module == "kv").version]'
	}
	until [ -S kv.sock ] && [ -S kv2.sock ]; do :; done
	versions >>versions
	$hw rehearse-step >>versions
	versions >>versions
END
rm -f kv2.sock versions
rehearse 0 good --rehearse 'sh both' --run \
	'$HOTWATCH_PROGRAM kv2.sock & exec $HOTWATCH_PROGRAM kv.sock'
expect_eq "versions" "$(<versions)" $'[0,0]\nupgraded\n[1,1]'

step "nothing differs: nothing is run"
rehearse 0 old --rehearse 'touch it-ran'
[ ! -e it-ran ] || fail "the command was run"

[ -z "$sanitize" ] || exit 0 # a crash is reported there, and is then an exit

step "a crash, only after the upgrade, and where"
sed 's/^\tkv->puts++;$/\t*(volatile size_t *)(kv->puts + 3) = 0;/' kv/kv-3.c >crash.c
hot crash crash.c
rehearse 1 crash --rehearse "$listening sh work"
found rehearsal-crash 'the program died of .*SEGV.* after the upgrade, in put'
expect_match "place" "$(jq -r '.findings[] | select(.rule ==
	"rehearsal-crash") | .file + ":" + (.line | tostring)' <<<"$output")" \
	"^kv.c:$(grep -n 'volatile size_t' crash.c | cut -d: -f1)\$"

step "a holder that never leaves"
sed 's/^static void put(struct kv/#include <pthread.h>\n#include <unistd.h>\nstatic void *stay(void *unused)\n{\n\tfor (;;)\n\t\tpause();\n\treturn unused;\n}\n\n&/
	s/^\tkv->puts++;$/\tpthread_t thread;\n\tif (kv->puts++ == 1)\n\t\tpthread_create(\&thread, NULL, stay, NULL);/' \
	kv/kv-3.c >leak.c
hot leak leak.c
rehearse 1 leak --deadline 200 --rehearse "$listening sh work"
found rehearsal-holder 'kv v1 was still held 200 ms after the downgrade, by thread .* in stay'

step "a downgrade that loses something"
sed 's/^\told->first = kv->first;$/\told->first = kv->first ? kv->first->next : NULL;/' \
	kv/kv-3.c >lossy.c
hot lossy lossy.c
rehearse 1 lossy --state-check './ask "get a"' --rehearse \
	"$listening ./ask 'put a x' >/dev/null"
found rehearsal-state "not what it was after the downgrade: 'x' became 'none'"

step "a code_change that fails"
sed 's/^\tstruct kv_2 \*old = calloc(1, sizeof(\*old));$/\tstruct kv_2 *old = NULL;/' \
	kv/kv-3.c >undo.c
hot undo undo.c
rehearse 1 undo --rehearse "$listening sh work"
found rehearsal-load 'the downgrade failed: callback_failed: '

step "the command fails"
rehearse 1 good --rehearse "$listening ./ask 'put a x'; exit 7"
found rehearsal-command 'the command failed with status 7 on the old code'

step "two commits: the old program is linked of what is built"
rm -rf repo
mkdir repo
cp kv/main.c kv/kv.h kv/Makefile repo
cp kv/kv-2.c repo/kv.c
printf '.errors\n.output\n*.o\n*.hot/\n.hotwatch/\nkv\n' >repo/.gitignore
git -C repo init -q
git -C repo add -A
git -C repo commit -qm 2
cp crash.c repo/kv.c
git -C repo commit -qam "a crash"
make -s -C repo CC="$hw cc" CFLAGS="-O2 -g"
rm -f kv.sock
here=$PWD
cd repo
expect_status 1 "$hw" check --git HEAD~1..HEAD --json --rehearse \
	"cd $here && { $listening sh work; }" --run "cd $here; exec \$HOTWATCH_PROGRAM kv.sock"
found rehearsal-crash 'SEGV.* after the upgrade, in put'
expect_eq "the files of the repository" "$(git status --porcelain)" ""
# The other way round, what is built is the old one: it is run as it is.
git checkout -q HEAD~1
make -s CC="$hw cc" CFLAGS="-O2 -g"
cp ../kv/kv-3.c kv.c
rm -f ../kv.sock
expect_status 0 "$hw" check --git HEAD --json --rehearse \
	"cd $here && { $listening sh work; }" --run "cd $here; exec \$HOTWATCH_PROGRAM kv.sock"
cd ..

step "a program that does not run, and what is no rehearsal"
expect_status 3 "$hw" check old/kv good/kv --rehearse true --run 'exit 4'
expect_match "stderr" "$errors" 'has not become a target \(it ended\)'
expect_status 3 "$hw" rehearse-step
expect_match "stderr" "$errors" 'no_rehearsal: '
expect_status 2 "$hw" check old/kv good/kv --run x
expect_status 2 "$hw" check old/kv good/kv --rehearse x --deadline soon
