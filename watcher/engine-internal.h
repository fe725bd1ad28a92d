/* SPDX-License-Identifier: MIT
 *
 * What the files of the engine share. Nobody else includes this.
 *
 *   engine.c          opening, closing, the pump that everything wakes
 *   engine-change.c   what the watch tells: files, and what they touch
 *   engine-peer.c     targets that come and go
 *   engine-ask.c      engine_sync, engine_load
 *   engine-query.c    the answers in JSON
 *   engine-held.c     who runs old code, told as it happens
 *   engine-order.c    purge, delete, rollback, holders, ps
 *   engine-gather.c   one question to several targets
 *   engine-program.c  manifests: which units make which modules
 *   engine-state.c    what is remembered in a program's folder
 *   engine-files.c    the module objects that we linked
 *   engine-find.c     hot builds that nobody runs yet
 *   engine-own.c      the project's own build command
 *   unit.c            translation units: wanted content
 *   unit-compile.c    compiling one
 *   unit-warnings.c   which of its warnings are new
 *   set.c             what goes live together
 *   round.c, round-along.c, round-link.c, round-load.c, round-place.c,
 *   round-verdict.c   one set's way into the targets
 *   toolchain.c       which clang, which lld, in which environment
 *   daemon.c          the project's socket
 *
 * A *unit* is a way to compile a source (command, folder, environment); a
 * *module* is a unit in a program; a program has targets. All run in the
 * loop's thread. Nothing is decided in a callback: each one notes what it
 * learnt and calls engine_pump, which compares wanted with loaded.
 */
#ifndef WATCHER_ENGINE_INTERNAL_H
#define WATCHER_ENGINE_INTERNAL_H

#include "codeserver/descriptor.h"
#include "watcher/build.h"
#include "watcher/depgraph.h"
#include "watcher/engine.h"
#include "watcher/manifest.h"
#include "watcher/place.h"
#include "watcher/session.h"
#include "watcher/settings.h"
#include "watcher/strmap.h"
#include "watcher/targets.h"
#include "watcher/util.h"
#include "watcher/watch.h"

struct daemon;

enum unit_state {
	UNIT_NEW,      /* nothing is known yet */
	UNIT_KNOWN,    /* hash is the content that is wanted */
	UNIT_DIRTY,    /* its files changed: to be compiled */
	UNIT_BUILDING, /* is being compiled */
	UNIT_FAILED,   /* does not compile */
	UNIT_GONE      /* its source is gone */
};

struct unit {
	struct engine *e;
	struct unit *next;
	char *key; /* what makes it this unit; in e->units */
	char *source, *dir;
	char **command, **env;
	struct module **modules; /* of all programs; [0] names it */
	size_t nmodules;
	struct depuser deps;
	enum unit_state state;
	bool again;      /* changed while it was being compiled */
	bool force;      /* compile it, even if its files are those of hash */
	char hash[33];   /* wanted content; "" if never known */
	uint64_t inputs; /* depgraph_inputs that gave hash, or 0 */
	char *object, *member;   /* where code of hash is, or NULL */
	bool own;                /* object is ours to remove */
	struct object *opened;   /* object, still open; or NULL */
	struct compile *compile; /* while it is being compiled */
	char *output;            /* what the compiler said, if it failed */
	struct diagnostics diagnostics; /* its errors, or new warnings */
	struct diagnostics warnings;    /* unit-warnings.c: all there are */
	struct diagnostics standing;    /* those that have come since */
	bool warned;                    /* it was compiled */
	uint64_t stamp;                 /* e->stamp when these changed */
	struct set *set;
};

/* A linked file of a module, and what it holds. */
struct artifact {
	char *file; /* NULL: none */
	char hash[33];
	uint64_t base, size;
};

struct module {
	struct program *program;
	const struct manifest_module *m;
	struct unit *unit;
	struct artifact artifact; /* the newest */
};

/* A module's object in live/, and the place it was linked for. */
struct linked {
	char *file;
	uint64_t base, size;
};

struct program {
	struct engine *e;
	struct program *next;
	struct manifest *manifest;
	char *linker; /* the lld of its clang */
	char *live;   /* the folder of what we link */
	struct module **modules;
	size_t nmodules;
	struct strmap state;  /* state.json: name -> struct state_entry */
	struct linked *files; /* that we linked, oldest first */
	size_t nfiles;
	size_t collect_at; /* when there are so many, see files_collect */
	unsigned attached; /* targets that run it */
	bool assessed;     /* its units were looked at */
	bool reread;       /* its manifest changed */
	bool unsaved;      /* state.json is behind */
	bool swept;        /* left-overs of an earlier watcher removed */
};

enum set_why {
	SET_SAVE,
	SET_ATTACH,
	SET_BUILD,
	SET_ASKED
};

