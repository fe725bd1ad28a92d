# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the tests of releases share: examples/kv in a repository with its three
# versions as commits, servers of it, and questions to them.

# kv_project: the repository ./kv, with tags v1, v2, v3, at v1 and built
kv_project() {
	cp -r "$ROOT/examples/kv" kv
	printf '*.hot/\n.hotwatch/\n*.o\nkv\n*.sock\n*.json\n*.objects/\n' \
		>kv/.gitignore
	project kv
	cp kv/kv.c kv-1.c
	local n
	for n in 1 2 3; do
		[ $n = 1 ] || cp "kv/kv-$n.c" kv/kv.c
		git -C kv add -A
		git -C kv commit -qm "version $n"
		git -C kv tag v$n
	done
	git -C kv checkout -q v1 -- kv.c
	make -s -C kv CC="$hw cc" CFLAGS="-O2 -g"
	cd kv
}

# kv_start NAME...: servers, each with its socket NAME.sock
kv_start() {
	local name
	for name; do
		spawn "$name" ./kv "$name.sock"
	done
	for name; do
		wait_until "$name listens" ask "$name" "get x" >/dev/null
		wait_target "${pid_of[$name]}"
	done
}

# ask NAME LINE: the server's answer
ask() {
	/usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1] + ".sock")
s.sendall(sys.argv[2].encode() + b"\n")
print(s.makefile().readline(), end="")' "$1" "$2"
}

# answers NAME LINE WANTED
answers() {
	expect_eq "the answer of $1 to '$2'" "$(ask "$1" "$2")" "$3"
}

# state NAME WANTED: as its state_text prints it
state() {
	expect_eq "the state of $1" "$(rpc "$(target_socket "${pid_of[$1]}")" \
		sys/getState '{"process": "kv"}' | jq -r .state)" "$2"
}

# runs NAME SIDE: by the release in $output, as --json prints it
runs() {
	expect_eq "what $1 runs" "$(jq -r --argjson pid "${pid_of[$1]}" \
		'.targets[] | select(.pid == $pid) | .modules[].at' \
		<<<"$output")" "$2"
}

# outcome NAME WANTED: the same of what became of it
outcome() {
	expect_eq "what became of $1" "$(jq -r --argjson pid "${pid_of[$1]}" \
		'.targets[] | select(.pid == $pid) | .outcome' \
		<<<"$output")" "$2"
}

# everything NAME: what a dry run must leave as it is
everything() {
	local pid=${pid_of[$1]}
	rpc "$(target_socket "$pid")" code/allLoaded
	rpc "$(target_socket "$pid")" process/list | jq -c '.processes[]
		| [.process, .name, .state]'
	grep -c '^5500' "/proc/$pid/maps"
}

# holds_schema FILE: docs/release.schema.json
holds_schema() {
	PYTHONPATH=$ROOT/tests /usr/bin/python3 - "$1" <<-'END' || fail "$1"
		import json, os, sys
		import schema
		doc = json.load(open(os.environ["ROOT"] + "/docs/release.schema.json"))
		schema.Check(doc).run(doc, json.load(open(sys.argv[1])), sys.argv[1])
	END
}
