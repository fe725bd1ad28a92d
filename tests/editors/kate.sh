#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kate, which knows nothing of us, on a screen of its own, with the settings that
# docs/editors.md has: an error's line is shown in the colour of errors, and is
# as before when it is mended. Pictures are kept
# (kept/kate*.png).
. "$(dirname "$0")/../lib.sh"
for program in kate Xvfb dbus-daemon; do
	command -v $program >/dev/null ||
		skip "no $program here; ./dev setup installs it"
done
. "$(dirname "$0")/project.bash"

recorded talk
config=$HOME/.config
mkdir -p "$config/kate/lspclient" framebuffer kept
grep -F '{"servers"' "$ROOT/docs/editors.md" |
	jq --arg talk "$PWD/talk" '.servers.c.command[0] |=
		if . == "hotwatch" then $talk else error("not hotwatch") end' \
		>"$config/kate/lspclient/settings.json" ||
	fail "the settings in docs/editors.md"
# What it asks the user once, whether the server may be started, is answered.
printf '[lspclient]\nAllowedServerCommandLines=%s lsp\n' "$PWD/talk" \
	>"$config/katerc"

spawn_io counter p/counter
wait_target "${pid_of[counter]}"
line=$(grep -n 'int n = flag;' p/counter.c | cut -d: -f1)

step "the screen, and Kate on it"
# It takes a number that is free, and says which.
mkfifo number
spawn screen Xvfb -displayfd 7 -screen 0 1000x700x24 -fbdir framebuffer \
	-nolisten tcp 7<>number
read -r -t "$WAIT_LIMIT" display <number || fail "no screen: $(<screen.err)"
unset WAYLAND_DISPLAY
export DISPLAY=:$display QT_QPA_PLATFORM=xcb
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
spawn bus dbus-daemon --session --nofork --address="$DBUS_SESSION_BUS_ADDRESS"
wait_until "the session's bus" test -S "$XDG_RUNTIME_DIR/bus"
spawn kate kate --new --block --line "$line" p/counter.c

opened() {
	grep -qs '"method": "textDocument/didOpen"' talk.log.*
}
wait_until "Kate has opened the file with the server" opened

# on_screen WHAT: what xscreen.py says of it now
on_screen() {
	[ "$(/usr/bin/python3 "$ROOT/tests/xscreen.py" \
		framebuffer/Xvfb_screen0 kept/kate.png)" = "$1" ]
}

step "an error, and its mending"
wait_until "the text is shown, without a mark" on_screen plain
replace p/counter.c 'int n = flag;' 'int n = flg;'
wait_until "the line is marked" on_screen marked
cp kept/kate.png kept/kate-error.png
replace p/counter.c 'int n = flg;' 'int n = flag;'
wait_until "the mark is gone" on_screen plain

step "what was said holds to the schemas"
stop kate
for log in talk.log.*; do
	wait_until "the server's end" gone "${log##*.}"
done
traffic_holds talk
stop bus
stop screen
