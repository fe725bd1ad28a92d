#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 600
# slow: VS Code in a browser
#
# editors/vscode compiles, is packaged, and does what its README says in VS
# Code: the workbench in a browser with the counter, then what is below the
# screen, in the extension host, of one folder and of several. Pictures are kept
# (kept/*.png).
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/vscode/package.bash"
. "$(dirname "$0")/project.bash"
cp p/counter.c .

cp "$tests/worker.c" "$tests/keeper.c" p/
printf 'counter\n*.hot\n.hotwatch\n' >p/.gitignore
(cd p && "$hw" cc -O2 -pthread counter.c worker.c keeper.c \
	-o counter)

for name in q one two; do
	project $name
	printf '{}\n' >$name/hotwatch.json
	cp counter.c $name/
	(cd $name && "$hw" cc -O2 -pthread counter.c -o counter)
done
mkdir plain
echo 'no C here' >plain/notes.txt
printf '{"folders": [{"path": "one"}, {"path": "two"}, {"path": "plain"}]}\n' \
	>several.code-workspace
python3 -m zipfile -e hotwatch.vsix unpacked

step "in the workbench, and in an extension host beside it"
recorded talk
spawn host drive host.js "$hw"
drive counter.js "$PWD/talk"
finish host
cat host.out
expect_eq "the extension host's status ($(<host.err))" "$status" 0

step "several folders in a window"
drive host.js "$hw" folders.js several.code-workspace

step "what was said holds to the schemas"
traffic_holds talk
