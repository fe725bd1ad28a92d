#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 600
# slow: a thousand reloads
# sanitizers: address
#
# A thousand reloads of one module, with threads that call it all the while:
# the target's memory grows by less than 5 MB, its descriptors and threads by
# none, and no call ever gives what no version would.
. "$(dirname "$0")/../lib.sh"

reloads=1000
[ -z "$sanitize" ] || reloads=100 # redzones and a slow build: fewer will do

project p
cat >p/main.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int answer(int x);
static volatile int stop;
static void *caller(void *last)
{
	int n, *at = last;

	while (!stop) {
		n = answer(7) - 7;
		if (n < *at) {
			fprintf(stderr, "went back from %d to %d\n", *at, n);
			exit(1);
		}
		*at = n;
		usleep(100);
	}
	return NULL;
}
int main(void)
{
	pthread_t threads[2];
	int last[2] = {0}, i;

	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, caller, &last[i]);
	getchar();
	stop = 1;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("ended at %d\n", last[0]);
	return 0;
}
END
cat >template.c <<'END'
#include <string.h>
static int calls;
static char text[4096] = "some data of its own";
int answer(int x)
{
	calls++;
	text[calls % sizeof(text)] ^= 1;
	return @N@ + x;
}
END
sed 's/@N@/0/' template.c >p/answer.c
# shellcheck disable=SC2086
(cd p && "$hw" cc -O2 -pthread main.c answer.c -o p)
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
sync_watch
pid=$(rpc "$(watch_socket)" watch/status | jq '.targets[0].pid')

/usr/bin/python3 "$ROOT/tests/soak.py" "$(watch_socket)" "$pid" \
	p/answer.c template.c $reloads >held.json || fail "the soak (above)"
cat held.json
grown() {
	jq ".after.$1 - .before.$1" held.json
}
if [ -z "$sanitize" ]; then # a sanitizer keeps memory of its own
	expect_le "growth of the resident memory, kB" "$(grown rss)" 5119
	expect_le "growth of the mappings" "$(grown maps)" 64
fi
expect_le "growth of the descriptors" "$(grown fds)" 0
expect_le "growth of the threads" "$(grown threads)" 0
expect_eq "the version" "$(version_of "$pid" answer)" $((reloads + 50))

tell run stop
finish run
expect_eq "status" "$status" 0
expect_eq "the last answer" "$(<run.out)" "ended at $((reloads + 50))"
