#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# The workflows of docs/ci.md, tried: their commands are taken from the page and
# run in a repository with a change that is safe, and with one that is not. What
# would install packages, or hotwatch (tests/program/install.sh does), is not.
. "$(dirname "$0")/../lib.sh"

# commands BLOCK: of the BLOCK-th yaml text, in their order, each after a line
# "### name". A "run: |" or a list of scripts, as the page writes them.
commands() {
	/usr/bin/python3 - "$ROOT/docs/ci.md" "$1" <<-'END'
		import re, sys
		text = open(sys.argv[1], encoding="utf-8").read()
		block = re.findall(r"```yaml\n(.*?)```", text, re.S)[int(sys.argv[2])]
		name, inside = "", None
		for line in block.splitlines():
		    indent = len(line) - len(line.lstrip())
		    word = line.strip()
		    if inside is not None and indent > inside:
		        if word.startswith("- "):
		            word = word[2:]
		            if word[:1] == "'" and word[-1:] == "'":
		                word = word[1:-1]
		            print("### " + re.split(r'[" /]+', word.strip('"'))[0])
		        print(word)
		        continue
		    inside = None
		    if word.startswith("- name: "):
		        name = word[8:]
		    if word == "run: |":
		        print("### " + name)
		        inside = indent
		    if word in ("script:", "before_script:"):
		        inside = indent
	END
}

# what a machine of a CI service has
mkdir bin
ln -s "$hw" bin/hotwatch
export PATH=$PWD/bin:$PATH
printf '#!/bin/sh\n' >bin/apt-get
chmod +x bin/apt-get
export GIT_CONFIG_GLOBAL=$HOME/.gitconfig
export HOTWATCH_REPOSITORY=file://$ROOT
# The installation would be another build of all; that it is there is enough.
installed='test -x "$HOME/hotwatch/dev"'

mkdir -p project/tests
cd project
cp "$ROOT"/examples/kv/{main.c,kv.c,kv.h} .
cat >Makefile <<-'END'
	CFLAGS = -O2 -g -Wall
	server: main.o kv.o; $(CC) $(CFLAGS) -pthread -o $@ main.o kv.o
	%.o: %.c kv.h; $(CC) $(CFLAGS) -pthread -c $<
END
cat >tests/load.sh <<-'END'
	exec python3 tests/load.py
END
cat >tests/load.py <<'END'
import socket
while True:  # it has just been started
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect("server.sock")
        break
    except OSError:
        s.close()
s.sendall(b"put a x\n")
print(s.makefile().readline(), end="")
END
printf '*.o\n*.hot/\n.hotwatch/\n/server\n*.sock\n/hotwatch.*\n' >.gitignore
git init -q
git add -A
git commit -qm "the base"
BASE=$(git rev-parse HEAD)
export BASE

# try BLOCK: runs them; a command's status in results, what it said in said
try() {
	local name='' script='' line
	: >../results
	while IFS= read -r line || [ -n "$name" ]; do
		if [ -z "$line" ] || [[ $line == '### '* ]]; then
			if [ -n "$script" ]; then
				script=${script//'"$HOME/hotwatch/dev" install'/$installed}
				local status=0
				bash -eo pipefail -c "$script" >"../said.$name" 2>&1 ||
					status=$?
				echo "$name $status" >>../results
			fi
			name=${line#'### '} script=''
			name=${name// /-}
		else
			script+=$line$'\n'
		fi
	done < <(commands "$1")
	rm -rf "$HOME/hotwatch"
}

step "GitHub: a change that is safe"
sed -i 's/error: put KEY VALUE, or get KEY/what? put KEY VALUE, or get KEY/' kv.c
git commit -qam "other words"
try 0
expect_eq "steps" "$(<../results)" 'git 0
install-hotwatch 0
hot-build 0
compare 0
rehearse-the-upgrade 0
for-the-security-tab 0'
expect_eq "sarif" "$(jq -r '.version + " " + (.runs[0].results |
	map(select(.level != "note")) | length | tostring)' hotwatch.sarif)" "2.1.0 0"

step "GitLab: the same"
try 1
expect_eq "scripts" "$(<../results)" 'apt-get 0
apt-get 0
git 0
$HOME 0
make 0
hotwatch 0
hotwatch 0'

step "GitHub: a change that is not"
sed -i 's/^\tsize_t keys;/\tsize_t gets, keys;/' kv.c
git commit -qam "another layout of what is in memory"
try 0
expect_eq "steps" "$(<../results)" 'git 0
install-hotwatch 0
hot-build 0
compare 1
rehearse-the-upgrade 1
for-the-security-tab 0'
expect_match "annotation" "$(<../said.compare)" \
	'^::error file=kv.c,line=[0-9]+,title=heap-type::'
expect_match "rehearsed" "$(<../said.rehearse-the-upgrade)" \
	'^::error .*title=rehearsal-load::the upgrade failed%3A unsafe|title=rehearsal-load::the upgrade failed: unsafe'
expect_eq "sarif" "$(jq -r '[.runs[0].results[] | select(.level == "error")
	| .ruleId] | unique[]' hotwatch.sarif)" heap-type

step "GitLab: the same"
try 1
expect_eq "hotwatch" "$(grep ^hotwatch ../results)" $'hotwatch 1\nhotwatch 1'
/usr/bin/python3 - hotwatch.xml <<-'END' || fail "hotwatch.xml"
	import sys
	import xml.etree.ElementTree as ET
	suites = ET.parse(sys.argv[1]).getroot()
	sys.exit(0 if suites.findall(".//failure") else 1)
END
