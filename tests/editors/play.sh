#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What an editor must show, in Emacs and in Neovim, of a counter: a save, an
# error, a refusal, who holds old code, rollback, load, purge, a program that ends
# and comes back; and what one editor shows, another on the same project shows.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/case.bash"

command -v emacs >/dev/null || skip "no Emacs here; ./dev setup installs it"
command -v nvim >/dev/null || skip "no Neovim here; ./dev setup installs it"
recorded talk
export HW=$PWD/talk XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD \
	XDG_STATE_HOME=$PWD XDG_CACHE_HOME=$PWD
counter_case

step "Neovim"
cp counter/counter.c original.c
play_nvim counter

step "Emacs, and a Neovim beside it"
cp original.c counter/counter.c
spawn beside nvim --headless --clean -n --listen "$XDG_RUNTIME_DIR/nvim" \
	--cmd "set rtp^=$ROOT/editors/nvim" --cmd "lua require('hotwatch').setup(
		{ cmd = { os.getenv('HW'), 'lsp' } })" counter/counter.c
beside="nvim --headless --server '$XDG_RUNTIME_DIR/nvim' --remote-expr \
	'luaeval(\"require([[hotwatch]]).statusline()\")'"
wait_until "the Neovim beside" test -S "$XDG_RUNTIME_DIR/nvim"
play_emacs counter "$beside"
stop beside

step "what was said holds to the schemas"
traffic_holds talk
