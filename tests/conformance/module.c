/* SPDX-License-Identifier: MIT
 *
 * What every module of the conformance cases is, in C; module.erl is the same
 * in Erlang, function by function, and says what each is for. NAME is the
 * module's name, NEXT that of another one, V the version; LACKS leaves
 * functions out, ON_LOAD and an ON_LOAD_ word give it an on_load.
 *
 * Where Erlang's function ends with a call so does this one, and at -O2 it is
 * a jump: the frame is gone. QUALIFIED(fn) is Erlang's ?MODULE:fn.
 */
#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include <hotwatch/gen_server.h>
#include <hotwatch/hot.h>

#include "player.h"

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define FN(name) JOIN(NAME, name)
#define OF_NEXT(name) JOIN(NEXT, name)
#define HOT1(fn) HOT(fn)
#define QUALIFIED(name) HOT1(FN(name))
#define TEXT1(x) #x
#define TEXT(x) TEXT1(x)

int FN(version)(void)
{
	return V;
}

#ifndef LACKS
void FN(loop)(void *arg)
{
	player_answer(player_question(), V);
	QUALIFIED(loop)(arg);
}

int FN(extra)(void)
{
	return V * 10;
}
#endif

void FN(local)(void *arg)
{
	(void)arg;
	for (;;)
		player_answer(player_question(), V);
}

void FN(mixed)(void *arg)
{
	(void)arg;
	for (;;)
		player_answer(player_question(), QUALIFIED(version)());
}

void FN(trap)(void *arg)
{
	hw_trap_exit(true);
	FN(local)(arg);
}

void FN(busy)(void *arg)
{
	volatile unsigned long n = 0;

	(void)arg;
	player_arrived();
	for (;;)
		n++;
}

/* --- a gen_server, whose state is a number -------------------------------- */

static bool is(const char *text, const char *word)
{
	return strcmp(text, word) == 0;
}

static void reply(hw_ref ref, const char *text)
{
	hw_gen_server_reply(ref, text, strlen(text) + 1);
}

static void *init(void *how)
{
	if (is(how, "ignore"))
		hw_gen_server_ignore();
	else if (is(how, "stop"))
		hw_gen_server_exit("because");
	else if (is(how, "exit"))
		hw_exit_self("so");
	else if (is(how, "slow"))
		player_wait(NULL);
	else if (is(how, "go_on"))
		hw_gen_server_continue((void *)5l);
	return NULL;
}

static void *later(void *n, hw_ref ref)
{
	hw_send_ref(hw_self(), ref, "answer", 7);
	return n;
}

static void *call(void *n, const struct hw_message *m)
{
	const char *word = (const char *)m->data;
	char number[16] = "ok";

	if (is(word, "silent"))
		return n;
	if (is(word, "later"))
		return later(n, m->ref);
	if (is(word, "exit"))
		hw_exit_self("so");
	if (is(word, "version"))
		sprintf(number, "%d", V);
	else if (is(word, "get"))
		sprintf(number, "%d", (int)(long)n);
	else if (is(word, "add"))
		n = (void *)((long)n + 1);
	else if (is(word, "stop"))
		hw_gen_server_exit("because");
	else if (is(word, "short"))
		hw_gen_server_timeout(1);
	else if (is(word, "go_on"))
		hw_gen_server_continue((void *)5l);
	reply(m->ref, number);
	return n;
}

static bool never(const struct hw_message *m, void *arg)
{
	(void)m;
	(void)arg;
	return false;
}

static void *cast(void *n, const struct hw_message *m)
{
	const char *word = (const char *)m->data;

	if (is(word, "hang")) {
		player_tell("hanging", 1);
		hw_receive_match(never, NULL, -1);
	}
	if (strncmp(word, "stop ", 5) == 0)
		hw_gen_server_exit(word + 5);
	else
		n = (void *)((long)n + 1);
	return n;
}

static void *info(void *n, const struct hw_message *m)
{
	if (m->kind != HW_MESSAGE || !is((const char *)m->data, "answer"))
		return (void *)((long)n + 10);
	reply(m->ref, "late");
	return n;
}

