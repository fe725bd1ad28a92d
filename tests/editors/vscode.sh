#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# slow: VS Code in a browser
#
# editors/vscode compiles, is packaged, and does what its README says in VS
# Code: the workbench in a browser with the counter, then what is below the
# screen, in the extension host. Pictures are kept (kept/*.png).
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/vscode/package.bash"
. "$(dirname "$0")/project.bash"

step "in the workbench"
drive counter.js
