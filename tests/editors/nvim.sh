#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# editors/nvim does what its help says in Neovim without a screen, and shows it
# on one.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/project.bash"

command -v nvim >/dev/null || skip "no Neovim here; ./dev setup installs it"
recorded talk
export HW=$PWD/talk XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD XDG_STATE_HOME=$PWD \
	XDG_CACHE_HOME=$PWD
plugin="set rtp^=$ROOT/editors/nvim"

step "without a screen"
cp p/counter.c .
(
	cd p
	expect_status 0 nvim --headless --clean -n --cmd "$plugin" \
		-c "luafile $ROOT/tests/editors/nvim-test.lua"
)

step "the help is found"
cp -r "$ROOT/editors/nvim" plugin
expect_status 0 nvim --headless --clean -n --cmd "set rtp^=$PWD/plugin" \
	-c 'helptags plugin/doc' -c 'help hotwatch' -c 'help :Hotwatch' \
	-c 'help hotwatch.statusline()' -c 'qall!'
expect_eq "what it said" "$errors" ""

step "on a screen"
. "$(dirname "$0")/screen.bash"
cp counter.c p/counter.c
spawn_io counter p/counter
wait_target "${pid_of[counter]}"
tell counter print
wait_line counter.out 'sum'
cat >screen.lua <<'END'
vim.o.laststatus = 2
vim.o.statusline = "%f%=%{v:lua.require'hotwatch'.statusline()}"
require('hotwatch').setup({ cmd = { os.getenv('HW'), 'lsp' } })
END
on_screen "cd p && exec nvim --clean -n --cmd '$plugin' \
	--cmd 'luafile ../screen.lua' counter.c"
wait_until "the program on the status line" \
	shows "HW\[pid ${pid_of[counter]}\]"
type_keys ':%s/the sum is/sum:/' Enter ':w' Enter
wait_until "the version on the status line" shows 'HW\[v1 [0-9]+ms\]'
type_keys gg
wait_until "the lenses" shows 'hotwatch: v1 in pid [0-9]+'
type_keys '/hw_receive' Enter
wait_until "who holds old code, at its line" \
	shows 'hw_receive.*process 1 \(counter\).* still runs v0'
type_keys ':qall!' Enter
wait_until "the end of Neovim" screen_closed

step "what was said holds to the schemas"
traffic_holds talk
