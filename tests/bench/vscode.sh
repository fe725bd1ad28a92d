#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# VS Code: from a save to the status item; what an update costs the extension
# host where there is much to show. Its processor time is all of it: the language
# client's share and VS Code's own part in it as well.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/editors/vscode/package.bash"

project q
printf '{}\n' >q/hotwatch.json
printf 'int work(void)\n{\n\treturn 1;\n}\n' >q/work.c
printf '#include <stdio.h>\nint work(void);\nint main(void)\n{\n%s\n}\n' \
	'	getchar(); return work() == 0;' >q/main.c
(cd q && "$hw" cc -O2 -g main.c work.c -o q)
spawn_io q q/q
wait_target "${pid_of[q]}"
# A language server that says what it is told to.
printf '#!/bin/sh\nexec "%s" "%s"\n' "$node" "$tests/said.js" >said
chmod +x said
export SAID=$PWD/said
python3 -m zipfile -e hotwatch.vsix unpacked

step "the extension host"
drive host.js "$hw" bench.js
sed -n 's/^{/{/p' bench.log >figures.json
shown() {
	figure "VS Code: $1" "$(of ".$2" <figures.json)" ms "${@:3}"
}
shown "written to shown, over written to live" median max 30
shown "the same, 9 of 10" high
shown "a status" status max 50
shown "100 holders" holders max 50
shown "10 000 diagnostics in 1000 files, all" files
shown "the same, the longest piece" piece max 50
shown "10 000 diagnostics in one file, all" file
shown "the same, the longest piece" filePiece max 50
shown "10 of these 10 000 other ones" update max 50
shown "the tree: 100 programs, 1000 modules open" tree max 50
exit $over_limit
