/* SPDX-License-Identifier: MIT
 *
 * Upgrade safety: what a running program would make of a newer build. Two
 * builds of a module, or of a program, are compared and give findings.
 *
 *   check-rules.c    the rules: the one table of what can be found
 *   check-image.c    one side: a module's linked object, opened
 *   check-elf.c      the same as a file: sections, relocations, bytes
 *   check-place.c    where a type is defined
 *   check-record.c   whether the sides can be compared at all
 *   check-funcs.c    functions, what others call
 *   check-vars.c     variables and what lives in memory
 *   check-types.c    types: signatures, renamed members, enumerators
 *   check-data.c     initializers, constants, constructors
 *   check-loops.c    code that never comes to its next version
 *   check-moves.c    who is in the way of a variable that must move
 *   check-stale.c    who was not built again
 *   check-set.c      what only shows between modules
 *   check.c          runs them all, keeps the result
 *
 * What is compared are linked modules, as the watcher links them: they have
 * the types of everything in .hw.types, so no debug information is read unless
 * something was found. Any thread may call these; a result belongs to one
 * thread at a time.
 *
 * A verdict is about a live upgrade, not about an interface in general: an
 * export that is gone harms nobody if all who called it are in the same set.
 */
#ifndef WATCHER_CHECK_H
#define WATCHER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watcher/util.h"

/* --- rules (check-rules.c) ------------------------------------------------ */

enum check_severity {
	CHECK_INFO,    /* told: it goes by itself */
	CHECK_WARNING, /* it loads, and something is lost or stays as it was */
	CHECK_ERROR    /* unsafe */
};

enum check_rule_id {
	RULE_FUNCTION_REMOVED,
	RULE_FUNCTION_STATIC,
	RULE_FUNCTION_PARAMETERS,
	RULE_PARAMETER_TYPE,
	RULE_RESULT_TYPE,
	RULE_FUNCTION_VARIADIC,
	RULE_CALLBACK_REMOVED,
	RULE_CALLBACK_SIGNATURE,
	RULE_CALLER_NOT_REBUILT,
	RULE_HEAP_TYPE,
	RULE_MEMBER_RENAMED,
	RULE_MEMBER_REMOVED,
	RULE_ENUM_RENUMBERED,
	RULE_ENUM_EXTENDED,
	RULE_VARIABLE_TYPE,
	RULE_VARIABLE_MIGRATES,
	RULE_VARIABLE_NARROWED,
	RULE_VARIABLE_IN_USE,
	RULE_VARIABLE_SHARED,
	RULE_POINTER_CALLBACK,
	RULE_VARIABLE_REMOVED,
	RULE_VARIABLE_LINKAGE,
	RULE_VARIABLE_CONST,
	RULE_THREAD_LOCAL,
	RULE_VARIABLE_NOT_REBUILT,
	RULE_INITIALIZER,
	RULE_CONSTANT,
	RULE_CONSTRUCTOR,
	RULE_ENDLESS_LOOP,
	RULE_HEADER_NOT_REBUILT,
	RULE_MODULE_ADDED,
	RULE_MODULE_REMOVED,
	RULE_REHEARSAL_COMMAND,
	RULE_REHEARSAL_CRASH,
	RULE_REHEARSAL_LOAD,
	RULE_REHEARSAL_HOLDER,
	RULE_REHEARSAL_STATE,
	RULE_SUPPRESSION_UNUSED,
	RULE_SUPPRESSION_EXPIRED,
	RULE_COUNT
};

struct check_rule {
	const char *id; /* permanent: users' suppressions name it */
	enum check_severity severity;
	bool code_change;   /* a HOT_CODE_CHANGE can take care of it */
	const char *title;  /* "a variable is gone" */
	const char *advice; /* what to do; a sentence without its end */
};

extern const struct check_rule check_rules[RULE_COUNT];

const struct check_rule *check_rule_named(const char *id); /* NULL: none */
const char *check_severity_word(enum check_severity s);
/* Where a rule is explained. malloc'd. */
char *check_rule_link(const struct check_rule *r);

/* --- results (check.c) ---------------------------------------------------- */

