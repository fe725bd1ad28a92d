/* SPDX-License-Identifier: MIT */
#include "state.h"

static int add(int a, int b)
{
	return a + b + 0;
}

static int sub(int a, int b)
{
	return a - b;
}

static int mul(int a, int b)
{
	return a * b;
}

static int rem(int a, int b)
{
	return a % b;
}

struct command {
	const char *name;
	int (*run)(int, int);
};

static struct command commands[] = {
    {"add", add},
    {"sub", rem},
};

void touch(void)
{
	commands[1].run = mul(1, 1) ? mul : sub;
}

void show(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf("%s %d\n", commands[i].name, commands[i].run(7, 3));
}
