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

parts=(package.json tsconfig.json README.md LICENSE .vscodeignore src media)

# package FILE: the extension compiled, and packaged as FILE
package() {
	rm -rf extension
	mkdir extension
	(cd "$ROOT/editors/vscode" && cp -r "${parts[@]}" "$HW_TEST_DIR/extension")
	ln -s "$deps/extension/node_modules" extension/node_modules
	(
		cd extension
		"$node" node_modules/.bin/tsc -p . || fail "it does not compile"
		"$node" node_modules/.bin/vsce package --no-dependencies \
			--allow-missing-repository -o "$1" >vsce.log 2>&1 ||
			fail "vsce: $(<vsce.log)"
		expect_no_match "what vsce said" "$(<vsce.log)" 'WARNING|ERROR'
	)
}

# Once for all tests that want it, while it is of the same sources.
step "it compiles, and is packaged"
made=$BUILD/test-vsix
mkdir -p "$made"
sources=$(cd "$ROOT/editors/vscode" && find "${parts[@]}" package-lock.json \
	-type f | sort | xargs sha256sum | sha256sum | cut -c 1-16)
exec {made_lock}>"$made/lock"
flock "$made_lock"
if [ ! -f "$made/$sources.vsix" ]; then
	package "$made/part"
	rm -f "$made"/*.vsix
	mv "$made/part" "$made/$sources.vsix"
fi
cp "$made/$sources.vsix" hotwatch.vsix
exec {made_lock}>&-

# drive SCRIPT HOTWATCH ARGS...: a test of tests/editors/vscode. What its server
# says of itself is not shown: addons that were not built are missed, and the one
# that watches files (@parcel/watcher) frees its folders twice when its process
# exits, which ends in "double free" or a core (InotifyBackend's destructor, by
# DirTreeDeleter; seen with a debugger).
drive() {
	local script=$1
	shift
	NODE_PATH=$deps/workbench/node_modules "$node" "$tests/$script" \
		"$deps" "$PWD/hotwatch.vsix" "$@" 2>"$script.err" || {
		grep -v -e '^ ' -e '^}' -e node_modules -e 'bindings file' \
			-e 'double free' -e open-vsx -e '/data/logs' \
			"$script.err" | tail -n 20 >&2
		return 1
	}
}

# play_vscode CASE HOTWATCH: as play_nvim (case.bash)
play_vscode() {
	drive play.js "$2" "$PWD/$1" "$1.json"
}
