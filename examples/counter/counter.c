/* SPDX-License-Identifier: MIT
 *
 * A counter that is changed while it counts: the example that Erlang's hot
 * code loading is usually shown with, in C.
 *
 * One thread keeps a sum and reads messages from its mailbox; the main thread
 * puts every line of standard input into it. The thread sits in a local loop:
 * loading a new version of this file does not move it, it goes on with the
 * code it is in. The message code_switch sends it through HOT(codeswitch) into
 * the version that is current by then, with its sum.
 *
 * Only the loop's thread touches the sum; the mailbox is the one thing shared,
 * under its own mutex. Nothing but HOT() knows of hotwatch: `make CC=cc` gives
 * a plain program.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __HOTWATCH__
#include <hotwatch/hot.h>
#else
#define HOT(fn) fn
#endif

/* --- the mailbox ---------------------------------------------------------- */

struct message {
	struct message *next;
	char text[64];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct message *first, **last;
} mailbox = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL,
	     &mailbox.first};

static bool mailbox_send(const char *text)
{
	struct message *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return false;
	snprintf(m->text, sizeof(m->text), "%s", text);
	pthread_mutex_lock(&mailbox.lock);
	*mailbox.last = m;
	mailbox.last = &m->next;
	pthread_cond_signal(&mailbox.filled);
	pthread_mutex_unlock(&mailbox.lock);
	return true;
}

/* Waits for a message. The caller frees it. */
static struct message *mailbox_receive(void)
{
	struct message *m;

	pthread_mutex_lock(&mailbox.lock);
	while (mailbox.first == NULL)
		pthread_cond_wait(&mailbox.filled, &mailbox.lock);
	m = mailbox.first;
	mailbox.first = m->next;
	if (mailbox.first == NULL)
		mailbox.last = &mailbox.first;
	pthread_mutex_unlock(&mailbox.lock);
	return m;
}

/* --- the counter ---------------------------------------------------------- */

static void codeswitch(long sum);

static bool is(const struct message *m, const char *text)
{
	return strcmp(m->text, text) == 0;
}

/*
 * Nothing of this function is needed any more when it calls codeswitch, so
 * clang makes the call a jump, as Erlang does: no frame of the old version
 * stays on the stack to hold it.
 */
static void loop(long sum)
{
	struct message *m;

	for (;; free(m)) {
		m = mailbox_receive();
		if (is(m, "increment")) {
			sum++;
		} else if (is(m, "print")) {
			printf("the sum is %ld\n", sum);
		} else if (is(m, "get")) {
			printf("%ld\n", sum);
		} else if (is(m, "code_switch")) {
			free(m);
			HOT(codeswitch)(sum);
			return;
		} else if (is(m, "stop")) {
			free(m);
			return;
		} else {
			printf("unhandled: %s\n", m->text);
		}
	}
}

/* Where a thread of an older version comes in. */
static void codeswitch(long sum)
{
	loop(sum);
}

static void *counter(void *unused)
{
	(void)unused;
	loop(0);
	return NULL;
}

/* --- the program ---------------------------------------------------------- */

int main(void)
{
	pthread_t thread;
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pthread_create(&thread, NULL, counter, NULL) != 0)
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (!mailbox_send(line))
			return EXIT_FAILURE;
		if (strcmp(line, "stop") == 0)
			break;
	}
	mailbox_send("stop");
	pthread_join(thread, NULL);
	return EXIT_SUCCESS;
}
