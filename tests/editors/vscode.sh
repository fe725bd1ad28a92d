#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 600
# slow: VS Code in a browser
#
# editors/vscode compiles, is packaged, and does what its README says in VS
# Code: the workbench in a browser with the counter, then what is below the
# screen, in the extension host. Pictures are kept (kept/*.png).
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/vscode/package.bash"
. "$(dirname "$0")/project.bash"
cp p/counter.c .

cp "$tests/worker.c" p/
printf 'counter\n*.hot\n.hotwatch\n' >p/.gitignore
(cd p && "$hw" cc -O2 -pthread counter.c worker.c -o counter)

project q
printf '{}\n' >q/hotwatch.json
cp counter.c q/
(cd q && "$hw" cc -O2 -pthread counter.c -o counter)
python3 -m zipfile -e hotwatch.vsix unpacked

step "in the workbench, and in an extension host beside it"
recorded talk
spawn host drive host.js "$hw"
drive counter.js "$PWD/talk"
finish host
cat host.out
expect_eq "the extension host's status ($(<host.err))" "$status" 0

step "what was said holds to the schemas"
traffic_holds talk
