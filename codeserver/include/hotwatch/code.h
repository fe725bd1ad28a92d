/* SPDX-License-Identifier: MIT
 *
 * Erlang's module `code` in C: a program loads, purges and asks about its own
 * modules. Names and outcomes are Erlang's; where they differ it is said.
 *
 * A module is named as hotwatch names it, "src/server"; a unique last part
 * ("server") will do. Files are module objects, as the watcher makes them.
 *
 * Any thread may call these, but no signal handler; the work is done by the
 * code server's thread while the caller waits. A caller may well be in old code
 * itself: it is a holder like any other (hw_code_soft_purge is false then,
 * hw_code_purge ends the caller if it is a process).
 *
 * Results: 0 or 1 as said, or an HW_CODE_ error, negative. hw_code_error says
 * more of the last one of this thread.
 */
#ifndef HOTWATCH_CODE_H
#define HOTWATCH_CODE_H

#include <hotwatch/process.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hw_code_error_number {
	HW_CODE_NOT_PURGED = -1,          /* "not_purged" */
	HW_CODE_BADFILE = -2,             /* "badfile" */
	HW_CODE_NOFILE = -3,              /* "nofile" */
	HW_CODE_STICKY_DIRECTORY = -4,    /* "sticky_directory" */
	HW_CODE_ON_LOAD_FAILURE = -5,     /* "on_load_failure" */
	HW_CODE_ON_LOAD_NOT_ALLOWED = -6, /* "on_load_not_allowed" */
	HW_CODE_DUPLICATED = -7,          /* "duplicated" */
	HW_CODE_UNDEF = -8,               /* "undef" */
	HW_CODE_UNSAFE = -9,              /* "unsafe" */
	HW_CODE_FOREIGN_HOLDER = -10,     /* "foreign_holder" */
	HW_CODE_DEADLINE = -11,           /* "deadline" */
	HW_CODE_UNKNOWN_MODULE = -12,     /* "unknown_module" */
	HW_CODE_MISPLACED = -13,          /* "misplaced" */
	HW_CODE_BADARG = -14,       /* "badarg": a handle used twice … */
	HW_CODE_NO_SERVER = -15,    /* "no_server": not a hot program */
	HW_CODE_CHANGE_FAILED = -16 /* "code_change_failed" */
};

/* The word above, and the sentence of this thread's last error. */
const char *hw_code_reason(int error);
const char *hw_code_error(void);

/* --- loading -------------------------------------------------------------- */

/* Makes the version in the module's file (hw_code_which, or what the watcher
 * built last) current. While old code exists: soft-purged first; if that is
 * refused: HW_CODE_NOT_PURGED, nobody is killed. */
int hw_code_load_file(const char *module);
/* The same, from FILE. */
int hw_code_load_abs(const char *module, const char *file);
/* From memory. Erlang's load_binary: old code is purged first, holders die;
 * but only once the new object is proven good. FILE is what `which` says. An
 * object's bytes are full of addresses of its code, which hold that version
 * once it is old like any pointer: clear DATA afterwards. */
int hw_code_load_binary(const char *module, const char *file, const void *data,
			size_t size);
/* Loads it if it is not loaded; never anew. */
int hw_code_ensure_loaded(const char *module);

struct hw_code_item {
	const char *module;
	const char *file; /* NULL: the module's own */
	int error;        /* out: 0 or what is wrong with this one */
};
/* All become current at one instant or none; no purge of held code. Every item
 * gets its own error; the result is the first. */
int hw_code_atomic_load(struct hw_code_item *items, size_t n);
/* The good ones load despite a bad one. Result: 0 or the first error. */
int hw_code_ensure_modules_loaded(struct hw_code_item *items, size_t n);

/*
 * The slow half ahead, the switch later, whatever is loaded in between. A
 * handle serves once; one that was used up or freed, or was never made, is
 * HW_CODE_BADARG. ITEMS must live as long as the handle: finish tells each
 * item's error there too.
 */
struct hw_code_prepared;
int hw_code_prepare_loading(struct hw_code_item *items, size_t n,
			    struct hw_code_prepared **prepared);
int hw_code_finish_loading(struct hw_code_prepared *prepared);
void hw_code_prepared_free(struct hw_code_prepared *prepared);

/* --- getting rid of it ---------------------------------------------------- */

/* 1: there was no old code, or nothing held it and it is gone. 0: something
 * holds it, nothing has changed. */
