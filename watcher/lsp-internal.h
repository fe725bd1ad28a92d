/* SPDX-License-Identifier: MIT
 *
 * What the files of the language server (lsp-*.c) share. All of it is one
 * thread's, the loop's.
 *
 *   cmd-lsp.c       the command: loop, signals, exit status
 *   lsp.c           the protocol's life: initialize, documents, shutdown
 *   lsp-state.c     events and answers of the watcher -> what is the case
 *   lsp-holders.c   who holds old code
 *   lsp-status.c    ... as hotwatch/status and hotwatch/holders
 *   lsp-problems.c  ... as diagnostics
 *   lsp-publish.c   which files have other ones than before
 *   lsp-lens.c      ... as code lenses
 *   lsp-fix.c       clang's fix-its, as code actions
 *   lsp-command.c   workspace/executeCommand
 *   lsp-progress.c  work-done progress, for builds that take their time
 *   lsp-link.c, lsp-wire.c, lsp-text.c, lsp-find.c know nothing of these
 */
#ifndef WATCHER_LSP_INTERNAL_H
#define WATCHER_LSP_INTERNAL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <uv.h>

#include "protocol/rpc.h"
#include "watcher/jsonget.h"
#include "watcher/lsp-link.h"
#include "watcher/lsp-text.h"
#include "watcher/lsp-wire.h"
#include "watcher/strmap.h"
#include "watcher/util.h"

enum {
	LSP_NOT_INITIALIZED = -32002
}; /* LSP 3.17's own error codes */

/* What the client said that it can do. */
struct lsp_caps {
	bool status, holders; /* our own notifications */
	bool related;         /* diagnostics with relatedInformation */
	bool lens_refresh, progress;
	bool literals; /* code actions that are not commands */
};

enum lsp_phase {
	LSP_NEW, /* before initialize */
	LSP_SERVING,
	LSP_SHUT /* after shutdown */
};

struct lsp {
	uv_loop_t *loop;
	struct wire *editor;
	enum lsp_phase phase;
	struct lsp_caps caps;
	void (*over)(struct lsp *s, int status); /* the command's */

	char *root;            /* of the project; NULL: none was found yet */
	struct lsp_link *link; /* NULL with root */
	bool up;               /* there is a watcher */
	char *why;             /* why there is no project, or no watcher */
	struct strmap docs;    /* open documents: URI -> path, malloc'd */
	bool told_ready;       /* initialized has come */

	/* lsp-state.c */
	bool caught_up;
	bool asking, ask_again; /* for watch/status */
	bool holders_stale;
	cJSON *watch;    /* the last answer to watch/status, or NULL */
	cJSON *outcome;  /* the last event that told how a build went */
	cJSON *live;     /* the last of kind live whose targets still run */
	cJSON *building; /* the last of kind building, until its outcome */
	cJSON *troubles; /* events of refusals and warnings that still hold */
	cJSON *holding;  /* holders now, an array; docs/architecture.md */
	unsigned holding_serial; /* counts its changes */
	cJSON *fault;            /* of hotwatch.json: no watcher can begin */
	bool lenses_stale;
	bool had_target;
	double attached;        /* seq of the event of the last that came */
	struct strmap sources;  /* module -> its source, malloc'd */
	struct strmap asked;    /* modules whose source was asked for */
	unsigned sources_asked; /* and did not come yet */

	char *told_status, *told_holders; /* as they were last sent */
	struct strmap pages;              /* by path: lsp-publish.c */
	struct strmap fixes;              /* path -> cJSON array: lsp-fix.c */
	bool problems_left;               /* lsp-problems.c: to be told */
	uv_idle_t turn;                   /* ... in the loop's next turn */

	uv_timer_t slow; /* lsp-progress.c: while something is built */
	bool in_progress;
	unsigned progress_serial;
};

/* --- lsp.c --- */
extern const struct hw_rpc_method lsp_methods[];
void lsp_open(struct lsp *s, uv_loop_t *loop);
void lsp_close(struct lsp *s);
void lsp_notify(struct lsp *s, const char *method, cJSON *params);
/* TYPE: 1 error, 2 warning, 3 information. */
void lsp_show_message(struct lsp *s, int type, const char *text);
/* The URI by which the client knows PATH; malloc'd. */
char *lsp_client_uri(const struct lsp *s, const char *path);
/* True if REQ may be served now; else it was answered. */
bool lsp_serving(struct lsp *s, struct hw_request *req);

/* --- lsp-state.c --- */
void lsp_state_event(struct lsp *s, const cJSON *event);
void lsp_state_refresh(struct lsp *s);   /* asks, then tells what changed */
void lsp_state_tell(struct lsp *s);      /* what changed */
void lsp_state_tell_rest(struct lsp *s); /* ... once the problems are told */
void lsp_state_down(struct lsp *s);
void lsp_state_free(struct lsp *s);
/* Of a target's notes on what became of variables: a value was not kept, or
 * not taken from the source. */
bool lsp_is_loss(const cJSON *note);
/* A target of the last status, or NULL: it runs no more. */
const cJSON *lsp_target(const struct lsp *s, int pid);
/* NULL while it is not known; then it is asked for, and all is told again. */
const char *lsp_source(struct lsp *s, const char *module);

/* --- lsp-holders.c --- */
void lsp_holders_ask(struct lsp *s); /* if they may have changed */
/* Of those who hold old code, how many are at the same line as H in the same
 * way, in all processes; 0: H is not the first of them. */
int lsp_alike(const struct lsp *s, const cJSON *h);

/* --- what is told, from the state; each sends only what has changed --- */
void lsp_status_tell(struct lsp *s);
void lsp_status_event(struct lsp *s, const cJSON *event); /* messages */
void lsp_holders_tell(struct lsp *s);
/* Not all at once, if there are many: problems_left, then, and what is left is
 * told by itself; go_on is for who sees that the client has taken what it got.
 */
void lsp_problems_tell(struct lsp *s);
void lsp_problems_go_on(struct lsp *s);
void lsp_problems_open(struct lsp *s);
void lsp_problems_close(struct lsp *s);
void lsp_progress_tell(struct lsp *s);
void lsp_progress_open(struct lsp *s);
void lsp_progress_close(struct lsp *s);
void lsp_lens_refresh(struct lsp *s);

/* --- methods --- */
hw_rpc_handler lsp_on_lens, lsp_on_command, lsp_on_action;
cJSON *lsp_commands(void); /* their names */

/* --- lsp-fix.c --- */
void lsp_fix_clear(struct lsp *s, const char *path); /* NULL: of all */
/* Remembers the fix-its of DIAGNOSTIC (the watcher's), shown as SHOWN, in the
 * file PATH, which is F. */
void lsp_fix_add(struct lsp *s, const struct lsp_file *f, const char *path,
		 const cJSON *diagnostic, const cJSON *shown);

/* --- lsp-publish.c (lsp-publish.h is for who makes diagnostics) --- */
void lsp_publish_free(struct lsp *s);

#endif
