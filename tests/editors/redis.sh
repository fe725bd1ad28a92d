#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# slow: the build of Redis
#
# What an editor must show (case.bash), in Neovim and in Emacs, of a hot-built
# Redis. One build for all of them.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/case.bash"

command -v emacs >/dev/null || skip "no Emacs here; ./dev setup installs it"
command -v nvim >/dev/null || skip "no Neovim here; ./dev setup installs it"
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

step "what was said holds to the schemas"
traffic_holds talk