/* Units that go live together, or not at all. */
struct set {
	struct engine *e;
	struct set *next;
	struct unit **units;
	size_t n;
	enum set_why why;
	uint64_t first;    /* uv_hrtime: the first event */
	uint64_t started;  /* the first compiler's start, or 0 */
	uint64_t compiled; /* the last compiler's end, or 0 */
	unsigned total;    /* compiles since it was last told of */
	unsigned stamp;    /* counts changes of what is wanted */
	bool told;         /* its outcome was told, for this content */
	unsigned flags;    /* ENGINE_FORCE, ENGINE_KILL: of the next round */
	char *extra;       /* for a code_change in that round, or NULL */
	bool begun;        /* a compile began that was not told of */
	int *refused;      /* pids that refused this content */
	size_t nrefused;
};

/* A peer: one target of this project, and what the engine knows of it. */
struct peer {
	struct engine *e;
	struct peer *next;
	struct session *session;
	struct program *program; /* NULL: not usable, see reason */
	char *reason;            /* why not */
	bool mine;               /* its root is ours */
	bool busy;               /* a load is under way */
	bool silent;             /* it did not answer the last load */
	unsigned misplaced;      /* in a row */
	bool not_purged;         /* it refused a load for old code */
	/* engine-held.c: */
	struct strmap held;          /* MODULE@VERSION -> what was told of it */
	bool look;                   /* its holders are not what they were */
	struct cJSON *fates, *exits; /* told by it, not by us yet */
};

struct ask; /* engine-ask.c: a call of engine_sync or engine_load */

