#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a save in an editor to its status line; what an update costs where there
# is much to show.
. "$(dirname "$0")/lib.sh"

unset WAYLAND_DISPLAY DISPLAY
export HW=$hw

step "the language server: 1000 modules in 100 processes, 10 000 diagnostics"
mkdir large
(cd large && /usr/bin/python3 "$ROOT/tests/bench/editors.py" "$hw") >lsp.json
lsp() {
	figure "lsp: $1" "$(of ".$2" <lsp.json)" ms "${@:3}"
}
lsp "a load in 100 processes" live max 50
lsp "the same, 10 000 diagnostics standing" live_among max 50
lsp "10 other ones of these 10 000" one_among max 50
lsp "10 000 at once, in 1000 files" all
lsp "the same, the longest piece" piece max 50
lsp "10 000 at once, in one file, the longest piece" one_piece max 50
lsp "a load beside these" live_beside max 50
lsp "a load that 200 threads stay behind" holders max 50

step "the watcher: 1000 modules in 100 processes"
mkdir -m 700 "$XDG_RUNTIME_DIR/crowd"
XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR/crowd /usr/bin/python3 \
	"$ROOT/tests/bench/crowd.py" "$hw" >crowd.json
figure "watcher: a status" "$(of .status <crowd.json)" ms max 50

project p
cat >p/main.c <<'END'
#include <stdio.h>
int work(void);
int main(void)
{
	getchar();
	return work() == 0;
}
END
printf 'int work(void)\n{\n\treturn 1;\n}\n' >p/work.c
printf '{}\n' >p/hotwatch.json
(cd p && "$hw" cc -O2 -g main.c work.c -o p)
spawn_io p p/p
wait_target "${pid_of[p]}"

# shown EDITOR: what it wrote to figures.json
shown() {
	figure "$1: save to shown, over save to live" \
		"$(of .median <p/figures.json)" ms max 30
	figure "$1: the same, 9 of 10" "$(of .high <p/figures.json)" ms
	figure "$1: a status" "$(of .status <p/figures.json)" ms max 50
	figure "$1: 100 holders, listed" "$(of .holders <p/figures.json)" ms max 50
}

if command -v emacs >/dev/null; then
	step "Emacs"
	cp "$ROOT/editors/emacs/hotwatch.el" .
	emacs -Q --batch -f batch-byte-compile hotwatch.el 2>/dev/null
	(cd p && emacs -Q --batch -L .. -l "$ROOT/tests/bench/editors.el")
	shown Emacs
	figure "Emacs: 10 000 in an open file, longest stop" \
		"$(of .slice <p/figures.json)" ms max 50
	figure "Emacs: 10 000 in 1000 files" \
		"$(of .files <p/figures.json)" ms max 50
fi
if command -v nvim >/dev/null; then
	step "Neovim"
	(
		cd p
		export XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD \
			XDG_STATE_HOME=$PWD XDG_CACHE_HOME=$PWD
		nvim --headless --clean -n --cmd "set rtp^=$ROOT/editors/nvim" \
			-c "luafile $ROOT/tests/bench/editors.lua" 2>nvim.log ||
			cat nvim.log
	)
	shown Neovim
	figure "Neovim: its own part of 10 000 diagnostics" \
		"$(of .diagnostics <p/figures.json)" ms
fi
stop p
exit $over_limit
