/* SPDX-License-Identifier: MIT
 *
 * Plays a conformance case on the code server: player.erl is the same for
 * Erlang. `player CASE STAGE` reads the case, one operation a line; STAGE is
 * the folder in which stage.py has laid out every version that occurs, as
 * STAGE/KEY/MODULE.so. For each operation a line is printed with what came of
 * it, in the words that README.md lists.
 *
 * Here: the start, what modules call, waiting. Operations on code are in
 * player-code.c, those on processes in player-process.c.
 *
 * The player is a process itself, since only processes receive; main waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include "player.h"

const char *stage;
int player_arrivals;

static const char *case_file;

static struct { /* what modules told, until it is read */
	pthread_mutex_t lock;
	struct told {
		char name[32], text[16];
	} told[8];
} ears = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- waiting -------------------------------------------------------------- */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool until(bool (*condition)(void *arg), void *arg)
{
	long end = now_ms() + LIMIT_MS;
	struct timespec pause = {0, 1000000};

	while (!condition(arg)) {
		if (now_ms() > end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool is_down(const struct hw_message *m, void *arg)
{
	return m->kind == HW_DOWN && m->ref == *(hw_ref *)arg;
}

void wait_down(hw_ref ref, char *reason)
{
	struct hw_message *m = hw_receive_match(is_down, &ref, LIMIT_MS);

	strcpy(reason, m ? m->reason : "alive");
	if (m)
		hw_message_free(m);
}

const char *in_process(void (*fn)(void *arg), void *arg, char *reason)
{
	hw_ref ref;
	struct hw_spawn_options options = {.monitor = &ref};

	if (!hw_spawn_opt(fn, arg, &options))
		return strerror(errno);
	wait_down(ref, reason);
	return strcmp(reason, "normal") == 0 ? NULL : reason;
}

/* --- what modules call ---------------------------------------------------- */

static bool says(const struct hw_message *m, const char *word)
{
	return m->kind == HW_MESSAGE && m->size > strlen(word) &&
	       strncmp((const char *)m->data, word, strlen(word)) == 0;
}

static bool is_question(const struct hw_message *m, void *word)
{
	return says(m, word);
}

struct hw_message *player_question(void)
{
	return hw_receive_match(is_question, "ask", -1);
}

void player_answer(struct hw_message *question, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	hw_send_ref(question->from, question->ref, text, strlen(text) + 1);
	hw_message_free(question);
}

void player_wait(void *unused)
{
	struct hw_message *m;
	bool woken = false;

	(void)unused;
	while (!woken) {
		m = hw_receive(-1);
		woken = says(m, "wake");
		if (says(m, "link")) {
			hw_link(strtoull((char *)m->data + 5, NULL, 10));
			hw_send_ref(m->from, m->ref, "ok", 3);
		}
		hw_message_free(m);
	}
}

void player_read(const char *text)
{
	struct hw_message *m;

	for (;;) {
		m = player_question();
		hw_send_ref(m->from, m->ref, text, strlen(text) + 1);
		hw_message_free(m);
	}
}

void player_leave(int unused)
{
	(void)unused;
	player_wait(NULL);
}

int player_echo(int x)
{
	return x;
}

void player_arrived(void)
{
	__atomic_add_fetch(&player_arrivals, 1, __ATOMIC_SEQ_CST);
}

void player_obey(void)
{
	char line[200], result[RESULT_MAX];
	struct hw_message *m = hw_receive_match(is_question, "do ", -1);
	hw_pid from = m->from;
	hw_ref ref = m->ref;

	snprintf(line, sizeof(line), "%s", (char *)m->data + 3);
	hw_message_free(m);
	player_line(line, result);
	hw_send_ref(from, ref, result, strlen(result) + 1);
}

/* Looks, and rests a moment if there is nothing: Erlang's "after 0" gives way
 * to other processes as well. */
int player_told_version(void)
{
	struct hw_message *m = hw_receive_match(is_question, "change ", 1);
	int told = m ? atoi((char *)m->data + 7) : -1;

	if (m)
		hw_message_free(m);
	return told;
}

struct trace {
	void **addresses;
	int n, max;
};

static _Unwind_Reason_Code trace_frame(struct _Unwind_Context *c, void *arg)
{
	struct trace *t = arg;

	if (t->n == t->max)
		return _URC_END_OF_STACK;
	t->addresses[t->n++] = (void *)_Unwind_GetIP(c);
	return _URC_NO_REASON;
}

/* Not backtrace(): AddressSanitizer's leaves a copy in freed memory. */
int player_trace(void **addresses, int max)
{
	struct trace t = {addresses, 0, max};

	_Unwind_Backtrace(trace_frame, &t);
	return t.n;
}

int player_go(const char *name)
{
	struct hw_message *m;
	int r;

	hw_register(name, hw_self());
	m = hw_receive(-1);
	r = says(m, "go") ? 0 : -1;
	hw_message_free(m);
	return r;
}

/* --- what was told -------------------------------------------------------- */

/* Of one name the last counts. */
void player_tell_text(const char *name, const char *text)
{
	struct told *t = ears.told;

	pthread_mutex_lock(&ears.lock);
	while (t->name[0] && strcmp(t->name, name) != 0)
		t++;
	snprintf(t->text, sizeof(t->text), "%s", text);
	snprintf(t->name, sizeof(t->name), "%s", name);
	pthread_mutex_unlock(&ears.lock);
}

void player_tell(const char *name, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	player_tell_text(name, text);
}

static bool was_told(void *arg)
{
	char **words = arg; /* the name; where to copy the text */
	bool found = false;
	struct told *t;

	pthread_mutex_lock(&ears.lock);
	for (t = ears.told; t < ears.told + 8 && !found; t++) {
		if (strcmp(t->name, words[0]) != 0)
			continue;
		strcpy(words[1], t->text);
		t->name[0] = '\0';
		found = true;
	}
	pthread_mutex_unlock(&ears.lock);
	return found;
}

/* --- operations ----------------------------------------------------------- */

void say_done(char *result, int r)
{
	strcpy(result, r >= 0 ? "ok" : hw_code_reason(r));
}

void say_truth(char *result, int r)
{
	strcpy(result, r > 0 ? "true" : r == 0 ? "false" : hw_code_reason(r));
}

bool operation_run(const struct operation *table, int n, char **words,
		   char *result)
{
	for (const struct operation *o = table; o->name; o++) {
		if (strcmp(o->name, words[0]) != 0 || n < o->words)
			continue;
		o->run(words, result);
		return true;
	}
	return false;
}

static void told(char **words, char *result)
{
	char *arg[] = {words[1], result};

	if (!until(was_told, arg))
		strcpy(result, "nothing");
}

void player_op(int n, char **words, char *result)
{
	static const struct operation own[] = {{"told", 2, told},
					       {NULL, 0, NULL}};

	strcpy(result, "failed");
	if (!operation_run(own, n, words, result) &&
	    !code_op(n, words, result) && !process_op(n, words, result) &&
	    !call_op(n, words, result) && !behaviour_op(n, words, result))
		strcpy(result, "no such operation");
}

void player_line(char *line, char *result)
{
	char *words[WORDS_MAX], *rest = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS_MAX - 1;
	     w = strtok_r(NULL, " \n", &rest))
		words[n++] = w;
	words[n] = NULL;
	player_op(n, words, result);
}

static void play(void *arg)
{
	char line[1000], result[RESULT_MAX];
	FILE *f = fopen(case_file, "r");

	(void)arg;
	hw_trap_exit(true);
	if (!f || mkdir("path", 0777) < 0 || hw_code_add_path("path") < 0) {
		fprintf(stderr, "player: %s: %s\n", case_file, hw_code_error());
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		player_line(line, result);
		puts(result);
	}
	fclose(f);
	exit(0);
}

/* Says so should the player be ended, as a purge's victim may be. */
static void guard(void *arg)
{
	hw_ref ref;
	struct hw_spawn_options options = {.name = "player", .monitor = &ref};
	struct hw_message *m;

	(void)arg;
	if (!hw_spawn_opt(play, NULL, &options)) {
		perror("player: hw_spawn_opt");
		exit(2);
	}
	m = hw_receive(-1);
	fprintf(stderr, "player: ended: %s\n", m->reason);
	exit(3);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	case_file = argv[1];
	stage = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!hw_spawn(guard, NULL)) {
		perror("player: hw_spawn");
		return 2;
	}
	for (;;)
		pause();
}
