# SPDX-License-Identifier: MIT
#
# Completion for bash: commands, options (read from the help, so that they
# cannot go stale), modules and processes (asked of what runs).
# shellcheck shell=bash

_hotwatch_commands() {
	hotwatch --help 2>/dev/null | sed -n 's/^  \([a-z-]*\)  .*/\1/p'
}

_hotwatch_options() {
	hotwatch "$1" --help 2>/dev/null |
		sed -n 's/^  \(-., \|    \)\(--[a-z-]*\).*/\2/p'
}

_hotwatch_modules() {
	hotwatch modules --color never 2>/dev/null |
		sed -n 's/^\([^ ]*\)  *[0-9][0-9]* .*/\1/p' | sort -u
}

_hotwatch_targets() {
	hotwatch status --color never 2>/dev/null |
		sed -n 's/^\([0-9][0-9]*\)  *\([^ ]*\) .*/\1\n\2/p' | sort -u
}

_hotwatch() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words=

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(_hotwatch_commands)
	elif [ "$before" = --color ]; then
		words='auto always never'
	elif [ "$before" = --target ]; then
		words=$(_hotwatch_targets)
	elif [ "$command" = cc ] || [ "$command" = run ] && [[ $word != -* ]]; then
		return # files
	elif [[ $word == -* ]]; then
		words=$(_hotwatch_options "$command")
	else
		case $command in
		which | load | holders | soft-purge | purge | delete | rollback)
			words=$(_hotwatch_modules)
			;;
		esac
	fi
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -o default -F _hotwatch hotwatch
