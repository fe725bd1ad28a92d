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

#include <hotwatch/hot.h>
#include <hotwatch/process.h>

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
