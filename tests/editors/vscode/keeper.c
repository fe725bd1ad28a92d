/* SPDX-License-Identifier: MIT
 *
 * A gen_server, which takes system messages: it can be suspended, and says what
 * its state is.
 */
#include <stdio.h>

#include <hotwatch/gen_server.h>

static void *keeper_init(void *number)
{
	return number;
}

static int keeper_text(const void *state, char *text, size_t size)
{
	return snprintf(text, size, "%ld kept", (long)state);
}

static HW_GEN_SERVER(keeper, .init = keeper_init,
		     .sys = {.state_text = keeper_text})

    __attribute__((constructor)) static void start(void)
{
	hw_gen_server_start(keeper, (void *)42,
			    &(struct hw_spawn_options){.name = "keeper"}, -1,
			    NULL);
}
