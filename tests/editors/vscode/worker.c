/* SPDX-License-Identifier: MIT
 *
 * A process that stays in the version that it was born in, and that a purge may
 * end: the counter's main thread, which holds that file's, it may not.
 */
#include <hotwatch/process.h>

int worker_says(void)
{
	return 1;
}

static void worker(void *unused)
{
	(void)unused;
	for (;;)
		hw_message_free(hw_receive(-1));
}

__attribute__((constructor)) static void start(void)
{
	hw_spawn(worker, NULL);
}
