#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 600
# slow: the build of Redis, VS Code in a browser
#
# What an editor must show (case.bash), in Neovim, Emacs and VS Code, of a
# hot-built Redis. One build for all of them.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/case.bash"

command -v emacs >/dev/null || skip "no Emacs here; ./dev setup installs it"
command -v nvim >/dev/null || skip "no Neovim here; ./dev setup installs it"
. "$(dirname "$0")/vscode/package.bash"
recorded talk
export HW=$PWD/talk XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD \
	XDG_STATE_HOME=$PWD XDG_CACHE_HOME=$PWD

step "the hot build"
redis_case
cp redis/src/server.c server.c

step "Neovim"
play_nvim redis

step "Emacs"
cp server.c redis/src/server.c
play_emacs redis

step "VS Code"
cp server.c redis/src/server.c
play_vscode redis "$PWD/talk"

step "what was said holds to the schemas"
traffic_holds talk
