#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
#
# The walk-through that Erlang's hot code loading is shown with, on
# examples/counter: a message that the running code does not know is unhandled;
# loading code that knows it does not move the thread, which sits in its local
# loop; code_switch does, and the sum comes along.
. "$(dirname "$0")/../lib.sh"

# tell_and_hear LINE ANSWER: the counter's next answer
answers=0
tell_and_hear() {
	tell counter "$1"
	answers=$((answers + 1))
	wait_until "an answer to '$1'" has_lines counter.out '' "$answers"
	expect_eq "the answer to '$1'" "$(sed -n "${answers}p" counter.out)" "$2"
}

walk() {
	local options=$1
	step "built with $options"
	rm -rf counter counter.in
	answers=0
	cp -r "$ROOT/examples/counter" counter
	project counter
	make -s -C counter CC="$hw cc" CFLAGS="$options"

	spawn_io counter "$hw" run counter/counter
	tell counter increment
	tell counter increment
	tell_and_hear print "the sum is 2"
	tell_and_hear reset "unhandled: reset"

	step "code that handles reset is loaded; the thread does not move"
	replace counter/counter.c '} else if (is(m, "stop")) {' \
		'} else if (is(m, "reset")) {
			sum = 0;
		} else if (is(m, "stop")) {'
	wait_line counter.err 'counter v1 live'
	tell_and_hear reset "unhandled: reset"
	tell counter increment
	tell_and_hear get 3

	step "code_switch: the sum is kept, reset is known"
	tell counter code_switch
	tell_and_hear print "the sum is 3"
	tell counter reset
	tell_and_hear get 0

	step "and once more"
	tell counter increment
	replace counter/counter.c '"the sum is %ld\n"' '"it is %ld now\n"'
	wait_line counter.err 'counter v2 live'
	tell_and_hear print "the sum is 1"
	tell counter code_switch
	tell_and_hear print "it is 1 now"

	step "hotwatch run ends with the program"
	hang_up counter
	finish counter
	expect_eq "status" "$status" 0
}

walk "-O2 -g"
walk "-O0 -g"
