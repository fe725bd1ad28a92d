#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Clients of the language server that know nothing of us, set up as
# docs/editors.md says: eglot (and hotwatch-mode beside it), lsp-mode, Vim 9 by
# itself and with ALE. Each shows an error at its line, and what was said holds
# to the schemas. Kate has a test of its own (kate.sh); Helix and Sublime Text are
# not in Debian.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/project.bash"

recorded talk
export HW=$PWD/talk LINE
spawn_io counter p/counter
wait_target "${pid_of[counter]}"
sed -i 's/int n = flag;/int n = flg;/' p/counter.c
LINE=$(grep -n 'flg' p/counter.c | cut -d: -f1)

# in_emacs PACKAGE: plays it in batch
in_emacs() {
	[ -d "/usr/share/emacs/site-lisp/elpa-src" ] &&
		ls -d /usr/share/emacs/site-lisp/elpa-src/"$1"-* >/dev/null ||
		fail "no elpa-$1 here; ./dev setup installs it"
	(cd p && expect_status 0 emacs --batch --no-site-file --no-init-file \
		-L "$ROOT/editors/emacs" \
		--eval "(progn (require 'package) (package-initialize))" \
		-l "$ROOT/tests/editors/client-$1.el") || exit 1
}

in_vim() {
	expect_status 0 vim -N -u NONE -i NONE -es \
		-S "$ROOT/tests/editors/$1" p/counter.c
	expect_match "$1" "$(<vim.out)" '^shown$'
	rm vim.out
}

step "eglot, and hotwatch-mode beside it"
in_emacs eglot

step "lsp-mode"
in_emacs lsp-mode

step "Vim 9 by itself"
in_vim client-vim.vim

step "Vim 9 with ALE"
[ -d /usr/share/vim-ale ] || fail "no vim-ale here; ./dev setup installs it"
in_vim client-ale.vim

step "what was said holds to the schemas"
traffic_holds talk
