#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hotwatch at work, unattended: a counter learns a message while it runs. Each
# line is printed when the thing has happened, not before; the status is 0 only
# if all of it did. `./dev demo` builds hotwatch and runs this.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
hw=${HOTWATCH:-hotwatch}
dir=$(mktemp -d)
export XDG_RUNTIME_DIR=$dir/run
mkdir -m 700 "$XDG_RUNTIME_DIR"

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi

pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT

say() {
	printf '%s%s%s\n' "$bold" "$*" "$plain"
}

shown() {
	sed "s/^/  $dim| /; s/\$/$plain/"
}

die() {
	printf 'the demo failed: %s\n' "$*" >&2
	tail -n 5 "$dir/out" "$dir/err" >&2
	exit 1
}

# await WHAT COMMAND...: looks many times a second, 20 seconds at most
await() {
	local what=$1 end=$((SECONDS + 20))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || die "$what did not happen"
		sleep 0.01
	done
}

answers() { # the shell behind & may not have made it yet
	[ -e "$dir/out" ] && [ "$(wc -l <"$dir/out")" -ge "$1" ]
}

said() {
	grep -q "$1" "$dir/err"
}

# ask MESSAGE ANSWER: to the counter; its next line must be ANSWER
asked=0
ask() {
	local answer
	printf '%s\n' "$1" >&3
	if [ -z "${2:-}" ]; then
		printf '  > %s\n' "$1"
		return
	fi
	asked=$((asked + 1))
	await "an answer to $1" answers $asked
	answer=$(sed -n "${asked}p" "$dir/out")
	printf '  > %-12s %s\n' "$1" "$answer"
	[ "$answer" = "$2" ] || die "that should have been: $2"
}

# versions: of the counter's code that are in the program, "NUMBER STATE FILE"
versions() {
	(cd "$dir/counter" && "$hw" modules --json) | tr -d ' \n' |
		grep -o '{[^][{}]*"state":[^][{}]*}' |
		sed 's/.*"version":\([0-9]*\).*/\1 &/
			s/ \(.*"state":"\([a-z]*\)".*\)/ \2 \1/
			s/ {.*"file":"\([^"]*\)".*/ \1/'
}

has_version() {
	versions | grep -q "^$1 $2"
}

# file_of NUMBER: the shared object of a version
file_of() {
	versions | sed -n "s/^$1 [a-z]* //p"
}

# unmapped FILE: the program has it in its memory no more
unmapped() {
	! grep -qF "$1" "/proc/$(pgrep -P "$pid")/maps"
}

cp -r "$here/counter" "$dir/counter"
printf '{}\n' >"$dir/counter/hotwatch.json"
mkfifo "$dir/in"

say "1. The hot build of a plain C program"
(cd "$dir/counter" && "$hw" cc -O2 -g -pthread counter.c -o counter)
printf '  $ hotwatch cc -O2 -g -pthread counter.c -o counter\n'

say "2. It runs, and counts"
"$hw" run "$dir/counter/counter" <"$dir/in" >"$dir/out" 2>"$dir/err" &
pid=$!
exec 3>"$dir/in"
ask increment
ask increment
ask print "the sum is 2"
ask reset "unhandled: reset"

say "3. An edit teaches it 'reset', and is saved"
sed 's/^\(\t*\)} else if (is(m, "stop")) {/\1} else if (is(m, "reset")) {\n\1\tsum = 0;\n&/' \
	"$dir/counter/counter.c" >"$dir/edited.c"
{ diff "$dir/counter/counter.c" "$dir/edited.c" || true; } |
	sed -n 's/^> /+ /p' | shown
cp "$dir/edited.c" "$dir/counter/counter.c"
await "the reload" said 'counter v1 live'
grep 'live' "$dir/err" | shown

say "4. The process is in its old loop still, which holds the old code"
ask reset "unhandled: reset"
has_version 0 old || die "version 0 should be old, and there"
versions | sort | cut -d ' ' -f 1,2 | sed 's/^/  version /'
await "who holds version 0" said 'counter v0 held by'
grep 'v0 held' "$dir/err" | shown

say "5. code_switch: it calls HOT(codeswitch)(sum), and the sum comes along"
ask code_switch
ask print "the sum is 2"
ask increment
ask reset
ask print "the sum is 0"

say "6. The next edit; version 1 goes when the process has left it"
sed 's/"the sum is %ld/"the sum is now %ld/' "$dir/edited.c" \
	>"$dir/counter/counter.c"
await "the reload" said 'counter v2 live'
grep 'v2 live' "$dir/err" | shown
file=$(file_of 1)
! unmapped "$file" || die "the process in its loop should hold version 1"
await "who holds version 1" said 'counter v1 held by process'
grep 'v1 held' "$dir/err" | shown
ask code_switch
ask print "the sum is now 0"
await "the purge of version 1" said 'counter v1 purged'
grep 'v1 purged' "$dir/err" | shown
unmapped "$file" || die "version 1 should be unmapped"
printf '  version 1 is unmapped\n'
printf '  (version 0 stays: the variables that all versions share are in it)\n'

say "7. And it ends as any program does"
exec 3>&-
status=0
wait "$pid" || status=$?
pid=
[ $status = 0 ] || die "hotwatch run ended with $status"
say "All of it happened."
