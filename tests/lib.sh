# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What shell tests share. A test begins with
#
#   . "$(dirname "$0")/../lib.sh"
#
# and finds itself in an empty folder of its own, with $hw (the hotwatch under
# test), $ROOT (the repository), $BUILD, and a private runtime folder, so that
# any number of tests run side by side. Its first lines may say
#
#   # limit: SECONDS           how long it may take (120)
#   # slow: REASON             left out by HOTWATCH_TESTS=quick
#   # sanitizers: address      runs in the sanitized builds as well
#   # asan: OPTIONS (WHY)      more of $ASAN_OPTIONS there: detect_leaks=0 for a
#                              program that leaves what it has
#   # address: no, REASON      not there, with HOTWATCH_TESTS=sanitized either (of
#                              one conformance case: in the line before it)
#
# A test passes by ending with status 0. Nothing here sleeps to let something
# happen: wait_until looks at the thing itself, many times a second, and fails
# when it has not come about after a generous limit. Every process that spawn
# started is ended when the test ends, however it ends.
set -euo pipefail

if [ -z "${HW_TEST_DIR:-}" ]; then
	# Started by hand: the runner gives it its folder and says how it went.
	self=$(readlink -f "$0")
	exec "$(dirname "$self")/../run" \
		"$(basename "$(dirname "$self")")/$(basename "$self")"
fi
export PYTHONDONTWRITEBYTECODE=1
hw=$HW_PROGRAM
cd "$HW_TEST_DIR"
: "${WAIT_LIMIT:=30}"

