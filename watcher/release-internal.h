/* SPDX-License-Identifier: MIT
 *
 * What the files share that bring a release into targets. Nobody else includes
 * this but cmd-upgrade.c and rehearse.c, for release_apply and its result.
 *
 * Each target is asked by one thread at a time, several targets by several
 * threads (cc_parallel); no thread touches another's target, and what is common
 * to all is not changed meanwhile.
 */
#ifndef WATCHER_RELEASE_INTERNAL_H
#define WATCHER_RELEASE_INTERNAL_H

#include "watcher/client.h"
#include "watcher/place.h"
#include "watcher/release.h"

struct cJSON;

enum target_state {
	TARGET_AT_FROM, /* to be upgraded */
	TARGET_AT_TO,   /* it was there before: left alone */
	TARGET_REFUSED, /* it runs something else: nothing is done anywhere */
	TARGET_FAILED,  /* it did not follow an order */
	TARGET_LOST     /* it ended, or does not answer */
};

/* What takes back an order that was carried out. */
struct target_undo {
	enum release_kind kind; /* RESUME, SUSPEND, CHANGE, LOAD */
	const struct release_step *step;
	int process; /* of the first three */
	char *module;
};

struct release_target {
	struct release_apply *apply;
	int pid;
	char *name, *manifest;
	struct client *client;
	struct cJSON *loaded; /* modules of code/allLoaded, before */
	struct cJSON *now;    /* and after */
	struct cJSON *held;   /* processes that are suspended after */
	enum target_state state;
	long *prepared; /* by order; 0: nothing */
	struct target_undo *undo;
	size_t nundo;
	bool undone;
	char *reason, *message; /* why it is FAILED, LOST, REFUSED */
	char *stuck;            /* why it could not be taken back, or NULL */
	double suspended_us;    /* CLOCK_MONOTONIC: since when; 0: nothing is */
	double pause_us;        /* that calls or processes waited, at most */
	struct cJSON *answers;  /* of its loads, as they came */
};

/* A module's file for the targets of one manifest. */
struct release_file {
	char *file; /* NULL: none of them needs it */
	uint64_t base, size;
};

struct release_group {
	struct manifest *manifest;
	char *linker;
	struct release_file *files; /* by module of the release */
};

struct release_apply {
	/* in */
	const struct release *release;
	bool down, dry_run;
	bool all; /* whoever may have the files is among the targets */
	/* out */
	bool ok, past_no_return, rolled_back;
	const char *reason; /* of the first failure; NULL: there is none */
	char *message;
	struct release_target *targets;
	size_t ntargets;
	/* ours */
	struct release_plan plan;
	struct release_group *groups;
	size_t ngroups;
	struct place avoid;
	char *scratch; /* a dry run's files */
	size_t order;  /* that is being carried out */
};

/*
 * Brings the targets that FOUND (of survey_targets) lists from one side of the
 * release to the other, or says why not. 0: done (or, of a dry run, it would
 * be); -1: A says what became of each target. Targets that have none of the
 * modules, or are of another program, are no part of it.
 */
int release_apply(struct release_apply *a, const struct cJSON *found);
void release_apply_free(struct release_apply *a);

/* --- release-target.c ----------------------------------------------------- */

void target_fail(struct release_target *t, enum target_state state,
		 const char *reason, const char *message);
/* Connects and reads what it runs. */
void target_open(struct release_target *t, const struct cJSON *hello);
void target_free(struct release_target *t);
/* AT_FROM, AT_TO or REFUSED. */
void target_judge(struct release_target *t);
bool target_ready(const struct release_target *t);
/* How long it may take to answer what S is about. */
void target_limit(struct release_target *t, const struct release_step *s);
/* The result, or NULL: it refused, and *E says why (the caller frees it), or it
 * is lost. PARAMS is consumed. */
struct cJSON *target_ask(struct release_target *t, const char *method,
			 struct cJSON *params, struct client_error *e);
/* The same; a refusal is T's failure. */
struct cJSON *target_must(struct release_target *t, const char *method,
			  struct cJSON *params);
/* Whether there was a result, which is freed. */
bool target_done(struct cJSON *result);
/* The file that T has of MODULE's content HASH, or NULL. */
const char *target_has(const struct release_target *t, const char *module,
		       const char *hash);
/* Fills now and held. */
void target_look(struct release_target *t);
/* The entry of MODULE in a list as code/allLoaded has it, or NULL. */
const struct cJSON *target_module(const struct cJSON *loaded,
				  const char *module);
/* What is current of it there: its hash, or NULL. */
const char *target_hash(const struct cJSON *loaded, const char *module);

/* --- release-order.c ------------------------------------------------------ */

/* Order I, ahead; what was prepared, given up; carried out. */
void target_prepare(struct release_target *t, size_t i);
void target_cancel(struct release_target *t);
void target_order(struct release_target *t, size_t i);

/* --- release-undo.c ------------------------------------------------------- */

/* Notes what takes back what was just done. MODULE or NULL is copied. */
void target_undo_add(struct release_target *t, enum release_kind kind,
		     const struct release_step *s, int process,
		     const char *module);
/* Takes back all that was done. */
void target_undo(struct release_target *t);

/* Parameters of sys/suspend and its kin, of sys/changeCode, of a load, and a
 * module more in a load. */
struct cJSON *params_process(const struct release_step *s, int process);
struct cJSON *params_change(const struct release_target *t,
			    const struct release_step *s, int process,
			    const char *module, bool down);
struct cJSON *params_load(const struct release_step *s, bool down);
void params_add(struct cJSON *params, const char *module, const char *file);

/* --- release-link.c ------------------------------------------------------- */

/* Links what targets need and do not have. 0, or -1 and *err. */
int release_link(struct release_apply *a, char **err);
/* These places were occupied: others are tried. */
void release_link_elsewhere(struct release_apply *a);
const char *release_file(const struct release_target *t, const char *module);
/* Removes files of earlier releases that nobody has any more. */
void release_link_sweep(struct release_apply *a);
void release_link_free(struct release_apply *a);

/* --- release-tell.c ------------------------------------------------------- */

struct ui;

/* What would be done, or was; whole lines. */
void release_tell_plan(struct text *t, const struct ui *ui,
		       const struct release_apply *a);
void release_tell_targets(struct text *t, const struct ui *ui,
			  const struct release_apply *a);
struct cJSON *release_tell_json(const struct release_apply *a);

#endif