static void *timed_out(void *n)
{
	player_tell("timed_out", (int)(long)n);
	return n;
}

static void *go_on(void *n, void *x)
{
	return (void *)((long)n + (long)x);
}

static void terminate(void *n, const char *why)
{
	(void)n;
	player_tell_text("terminated", why);
}

#ifndef LACKS
static int change(void **n, const struct hw_sys_change *c)
{
	if (is(c->extra, "fail"))
		return -1;
	if (is(c->extra, "die"))
		hw_exit_self("because");
	*n = (void *)((long)*n + 1000);
	return 0;
}
#else
#define change NULL
#endif

static int text(const void *n, char *to, size_t size)
{
	return snprintf(to, size, "%ld", (long)n);
}

HW_GEN_SERVER(
    FN(server), .init = init, .handle_call = call, .handle_cast = cast,
    .handle_info = info, .handle_timeout = timed_out, .handle_continue = go_on,
    .sys = {.terminate = terminate, .code_change = change, .state_text = text})

/* A process with a loop of its own that obeys system messages. */
static const struct hw_special *special(void)
{
	static const struct hw_special table = {.sys = {.code_change = change,
							.state_text = text},
						.proceed = FN(special)};

	return &table;
}

void FN(special)(void *n)
{
	struct hw_message *m = hw_receive(-1);

	if (m->kind == HW_SYSTEM) {
		hw_sys_handle(m, special, n);
		return;
	}
	player_answer(m, V);
	QUALIFIED(special)(n);
}

/* --- the rest ------------------------------------------------------------- */

void FN(below)(void *arg)
{
	volatile int version = V;

	player_wait(arg);
	player_echo(version); /* so that the call before is no jump */
}

void FN(caller)(void *arg)
{
	(void)arg;
	for (;;)
		player_obey();
}

/* Stays until it is told of a version; then that is to be its own. */
void FN(check)(void *arg)
{
	int told = player_told_version();

	if (told >= 0) {
		QUALIFIED(check)((void *)(intptr_t)told);
		return;
	}
	if ((intptr_t)arg != V)
		hw_exit_self("badmatch");
	FN(check)(arg);
}

const char *FN(literal)(void)
{
	return "literal" TEXT(V);
}

void FN(reader)(void *arg)
{
	(void)arg;
	player_read(FN(literal)());
}

static int picked(void)
{
	return V;
}

player_function *FN(pick)(void)
{
	return picked;
}

player_function *FN(external)(void)
{
#ifdef LACKS
	return NULL;
#else
	return QUALIFIED(extra);
#endif
}

void FN(across)(char *out)
{
	sprintf(out, "%d %d", V, OF_NEXT(version)());
}

static __attribute__((noinline)) int helper(int x)
{
	return player_echo(x) * 2;
}

void FN(before)(void *arg)
{
	(void)arg;
	player_leave(helper(V));
}

int FN(trace)(void **addresses, int max)
{
	volatile int n = player_trace(addresses, max);

	return n;
}

void FN(data)(char *out)
{
	out += sprintf(out, "%d", V);
#ifdef ON_LOAD_CHAIN
	*out++ = ' ';
	OF_NEXT(data)(out);
#endif
}

#ifdef ON_LOAD
static int on_load(void)
{
#if defined(ON_LOAD_OK)
	return 0;
#elif defined(ON_LOAD_ERROR)
	return -1;
#elif defined(ON_LOAD_EXIT)
	hw_exit_self("because");
#elif defined(ON_LOAD_KILLED)
	hw_exit(hw_self(), "kill");
	player_wait(NULL);
	return 0;
#elif defined(ON_LOAD_WAIT) || defined(ON_LOAD_LAST)
	return player_go("on_load");
#elif defined(ON_LOAD_SELF)
	player_tell("on_load_self", QUALIFIED(version)());
	return 0;
#elif defined(ON_LOAD_ORDER)
	player_tell("on_load_order", V);
	return 0;
#elif defined(ON_LOAD_CHAIN)
	char all[100];

	OF_NEXT(data)(all);
	return 0;
#endif
}
HOT_ON_LOAD(on_load);
#endif