struct check_finding {
	const struct check_rule *rule;
	enum check_severity severity; /* perhaps milder than the rule's */
	char *module;
	char *symbol;   /* "count in next()"; "" if it has none */
	char *file;     /* absolute, or as the compiler was told; maybe NULL */
	unsigned line;  /* 0: not known */
	bool old;       /* they are of the old side's text: it is gone */
	char *was, *is; /* what it was, what it is; may be NULL */
	char *message;
	unsigned far;           /* of a type behind pointers: layout_reached */
	const char *suppressed; /* the reason; NULL: it counts */
};

/* Something that could not be compared. */
struct check_unknown {
	char *module;
	char *why;
};

enum check_verdict {
	VERDICT_UNCHANGED,
	VERDICT_SAFE,
	VERDICT_MIGRATES,
	VERDICT_CODE_CHANGE, /* needs one */
	VERDICT_UNSAFE,
	VERDICT_UNKNOWN /* could not be checked */
};

/* A module that is the same on both sides, but uses a variable which moves: it
 * has to be loaded with the others. */
struct check_along {
	char *module;
	char *file;    /* where the variable's type is defined; NULL: unknown */
	bool includes; /* it, as far as the side tells (check_module.deps) */
};

/* What a load of a rehearsal made callers or processes wait, at most. */
struct check_pause {
	bool down;
	double us;
};

/* Zeroed is empty. */
struct check_result {
	struct check_finding *findings;
	size_t n, cap;
	struct check_unknown *unknown;
	size_t nunknown;
	struct check_along *along;
	size_t nalong;
	size_t compared, unchanged;   /* modules */
	bool code_change;             /* one of them has a HOT_CODE_CHANGE */
	struct check_pause pauses[8]; /* of a rehearsal, in its order */
	size_t npauses;
	char *root; /* paths below it are shown relative; may be NULL */
	/* The folder that has the old side's text of what is below the root;
	 * NULL: files are where findings say. */
	char *old_root;
};

void check_result_free(struct check_result *r);
/* By severity, then by file and line: the worst first. */
void check_result_sort(struct check_result *r);
enum check_verdict check_result_verdict(const struct check_result *r);
const char *check_verdict_word(enum check_verdict v);
/* Of what is not suppressed. */
size_t check_result_count(const struct check_result *r, enum check_severity s);
/* Where the text is that a finding is about. malloc'd, or NULL. */
char *check_text_file(const struct check_result *r,
		      const struct check_finding *f);
/* The file of a finding as it is shown; points into it. NULL: none. */
const char *check_shown_file(const struct check_result *r, const char *file);

/* A finding that something else than a comparison has made: FILE may be NULL,
 * LINE 0. All is copied. */
void check_add_told(struct check_result *r, enum check_rule_id rule,
		    const char *module, const char *symbol, const char *file,
		    unsigned line, const char *message);

/* Notes that MODULE could not be compared, and why. */
void check_unknown_add(struct check_result *r, const char *module,
		       const char *fmt, ...) PRINTF(3, 4);

/* --- comparing (check.c, check-set.c) ------------------------------------- */

/* A module of one side, by its linked file. */
struct check_module {
	const char *name;
	const char *file;
	/* The compiler's, if it is known otherwise than by the record in the
	 * file (the watcher's own objects have none); or NULL. */
	char *const *command;
	const char *object; /* what it was linked of, to see what is older; */
	char *const *deps;  /* what that was made of; both may be NULL */
};

struct check_side {
	struct check_module *modules;
	size_t n;
	/* They are all that there is: who calls what is known. Else anything
	 * that is exported may be called by others. */
	bool whole;
	/* What has another file is loaded, though its content be the same. */
	bool files;
};

/*
 * Compares WAS with IS, module by module of the same name, and adds to R. What
 * cannot be compared is in R as well; -1 and *err: nothing was compared.
 */
int check_compare(const struct check_side *was, const struct check_side *is,
		  struct check_result *r, char **err);

/* --- suppressions (check-suppress.c) -------------------------------------- */

struct settings;

