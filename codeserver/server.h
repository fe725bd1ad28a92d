/* SPDX-License-Identifier: MIT
 *
 * The code server's thread: work from other threads, timers, the socket.
 */
#ifndef HW_SERVER_H
#define HW_SERVER_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/* Starts the thread, if it does not run; the socket is there some instants
 * later (none if the program is not hot-built). Any thread. Failures leave
 * the program without a code server, and alive: -1. */
int server_start(void);

/* In a forked child: forgets the parent's thread, connections, jobs and
 * timers; starts anew if the parent had a thread. */
void server_forked(void);

/* At the process's end: removes the socket's file. Any thread. */
void server_exit(void);

/* --- work from other threads (jobs.c) ------------------------------------- */

/* Work for the code server's thread. The memory is the caller's until run is
 * called, and run's from then on. */
struct server_job {
	void (*run)(struct server_job *job);
	struct server_job *next; /* ours */
};

/*
 * Any thread, also while signals are blocked; takes no lock, allocates nothing,
 * does not wait. Jobs of one thread run in order. 0, or -1: there is no code
 * server (run is not called). A forked child forgets its parent's jobs.
 */
int server_post(struct server_job *job);

/* run(arg) in the code server's thread, waiting until it returned. Not from
 * that thread; no cancellation point. 0, or -1 as above. */
int server_call(void (*run)(void *arg), void *arg);

/*
 * A question that takes its time: run begins what may end later, and whoever
 * ends it calls server_answered, once. The memory is malloc'd by the one who
 * asks. server_ask waits, as a cancellation point: if the thread is ended
 * there, the answer comes to nobody, so what run needs must be in the question.
 * DESTROY frees it when both sides are through with it (server_ask_free is the
 * asking side's). 0, or -1: no code server (and run is not called).
 */
struct server_question {
	struct server_job job; /* its run is set by the one who asks */
	void (*destroy)(struct server_question *q);
	sem_t answered;
	int refs;
};
int server_ask(struct server_question *q);
void server_ask_free(struct server_question *q);
void server_answered(struct server_question *q);

/* --- the code server's thread only ---------------------------------------- */

/* Calls run once, MS milliseconds from now; a timer that is waiting already is
 * moved. The memory is the caller's; run may set it anew or free it. */
struct server_timer {
	void (*run)(struct server_timer *timer);
	uint64_t at; /* ours: 0 while it is not set */
	struct server_timer *next;
};
void server_later(struct server_timer *timer, unsigned ms);
void server_never(struct server_timer *timer);

/* CLOCK_MONOTONIC, milliseconds. Any thread. */
uint64_t server_now(void);

/* Whether somebody wants something: a long search should stop and let him. */
bool server_busy(void *unused);

/* Whether there is a connection; a notification to every one. PARAMS is
 * consumed. */
struct cJSON;
bool server_heard(void);
void server_notify(const char *method, struct cJSON *params);

#endif
