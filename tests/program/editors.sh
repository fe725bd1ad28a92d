#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 400
# sanitizers: address
#
# Saves as they really happen: by vim, by Emacs, by sed -i, and by git checkout
# of a branch with 200 changed files. Each ends with exactly the disk's content
# live: the program says what it runs, file by file.
. "$(dirname "$0")/../lib.sh"

files=200
project p
for ((i = 0; i < files; i++)); do
	printf 'int part%d(void)\n{\n\treturn 1;\n}\n' $i >p/part$i.c
done
{
	echo '#include <stdio.h>'
	seq -f 'int part%.0f(void);' 0 $((files - 1))
	echo 'static int (*const parts[])(void) = {'
	seq -f 'part%.0f,' 0 $((files - 1))
	echo '};
int main(void)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			printf("%d ", parts[i]());
		puts(".");
	}
	return 0;
}'
} >p/main.c
cat >p/Makefile <<'END'
objects = $(patsubst %.c,%.o,$(wildcard *.c))
p: $(objects)
	$(CC) $(CFLAGS) -o $@ $(objects)
END
printf '*.o\n*.hot\n.hotwatch\np\n' >p/.gitignore
git -C p add -A
git -C p commit -qm one
git -C p branch -M one
make -s -j2 -C p CC="$hw cc" CFLAGS=-O1

spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
sync_watch

asked=0
# live_is_disk: the program runs what the files say
live_is_disk() {
	local i wanted=''
	sync_watch
	asked=$((asked + 1))
	tell run
	wait_until "an answer" has_lines run.out '\.$' "$asked"
	for ((i = 0; i < files; i++)); do
		wanted+="$(sed -n 's/.*return \(.*\);.*/\1/p' p/part$i.c) "
	done
	expect_eq "what runs" "$(tail -n 1 run.out)" "$wanted."
}
live_is_disk

step "vim"
vim -u NONE -N -es -c 'set backup writebackup backupcopy=no' \
	-c '%s/return 1/return 2/' -c 'wq' p/part7.c </dev/null ||
	fail "vim ended with $?"
expect_match "part7.c" "$(<p/part7.c)" 'return 2'
live_is_disk

step "vim, in place"
vim -u NONE -N -es -c 'set nobackup nowritebackup' \
	-c '%s/return 2/return 3/' -c 'wq' p/part7.c </dev/null
live_is_disk

step "Emacs, in place and with a backup made by renaming"
for way in nil t; do
	emacs -Q --batch p/part8.c --eval "(progn
		(setq backup-by-copying nil file-precious-flag $way)
		(while (re-search-forward \"return \\\\([0-9]*\\\\)\" nil t)
			(replace-match (number-to-string (+ 4
				(string-to-number (match-string 1)))) t t nil 1))
		(save-buffer))" >emacs.log 2>&1 || fail "emacs: $(<emacs.log)"
	live_is_disk
done
expect_match "part8.c" "$(<p/part8.c)" 'return 9'

step "sed -i over many files"
sed -i 's/return 1/return 5/' p/part{20..60}.c
live_is_disk

step "git checkout of a branch with $files changed files"
git -C p stash -q
live_is_disk
git -C p checkout -q -b two
sed -i 's/return 1/return 6/' p/part*.c
git -C p commit -qam two
live_is_disk
git -C p checkout -q one
live_is_disk
git -C p checkout -q two
live_is_disk

step "and back and forth, without a pause"
for branch in one two one two one; do
	git -C p checkout -q $branch
done
live_is_disk
git -C p stash pop -q
live_is_disk

hang_up run
finish run
expect_eq "status" "$status" 0