int hw_code_soft_purge(const char *module);
/* Ends the processes that hold old code. 1: at least one was killed; 0: none
 * needed to be. HW_CODE_FOREIGN_HOLDER: a thread that is no process holds it;
 * HW_CODE_DEADLINE: a process could not be ended in time; both leave the old
 * code where it is. */
int hw_code_purge(const char *module);
int hw_code_purge_deadline(const char *module, unsigned deadline_ms);
/* Current becomes old; calls then load it anew or are undef. 1, or 0 while old
 * code exists. HW_CODE_STICKY_DIRECTORY. */
int hw_code_delete(const char *module);
/* A kept version (number TO; -1: the one before) becomes current again, under
 * a new number. */
int hw_code_rollback(const char *module, int to);

/* --- asking --------------------------------------------------------------- */

/* Copies the file's path to FILE (SIZE bytes; may be NULL, 0). 1: loaded, 0:
 * not. hw_code_which also knows modules that are on the path and not loaded:
 * 0: non_existing. */
int hw_code_is_loaded(const char *module, char *file, size_t size);
int hw_code_which(const char *module, char *file, size_t size);

struct hw_code_module {
	char name[256];
	char file[4096];
	unsigned version;
	unsigned old; /* older versions still here */
	bool sticky;
};
/* Up to MAX loaded modules; how many there are, or an error. */
long hw_code_all_loaded(struct hw_code_module *modules, size_t max);

enum hw_code_status {
	HW_CODE_NOT_LOADED,
	HW_CODE_LOADED,   /* its file has this content */
	HW_CODE_MODIFIED, /* its file has another */
	HW_CODE_REMOVED   /* its file is gone */
};
int hw_code_module_status(const char *module);

/* Modules whose source lies in DIR are not loaded over nor deleted. */
int hw_code_stick_dir(const char *dir);
int hw_code_unstick_dir(const char *dir);
int hw_code_is_sticky(const char *module);

/* Files that modules not loaded may be found in, by name: a folder of module
 * objects. The program's own build is always on the path. */
int hw_code_add_path(const char *dir);

/* 1: MODULE has old code. 1: process PID runs or points into MODULE's old
 * code from its own stack. */
int hw_check_old_code(const char *module);
int hw_check_process_code(hw_pid pid, const char *module);

/* --- a change of state ---------------------------------------------------- */

/*
 * What a HOT_CODE_CHANGE function is given (hotwatch/hot.h). Variables that
 * both versions have are converted by then, as far as their types tell; the
 * new version's variables are in place under their names.
 *
 * While it runs, calls of the modules that are loaded with it wait, and so do
 * those of other modules that name its global variables; its own calls of them
 * reach the new code. If it fails, all variables that its module
 * has had become what they were when it began, byte for byte: what another
 * thread has written to one meanwhile, through a pointer that it had before, or
 * the kernel on its behalf, is lost then. Neither are kept off from memory that
 * was allocated, which is not put back: change such memory last, when nothing
 * can fail any more.
 */
struct hw_change {
	const char *module;
	unsigned from, to; /* numbers of the versions */
	int down; /* the way back to an older version: the function is that of
		   * the version that is left, and runs in its code */
	const char *extra; /* what the user gave along, or "" */
	void *internal;
};

/* A variable of the version that is left ("count"; of a function "next.count"),
 * as it was before: its bytes, and how many. NULL: it had none of that name.
 * Good until the function returns. Not for thread-locals. */
const void *hw_change_old(const struct hw_change *change, const char *name,
			  unsigned long *size);
/* The same of the version that comes, to be written to: needed on the way
 * back. */
void *hw_change_new(const struct hw_change *change, const char *name,
		    unsigned long *size);

/* What this thread's loads from now on give along, at most 511 bytes; NULL:
 * nothing. DOWN: they lead back to older versions (hw_code_rollback's always
 * do). 0, or HW_CODE_BADARG. */
int hw_code_direction(int down, const char *extra);

/* --- undef ---------------------------------------------------------------- */

/*
 * Called in the thread that made a call into a deleted module which could not
 * be loaded, if it is no process (a process exits "undef"). If it returns, or
 * there is none, a message goes to stderr and the program ends by SIGABRT, as
 * a call of nothing would end it. Returns the handler before.
 */
typedef void hw_undef_handler(const char *module, const char *function);
hw_undef_handler *hw_code_set_undef_handler(hw_undef_handler *handler);

#ifdef __cplusplus
}
#endif

#endif
