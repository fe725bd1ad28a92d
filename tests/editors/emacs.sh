#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# editors/emacs/hotwatch.el: compiles without a warning, is what checkdoc and
# package-lint want, does what it says in Emacs in batch, and shows it on a
# screen.
. "$(dirname "$0")/../lib.sh"

command -v emacs >/dev/null || skip "no Emacs here; ./dev setup installs it"
el=$ROOT/editors/emacs/hotwatch.el
. "$(dirname "$0")/project.bash"
recorded talk
export HW=$PWD/talk

step "byte-compiled without warnings"
cp "$el" .
expect_status 0 emacs -Q --batch \
	--eval '(setq byte-compile-error-on-warn t)' \
	-f batch-byte-compile hotwatch.el
expect_eq "what the compiler said" "$errors$output" ""

step "checkdoc"
expect_status 0 emacs -Q --batch --eval '(checkdoc-file "hotwatch.el")'
expect_eq "what checkdoc said" "$errors$output" ""

step "package-lint"
# The project has no page on the web that a header could name.
status=0
emacs --batch --eval "(progn (require 'package) (package-initialize))" \
	-l package-lint -f package-lint-batch-and-exit hotwatch.el \
	>lint.out 2>&1 || status=$?
expect_eq "what package-lint said" "$(grep -E '^hotwatch.el:' lint.out |
	grep -v 'should have a Homepage or URL header')" ""
expect_match "what package-lint said" "$(<lint.out)" 'URL header'

step "in batch"
(
	cd p
	emacs -Q --batch -L .. -l "$ROOT/tests/editors/hotwatch-test.el" \
		-f ert-run-tests-batch-and-exit
)

step "on a screen"
. "$(dirname "$0")/screen.bash"
spawn_io counter p/counter
wait_target "${pid_of[counter]}"
tell counter print
wait_line counter.out 'sum'
on_screen "cd p && exec emacs -Q -nw -L .. \
	--eval '(setq hotwatch-program (getenv \"HW\") make-backup-files nil)' \
	-l hotwatch counter.c -f hotwatch-mode"
wait_until "the program on the mode line" \
	shows "HW\[pid ${pid_of[counter]}\]"
type_keys C-s 'sum is' Enter M-DEL 'makes ' C-c C-k
wait_until "the version on the mode line" shows 'HW\[v1 [0-9]+ms\]'
type_keys M-\< C-s 'hw_receive' Enter
wait_until "who holds old code, at its line" \
	shows 'hw_receive\(-1\);  ◄ process 1 \(counter\) runs v0 here'
type_keys C-x C-c
wait_until "the end of Emacs" screen_closed

step "what was said holds to the schemas"
traffic_holds talk