# --- verdicts ----------------------------------------------------------------

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	local i
	for ((i = 1; i < ${#FUNCNAME[@]} - 1; i++)); do
		[ "${BASH_SOURCE[i + 1]##*/}" = lib.sh ] ||
			printf '  at %s:%s\n' "${BASH_SOURCE[i + 1]##*/}" \
				"${BASH_LINENO[i]}" >&2
	done
	exit 1
}

skip() {
	printf 'skip: %s\n' "$*"
	exit 77
}

step() {
	printf -- '--- %3d s: %s\n' $SECONDS "$*"
}

# expect_eq WHAT GOT WANTED
expect_eq() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# expect_match WHAT GOT PATTERN: an extended regular expression, any line
expect_match() {
	grep -qE -e "$3" <<<"$2" || fail "$1: got '$2', wanted /$3/"
}

expect_no_match() {
	! grep -qE -e "$3" <<<"$2" || fail "$1: got '$2', unwanted /$3/"
}

# expect_le WHAT GOT MOST: whole numbers
expect_le() {
	[ "$2" -le "$3" ] || fail "$1: got $2, wanted at most $3"
}

# expect_status WANTED COMMAND...: leaves its output in $output, $errors
expect_status() {
	local wanted=$1 status=0
	shift
	"$@" >.output 2>.errors || status=$?
	output=$(<.output) errors=$(<.errors)
	[ "$status" = "$wanted" ] ||
		fail "status of '$*': got $status, wanted $wanted; it said:" \
			"$output $errors"
}

# same_file WHAT GOT WANTED: files
same_file() {
	diff -u "$3" "$2" >&2 || fail "$1: $2 differs from $3 (above)"
}

# --- waiting -----------------------------------------------------------------

# wait_until WHAT COMMAND...: polls COMMAND, at most $WAIT_LIMIT seconds
wait_until() {
	local what=$1 end
	shift
	end=$((SECONDS + WAIT_LIMIT))
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] ||
			fail "$what has not come about in $WAIT_LIMIT s"
		sleep 0.01
	done
}

# wait_line FILE PATTERN [COUNT]: at least COUNT (1) lines that match
wait_line() {
	wait_until "/$2/ in $1 (now: $(tail -n 3 "$1" 2>/dev/null))" \
		has_lines "$1" "$2" "${3:-1}"
}

has_lines() {
	[ "$(grep -cE -e "$2" "$1")" -ge "$3" ]
}

alive() {
	grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

gone() {
	! alive "$1"
}

# --- processes ---------------------------------------------------------------

declare -A pid_of=() fd_of=()

# spawn NAME COMMAND...: in the background; output in NAME.out and NAME.err
spawn() {
	local name=$1
	shift
	"$@" >"$name.out" 2>"$name.err" </dev/null &
	pid_of[$name]=$!
}

# spawn_io NAME COMMAND...: the same, and `tell NAME LINE` writes to its stdin
spawn_io() {
	local name=$1 fd
	shift
	mkfifo "$name.in"
	"$@" >"$name.out" 2>"$name.err" <"$name.in" &
	pid_of[$name]=$!
	exec {fd}>"$name.in"
	fd_of[$name]=$fd
}

tell() {
	local name=$1
	shift
	printf '%s\n' "$*" >&"${fd_of[$name]}"
}

# hang_up NAME: end of file on its stdin
hang_up() {
	local fd=${fd_of[$1]:-}
	[ -z "$fd" ] || exec {fd}>&-
	unset "fd_of[$1]"
}

# finish NAME: waits for its end; its status in $status
finish() {
	status=0
	wait "${pid_of[$1]}" || status=$?
	unset "pid_of[$1]"
}

# stop NAME: asks it to end, then makes it
stop() {
	local pid=${pid_of[$1]:-} n=0
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || true
	while alive "$pid" && [ $((n++)) -lt 500 ]; do
		sleep 0.01
	done
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	unset "pid_of[$1]"
	hang_up "$1"
}

# also_stop PID...: processes that are not our children, such as daemons
stray_pids=()
also_stop() {
	stray_pids+=("$@")
}

cleanup() {
	local status=$? name pid
	set +e
	for name in "${!pid_of[@]}"; do
		[ $status = 0 ] || show "$name"
		stop "$name"
	done
	for pid in "${stray_pids[@]}"; do
		kill "$pid" 2>/dev/null && WAIT_LIMIT=5 wait_until \
			"the end of $pid" gone "$pid" || kill -KILL "$pid"
	done 2>/dev/null
	exit $status
}
trap cleanup EXIT

show() {
	local file
	for file in "$1.out" "$1.err"; do
		[ ! -s "$file" ] || {
			printf '%s:\n' "=== the end of $file"
			tail -n 30 "$file" | tail -c 3000
		}
	done >&2
}

# --- hotwatch ----------------------------------------------------------------

runtime=$XDG_RUNTIME_DIR/hotwatch
# The sanitizers that "$hw" cc builds with: for what is built without it.
sanitize=${HW_SANITIZE:+-fsanitize=$HW_SANITIZE}

# rpc SOCKET METHOD [PARAMS]: prints the result; fails with the error
rpc() {
	/usr/bin/python3 "$ROOT/tests/rpc.py" "$@"
}

target_socket() {
	printf '%s/targets/%s.sock' "$runtime" "$1"
}

# wait_target PID: until its code server answers
wait_target() {
	wait_until "the code server of $1" rpc "$(target_socket "$1")" \
		code/hello >/dev/null
}

watch_socket() {
	set -- "$runtime"/watch-*.sock
	[ -S "$1" ] && printf '%s' "$1"
}

# Everything on disk now has been seen, built, and is live or refused.
sync_watch() {
	rpc "$(watch_socket)" watch/sync >/dev/null
}

# project DIR: a folder that is a project's root, as a clone of it would be. The
# tests' folders lie inside this repository; without it that would be the root.
project() {
	mkdir -p "$1"
	git -C "$1" init -q
}

# start_watch DIR: a watcher in the background, ready to see changes
start_watch() {
	spawn watch "$hw" watch "$1"
	wait_until "the watcher's socket" watch_socket >/dev/null
	sync_watch
}

# The version that is current of MODULE in the target PID.
version_of() {
	rpc "$(target_socket "$1")" code/which "{\"module\": \"$2\"}" |
		jq -r .version
}

# All modules of the target PID, "name version" a line.
versions_of() {
	rpc "$(target_socket "$1")" code/allLoaded |
		jq -r '.modules[] | "\(.name // .module) \(.version)"' | sort
}

# replace FILE OLD NEW: a text, once, as an editor that renames would save it.
# OLD not being there is a failure of the test.
replace() {
	/usr/bin/python3 - "$@" <<-'END' || fail "cannot edit $1"
		import os, sys
		path, old, new = sys.argv[1:]
		text = open(path).read()
		if old not in text:
		    sys.exit("not in %s: %s" % (path, old))
		with open(path + "~new", "w") as f:
		    f.write(text.replace(old, new, 1))
		os.rename(path + "~new", path)
	END
}

# A TCP port of the loopback interface that is free just now.
free_port() {
	/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