struct engine {
	uv_loop_t *loop;
	char *root, *runtime, *codeserver;
	struct settings settings;
	char *settings_error; /* what is wrong with the file, or NULL */
	struct engine_callbacks callbacks;
	void *arg;
	struct eventlog *log;
	struct watch *watch;
	struct targets *targets;
	struct build *build;
	struct daemon *daemon;
	struct depgraph *files;
	struct strmap dirs;  /* folders watched beside the root's tree */
	struct strmap units; /* key -> unit */
	struct unit *unit_list;
	struct program *programs;
	struct set *sets;
	struct round *rounds;
	struct peer *peers;
	struct ask *asks;
	struct place avoid;      /* places that a target found occupied */
	unsigned answer_ms;      /* that a target has to answer */
	uint64_t stamp;          /* counts changes of what compilers said */
	unsigned serial;         /* for names of temporary files */
	uv_timer_t absent_timer; /* see engine-change.c */
	struct strv absent;
	uint64_t absent_first;
	struct own *own;       /* see engine-own.c */
	uv_timer_t git_timer;  /* looks whether git is done */
	uv_timer_t save_timer; /* state.json is written when all is quiet */
	uv_timer_t held_timer; /* see engine-held.c */
	uv_timer_t loop_timer;
	bool looking;                  /* holders are being asked for */
	struct symbolizer *symbolizer; /* under NAMING, in a worker */
	uv_mutex_t naming;
	bool pumping, pump_again, closing, ready, finding;
	unsigned handles;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* --- engine.c --- */

/* Compares wanted with loaded and starts what is to be done. Cheap. */
void engine_pump(struct engine *e);
bool engine_idle(const struct engine *e);
/* A handle that was counted in e->handles has closed. */
void engine_handle_closed(struct engine *e);
/* Gives E to the log and to all who listen. E is the log's then. */
void engine_tell(struct engine *e, struct event *ev);
void engine_notice(struct engine *e, enum event_kind kind, const char *fmt, ...)
    PRINTF(3, 4);

/* --- engine-change.c --- */
void change_files(const char *const *paths, size_t n, bool rescan,
		  uint64_t first, void *engine);
void change_absent_due(uv_timer_t *timer);
/* Whether PATH, which is not there, has been gone for long enough to count. If
 * not, the pump is called when that is known. FIRST: when its user changed. */
bool change_lasts(struct engine *e, const char *path, uint64_t first);
/* Sees to it that changes of what U uses are heard of. */
void change_watch(struct engine *e, const char *path);

/* --- engine-own.c --- */
struct own *own_new(struct engine *e);
void own_close(struct own *o);
void own_free(struct own *o);
/* No compile depends on PATH, which was saved. */
void own_changed(struct engine *e, const char *path);
bool own_busy(const struct engine *e);

/* --- engine-peer.c --- */
void peer_found(const char *path, int pid, void *engine);
void peer_close(struct peer *p);
bool peer_usable(const struct peer *p);
size_t peers_joining(const struct engine *e); /* not ready yet */
/* The peer has another content of M than is wanted, or none. */
bool peer_differs(const struct peer *p, const struct module *m);
/* Puts what differs in P's program, and is in no set yet, into one. */
void peer_compare(struct peer *p, enum set_why why);

/* --- engine-held.c --- */
void held_told(struct peer *p, const char *method, const struct cJSON *params);
void held_attached(struct peer *p);
void held_soon(struct engine *e); /* something is to be told or asked */
void held_forget(struct peer *p);
struct cJSON *held_status(const struct peer *p); /* watch/status, "held" */

/* --- engine-query.c --- */
/* TARGET: a pid or a program's name; NULL or "": any. */
bool peer_named(const struct peer *p, const char *target);

/* --- engine-ask.c --- */
/* A set's outcome was told: answers those who wait for it. */
void asks_told(struct engine *e, const struct set *s, const struct event *ev);
void asks_merged(struct engine *e, const struct set *from, struct set *to);
/* NAME as a module's name, or as a source's path from the root; or NULL. */
struct module *ask_module(const struct program *p, const char *name,
			  int *ambiguous);
/* NULL, or in one word why NAME cannot be loaded: *message is malloc'd. */
const char *ask_wrong(struct engine *e, const char *name, char **message);
void asks_step(struct engine *e); /* begins loads that may begin now */
void asks_idle(struct engine *e); /* called by the pump when all is done */
void asks_close(struct engine *e);

/* --- unit.c --- */
struct unit *unit_get(struct engine *e, const struct manifest_module *m);
void unit_use(struct unit *u, struct module *m);
void unit_unuse(struct unit *u, struct module *m);
const char *unit_name(const struct unit *u);
bool unit_needed(const struct unit *u); /* a target runs it */
/* What M's manifest and state.json tell of it, without compiling. */
void unit_assess(struct unit *u, struct module *m);
void unit_touch(struct unit *u);
void unit_free(struct unit *u);
/* For unit-compile.c: */
uint64_t unit_inputs(const struct unit *u); /* 0: a file is gone */
void unit_know(struct unit *u, const char *hash);
void unit_drop_object(struct unit *u);
void unit_drop_errors(struct unit *u);
void unit_stamp(struct unit *u); /* what is said of it has changed */
void unit_watch_deps(struct unit *u);

int64_t unit_file_time(const char *path); /* ns; -1: not there */

/* --- unit-warnings.c --- */
/* A compile has succeeded and said OUTPUT. */
void unit_take_warnings(struct unit *u, const char *output);
void unit_drop_warnings(struct unit *u);

/* --- unit-compile.c --- */
void unit_build(struct unit *u); /* it is dirty, needed and in a set */

/* --- engine-program.c --- */
struct program *program_get(struct engine *e, const char *manifest, char **err);
void program_reread(struct program *p); /* its manifest changed */
void program_attach(struct program *p); /* a target runs it: look at it */
struct module *program_module(const struct program *p, const char *name);
char *program_folder(const struct program *p, const char *name);
void program_free(struct program *p);

/* --- engine-find.c --- */

/* Makes programs of all hot builds below the root; in the background. */
void programs_find(struct engine *e);

/* --- engine-state.c --- */
struct state_entry {
	uint64_t inputs;
	char hash[33];
	char **deps; /* if others than the manifest says, else NULL */
};
void state_read(struct program *p);
void state_note(struct module *m); /* what its unit knows now */
void state_save(struct program *p);
void state_free(struct program *p);

/* --- engine-files.c --- */
void files_add(struct program *p, const char *file, uint64_t base,
	       uint64_t size);
void files_free(struct program *p);
/* Removes linked files that no target has any more, but the newest few. */
void files_collect(struct program *p);
/* Takes over what an earlier watcher left, and removes what is too much. */
void files_sweep(struct program *p);

/* --- set.c --- */
/* U, which changed for the reason WHY, goes into S; NULL: a new one. */
struct set *set_join(struct set *s, struct unit *u, enum set_why why,
		     uint64_t first);
void set_changed(struct set *s); /* its wanted content is another now */
void set_extra(struct set *s, const char *extra); /* copied; NULL: nothing */
void set_step(struct set *s);
bool set_waiting(const struct set *s); /* something is under way for it */
void set_refuse(struct set *s, int pid);
bool set_refused(const struct set *s, int pid);
void set_forgive(struct set *s, int pid);
void set_leave(struct unit *u);
void set_free(struct set *s);
void set_told(struct set *s, struct event *ev); /* tells EV, S's outcome */
void set_progress(struct set *s);               /* tells what is compiled */

/* --- round.c --- */
/* 1: a round of S is under way now; 0: no target needs it; -1: it has to wait
 * (a target is busy, or a unit must be compiled first). */
int round_start(struct set *s);
bool round_of(const struct set *s);
void round_moved(struct set *from, struct set *to); /* a set was merged */
bool round_of_program(const struct program *p);
void round_peer_gone(struct peer *p);
/* A place for SIZE bytes that is free in all targets, and not promised; or 0.
 */
uint64_t round_place(struct engine *e, uint64_t size);
bool round_uses(const struct engine *e, const char *file);

/* --- toolchain.c --- */
/* The lld that belongs to the clang of COMMAND. malloc'd. */
char *toolchain_linker(char *const *command);
/* The environment to run COMMAND in: ours, with RECORDED over it and nothing
 * else that clang reads. */
char **toolchain_env(char *const *recorded);
/* The identity of the program that NAME runs: changes when it is replaced. */
uint64_t toolchain_identity(const char *name);

/* --- daemon.c --- */
int daemon_open(struct daemon **d, struct engine *e, char **err);
void daemon_event(struct daemon *d, const struct event *ev);
void daemon_close(struct daemon *d, void (*closed)(void *arg), void *arg);

#endif