/*
 * Marks what SETTINGS suppress on the day TODAY ("2026-01-31"), and adds what
 * is to be said of suppressions that are out of date or, if all was compared
 * (WHOLE), that nothing needed. PATH: of the settings' file.
 */
const char *check_today(void); /* of the loop's thread, or a command's */
void check_suppress(struct check_result *r, const struct settings *s,
		    const char *path, const char *today, bool whole);

/* --- formats (check-*.c) -------------------------------------------------- */

struct ui;

void check_put_text(struct text *t, const struct ui *ui,
		    const struct check_result *r);
void check_put_github(struct text *t, const struct check_result *r);
void check_put_json(struct text *t, const struct check_result *r);
void check_put_sarif(struct text *t, const struct check_result *r);
void check_put_junit(struct text *t, const struct check_result *r);

/* --- what the command line names (check-operand.c) ------------------------ */

/*
 * A side as the user names it: an object (.o) of hotwatch cc, a module's
 * linked object (.so), PROGRAM.hot, or a program that has one beside it.
 * Objects are linked into the folder SCRATCH first; both sides' under the name
 * NAME (NULL: their source's).
 */
struct check_operand {
	struct check_side side;
	char *root; /* the project's, if known */
	struct check_owned *owned;
};

/*
 * Links the object PATH as the module NAME of SOURCE into the folder SCRATCH,
 * as *FILE (malloc'd). TEMPORARY is a file of its own there. Any thread.
 */
int check_link(const char *path, const char *name, const char *source,
	       const char *scratch, const char *temporary, char **file,
	       char **err);

int check_operand_open(struct check_operand *o, const char *path,
		       const char *name, const char *scratch, char **err);
void check_operand_free(struct check_operand *o);

/* --- what a release is made of (check-kept.c) ----------------------------- */

/* A module whose content differs. */
struct check_kept_module {
	char *name;
	char from[33], to[33]; /* content hashes; "": there is none */
	bool on_load;          /* on either side: it must be loaded alone */
	/* A type that may be in memory differs, and it says that it converts
	 * what processes keep (HW_MIGRATES). */
	bool migrates;
	struct strv needs; /* what it needs of others, by the linker's names */
	struct strv gives;
};

/* Zeroed is empty, but for the folder. */
struct check_kept {
	const char *folder; /* in: its objects go there, as NAME-HASH.o */
	struct strv along; /* modules that go along, though they are the same */
	bool wants_old;    /* in: of commits, the old program too */
	char *program;     /* whose modules they are: its name, */
	char *old;         /* and the path of the old one, or NULL */
	char *from, *to;   /* what the sides are called */
	struct check_kept_module *v; /* those that others need come first */
	size_t n;
};

/* Takes a module of which both sides are linked (NULL: it is not there), and
 * their objects; both the same is fine. 0, or -1 and *err. */
int check_kept_take(struct check_kept *k, const struct check_module *was,
		    const char *was_object, const struct check_module *is,
		    const char *is_object, char **err);
/* Before any is taken: those that R says must come along, and can. */
void check_kept_along(struct check_kept *k, const struct check_result *r);
/* The same of all modules of two programs, by their manifests. */
int check_kept_programs(struct check_kept *k, const struct check_operand *was,
			const struct check_operand *is, char **err);
/* Sets K->old: the program of the manifest M if it is the old one, else one
 * that is linked into the folder SCRATCH (check-program.c). */
struct manifest;
int check_program_old(struct check_kept *k, const struct manifest *m,
		      const char *scratch, char **err);
void check_kept_sort(struct check_kept *k);
void check_kept_free(struct check_kept *k);

/* --- commits (check-git.c) ------------------------------------------------ */

/*
 * Compares two commits, RANGE being "BASE..HEAD", or "BASE" for BASE and the
 * files as they are: the modules of PROGRAM (NULL: of all hot-built programs of
 * the repository that the current folder is in) that read a file that differs
 * are compiled on both sides. R->root is set. KEPT (or NULL) gets their
 * objects; then there must be one program.
 */
int check_git(const char *range, const char *program, const char *scratch,
	      struct check_kept *kept, struct check_result *r, char **err);

#endif
