/* SPDX-License-Identifier: MIT
 *
 * The player of conformance cases, in C: what modules call (player.c), and what
 * its files know of each other. All but main runs in processes.
 *
 * A question is a message whose data is a word; its answer goes to the sender
 * with the question's ref, as text.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include <hotwatch/code.h>
#include <hotwatch/gen_server.h>

enum {
	WORDS_MAX = 32,
	RESULT_MAX = 1024,
	LIMIT_MS = 10000
};

typedef int player_function(void);

/* --- for modules; player.c --- */

struct hw_message *player_question(void);
void player_answer(struct hw_message *question, int number);
void player_wait(void *unused); /* until woken */
void player_read(const char *text);
void player_leave(int unused);
int player_echo(int x);
void player_arrived(void);
void player_obey(void);        /* one operation, as another process asks */
int player_told_version(void); /* -1: nothing was told */
int player_trace(void **addresses, int max);
int player_go(const char *name); /* 0 when told "go", else -1 */
void player_tell(const char *name, int number);
void player_tell_text(const char *name, const char *text);

/* --- of modules --- */

#define DECLARE(m)                                                        \
	int m##_version(void), m##_extra(void), m##_trace(void **a, int); \
	void m##_across(char *out), m##_data(char *out);                  \
	const char *m##_literal(void);                                    \
	player_function *m##_pick(void), *m##_external(void);             \
	void m##_loop(void *), m##_local(void *), m##_mixed(void *);      \
	void m##_trap(void *), m##_busy(void *), m##_below(void *);       \
	void m##_caller(void *), m##_check(void *), m##_reader(void *);   \
	void m##_before(void *), m##_special(void *);                     \
	hw_gen_server_module m##_server

DECLARE(m);
DECLARE(n);
DECLARE(o);
DECLARE(p);
DECLARE(q);

/* --- between the player's files --- */

/* An operation: words in, the outcome's words out. Any process, several at a
 * time. */
void player_op(int n, char **words, char *result);
void player_line(char *line, char *result);

/* Each file's part of the operations; false: not one of its own. */
bool code_op(int n, char **words, char *result);
bool process_op(int n, char **words, char *result);
bool call_op(int n, char **words, char *result);
bool behaviour_op(int n, char **words, char *result);

/* 0: "ok", 1: "true"; for those that answer yes or no, 0: "false". */
void say_done(char *result, int r);
void say_truth(char *result, int r);

extern const char *stage;   /* the folder of versions */
extern int player_arrivals; /* atomic: calls of player_arrived */
bool until(bool (*condition)(void *arg), void *arg);

/* A module's functions, as they may be called and spawned from outside. */
struct module {
	const char *name;
	player_function *version, *extra;
	void (*across)(char *out), (*data)(char *out);
	const char *(*literal)(void);
	player_function *(*pick)(void), *(*external)(void);
	int (*trace)(void **addresses, int max);
	hw_gen_server_module *server;
	void (*special)(void *n);
	struct entry {
		const char *name;
		void (*run)(void *arg);
	} entries[11];
};
extern const struct module modules[];
const struct module *module_find(const char *name);

/* A table of operations, and the running of one. */
struct operation {
	const char *name;
	int words; /* at least, with the name */
	void (*run)(char **words, char *result);
};
bool operation_run(const struct operation *table, int n, char **words,
		   char *result);

/* The row of NAME in a table whose rows begin with a name of 16 bytes, or a
 * free one. */
void *row_of(void *table, size_t size, size_t rows, const char *name);
#define ROW(table, key)                                                       \
	row_of(table, sizeof((table)[0]), sizeof(table) / sizeof((table)[0]), \
	       key)

/* What `spawn` and `spawn_many` make: processes under one name. */
struct group {
	char name[16];
	int n;
	struct {
		hw_pid pid;
		hw_ref ref; /* of the player's monitor */
	} * all;
};
struct group *group_of(const char *name);
void group_send(const struct group *g, const char *text);

/* Runs FN(ARG) in a process of its own and waits: NULL, or its reason if it
 * ended otherwise than by returning, in a buffer that REASON is. */
const char *in_process(void (*fn)(void *arg), void *arg, char *reason);
void wait_down(hw_ref ref, char *reason); /* "alive" after LIMIT_MS */

#endif
