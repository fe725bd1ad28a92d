/* SPDX-License-Identifier: MIT
 *
 * The conversation with one target: connect, hello, which modules it has,
 * load. Loop thread only; the fields are for reading.
 */
#ifndef WATCHER_SESSION_H
#define WATCHER_SESSION_H

#include "watcher/strmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct cJSON;
struct hw_rpc;
struct session;

/* One version of a module in the target: it takes [base, base + size). */
struct session_version {
	char *file;
	uint64_t base, size;
};

struct session_module {
	char *name, *source, *hash, *file; /* of current */
	int version;
	struct session_version *versions; /* all that are mapped */
	size_t nversions;
};

struct session_callbacks {
	/* Hello and the modules are known. Once. */
	void (*ready)(struct session *s, void *arg);
	/* The modules were read again. */
	void (*changed)(struct session *s, void *arg);
	/* It told something that is no load: METHOD is "code/purged",
	 * "code/holdersChanged" or "process/exited". Once it is ready. */
	void (*told)(struct session *s, const char *method,
		     const struct cJSON *params, void *arg);
	/* It is over; S is freed some time after the call. WHY is for a
	 * person. REFUSED: nobody listens on the socket. */
	void (*lost)(struct session *s, bool refused, const char *why,
		     void *arg);
};

struct session {
	char *path;  /* of the socket */
	int pid;     /* as the socket's name says */
	bool ready;  /* hello and modules are known */
	bool silent; /* it did not answer in time; cleared when it does */
	/* Of hello: */
	char *program, *manifest, *root, *reason;
	bool reloadable;
	/* Of the last code/allLoaded: */
	struct strmap modules; /* name -> struct session_module */
	struct cJSON *loaded;  /* its "modules" */
	int old;               /* versions that are not current */
	void *owner;           /* the engine's; not touched here */

	/* Private. */
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_timer_t timer;
	struct hw_rpc *rpc;
	const struct session_callbacks *callbacks;
	void *arg;
	struct session_call *loading;
	bool closing, asking, ask_again;
	int handles;
	unsigned answer_ms;
	bool overdue; /* what is there is read once more, then it is silent */
	char buf[16384];
};

/* ANSWER_MS: that the target has to answer. */
struct session *session_open(uv_loop_t *loop, const char *path, int pid,
			     unsigned answer_ms,
			     const struct session_callbacks *callbacks,
			     void *arg);

/* Closes it without calling lost; a load under way is answered "lost". */
void session_close(struct session *s);

/* What is wanted to be loaded, and what a target answered. */
struct session_item {
	const char *module, *file;
};

/* How; zeroed is as ever. */
struct session_manner {
	const char *on_held; /* NULL: the target's own default */
	unsigned deadline_ms;
	bool force;        /* also what is current already */
	const char *extra; /* for a code_change; NULL: nothing */
};

struct session_loaded {
	const char *module, *hash;
	int version;
	const struct cJSON *said; /* all of it */
};

struct session_answer {
	bool ok;
	struct session_loaded *loaded; /* if ok */
	size_t nloaded;
	/* If not ok: one word, the module and the function or variable that
	 * it is about, or NULL, a sentence.
	 * "lost": the target went away; "no_answer": it did not answer. */
	const char *reason, *module, *symbol, *message;
};

typedef void session_load_cb(struct session *s, const struct session_answer *a,
			     void *arg);

/*
 * code/load for one, code/atomicLoad for several, then the modules are read
 * again. One load at a time. DONE is called once, never from within.
 */
void session_load(struct session *s, const struct session_item *items, size_t n,
		  const struct session_manner *manner, session_load_cb *done,
		  void *arg);

/*
 * Any other method. DONE (as hw_rpc_done) is called once, at the latest when
 * the session is closed; there is no time limit. PARAMS is consumed. -1: it
 * could not be asked, DONE is not called.
 */
int session_ask(struct session *s, const char *method, struct cJSON *params,
		void (*done)(const struct cJSON *result,
			     const struct cJSON *error, void *arg),
		void *arg);

/* Reads the modules again, soon. */
void session_refresh(struct session *s);

const struct session_module *session_module(const struct session *s,
					    const char *name);

/* L is what is current there now. */
void session_module_current(struct session *s, const struct session_loaded *l);

/* --- session-modules.c, for session.c --- */
void session_modules_take(struct session *s, const struct cJSON *result);
void session_modules_clear(struct session *s);

#endif
