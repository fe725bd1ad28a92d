# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The extension's package, as a user would make it, and how the browser is
# driven. Sourced.

tests=$ROOT/tests/editors/vscode
command -v chromium >/dev/null ||
	skip "no chromium here; ./dev setup installs it"
step "what is needed from npm"
deps=$("$tests/install" 2>install.log) ||
	skip "npm: $(tail -n 1 install.log)"
node=$deps/node

step "it compiles, and is packaged"
mkdir extension
cp -r "$ROOT/editors/vscode/"{package.json,tsconfig.json,README.md,LICENSE} \
	"$ROOT/editors/vscode/"{.vscodeignore,src,media} extension/
ln -s "$deps/extension/node_modules" extension/node_modules
(
	cd extension
	"$node" node_modules/.bin/tsc -p . || fail "it does not compile"
	PATH=$PWD/node_modules/.bin:$PATH "$node" node_modules/.bin/vsce \
		package --no-dependencies --allow-missing-repository \
		-o ../hotwatch.vsix >../vsce.log 2>&1 ||
		fail "vsce: $(<../vsce.log)"
)
expect_no_match "what vsce said" "$(<vsce.log)" 'WARNING|ERROR'

# drive SCRIPT ARGS...: a test of tests/editors/vscode
drive() {
	local script=$1
	shift
	NODE_PATH=$deps/workbench/node_modules "$node" "$tests/$script" \
		"$deps" "$PWD/hotwatch.vsix" "$hw" "$@" 2>"$script.err" || {
		grep -v -e '^    ' -e 'node_modules' "$script.err" | tail -n 20 >&2
		return 1
	}
}
