/* SPDX-License-Identifier: MIT
 *
 * Compiling: the user's own words, then ours, so that ours win where the two
 * differ. What each of ours is for stands beside it in a table.
 *
 * Visibility. A variable that another file declares hidden is reached
 * relative to the instruction pointer, which cannot work once the two files
 * are two shared objects. So declarations are compiled with default
 * visibility, whether they were hidden by an attribute, a pragma or a flag;
 * definitions keep theirs, which tells clang that they are local to the file,
 * and object_rewrite opens them. Rejected: -D'visibility(x)=...', which breaks
 * a program that has a function of that name, and does not see the pragma.
 *
 * clang is executed in place of this process wherever nothing is left to do
 * after it; only a depfile that the user asked for must be copied afterwards,
 * because make and ninja move or remove theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc-response.h"
#include "watcher/cc.h"
#include "watcher/util.h"

static const char *const hot_flags[] = {
    /* one shared object a module */
    "-fPIC",
    /* calls inside the file stay in their version; the others are seen */
    "-fno-semantic-interposition",
    /* else the address of a function is loaded once, before a loop */
    "-fplt", "-ffunction-sections", "-fdata-sections",
    /* else static variables are split, shrunk, or folded away */
    "-fkeep-persistent-storage-variables",
    /* thread-locals are plain data, which versions can share */
    "-femulated-tls",
    /* an object that can be read */
    "-fno-lto",
    /* holders are found by unwinding */
    "-fasynchronous-unwind-tables",
    /* a process that is ended runs its cleanups; those of
     * pthread_cleanup_push are registered at run time, as without exceptions,
     * because that serves them wherever it is ended */
    "-fexceptions", "-Xclang", "-U__EXCEPTIONS",
    /* see above */
    "-fvisibility-from-dllstorageclass", "-fvisibility-nodllstorageclass=keep",
    "-fvisibility-externs-nodllstorageclass=default", "-D__HOTWATCH__=1", NULL};

/* What the user may have asked for that the rewrite could not live with. */
static const struct {
	const char *flag; /* a prefix */
	const char *undo;
} undone[] = {
    {"-mcmodel=", "-mcmodel=small"},
    {"-gsplit-dwarf", "-gno-split-dwarf"},
    {"-fdebug-types-section", "-fno-debug-types-section"},
    {"-gz", "-gz=none"},
    {"-fno-unique-section-names", "-funique-section-names"},
    {"-funique-internal-linkage-names", "-fno-unique-internal-linkage-names"},
    {"-fbasic-block-sections=", "-fbasic-block-sections=none"},
    {"-fsplit-machine-functions", "-fno-split-machine-functions"},
    {"-fwhole-program-vtables", "-fno-whole-program-vtables"},
    {"-fsplit-lto-unit", "-fno-split-lto-unit"},
    {"-ffat-lto-objects", "-fno-fat-lto-objects"},
};

/* AddressSanitizer puts frames on the heap, to see who uses one that is over:
 * full of dead words, which hold a variable where it is as live ones would. */
static bool frames_on_heap(const char *flag)
{
	const char *list = flag + strlen("-fsanitize=");

	return starts_with(flag, "-fsanitize=") &&
	       (starts_with(list, "address") || strstr(list, ",address"));
}

/* Debug information of the types is what a reload is judged by: full, or
 * less (and then -g is added)? */
static const struct {
	const char *flag;
	bool full, prefix;
} debug_levels[] = {
    {"-g", true, false},
    {"-g2", true, false},
    {"-g3", true, false},
    {"-ggdb", true, false},
    {"-ggdb2", true, false},
    {"-ggdb3", true, false},
    {"-gdwarf", true, true},
    {"-g0", false, false},
    {"-g1", false, false},
    {"-ggdb0", false, false},
    {"-ggdb1", false, false},
    {"-gmlt", false, false},
    {"-gline-tables-only", false, false},
    {"-gline-directives-only", false, false},
};

static void debug_level(const char *flag, bool *full)
{
	for (size_t i = 0; i < ARRAY_SIZE(debug_levels); i++) {
		const char *level = debug_levels[i].flag;

		if (!strcmp(flag, level) ||
		    (debug_levels[i].prefix && starts_with(flag, level)))
			*full = debug_levels[i].full;
	}
}

static void hot_flags_add(const struct cc *c, enum cc_lang lang,
			  struct strv *argv)
{
	bool full = false;

	strv_addv(argv, hot_flags);
	for (size_t i = 0; i < c->args.n; i++) {
		const struct cc_arg *a = &c->args.v[i];

		if (a->class != CC_OTHER)
			continue;
		debug_level(a->text, &full);
		if (frames_on_heap(a->text))
			strv_add(argv,
				 "-fsanitize-address-use-after-return=never");
		for (size_t k = 0; k < ARRAY_SIZE(undone); k++)
			if (starts_with(a->text, undone[k].flag))
				strv_add(argv, undone[k].undo);
	}
	if (!full)
		strv_add(argv, "-g");
	if (lang == CC_LANG_I)
		return; /* clang warns: nothing is included any more */
	strv_add(argv, "-idirafter");
	strv_add(argv, c->tools.include);
}

/* What goes into a command that compiles one source. */
enum {
	KEEP_SIDE = 1, /* files written beside, and noise */
	KEEP_LINK = 2  /* words for the linker, that clang will warn of */
};

static bool wanted(const struct cc_arg *a, unsigned keep)
{
	switch (a->class) {
	case CC_OTHER:
		return true;
	case CC_SIDE:
		return keep & KEEP_SIDE;
	case CC_LIB:
	case CC_LINK:
		return keep & KEEP_LINK;
	case CC_INPUT:
		return a->lang == CC_LANG_OBJECT && keep & KEEP_LINK;
	default:
		return false;
	}
}

/* The user's words for compiling input S alone. A -x before it is kept; one
 * behind it would be warned of. */
static void user_words(const struct cc *c, size_t s, unsigned keep,
		       struct strv *argv)
{
	const struct cc_arg *lang = NULL;

	strv_add(argv, c->tools.clang);
	for (size_t i = 0; i < c->args.n; i++) {
		const struct cc_arg *a = &c->args.v[i];

		if (a->class == CC_LANG && i < s)
			lang = a;
		if (wanted(a, keep))
			cc_arg_add(argv, a);
	}
	strv_add(argv, "-c");
	if (lang)
		cc_arg_add(argv, lang);
	cc_arg_add(argv, &c->args.v[s]);
}

static bool is_hot(const struct cc *c, size_t s)
{
	enum cc_lang lang = c->args.v[s].lang;

	return !c->args.foreign && (lang == CC_LANG_C || lang == CC_LANG_I);
}

/*
 * Makes all the directories there and gives the path of the depfile for
 * OUTPUT, or NULL if there can be none.
 */
static char *depfile_place(const char *output)
{
	char *dir = path_dir(output), *hidden = path_join(dir, ".hotwatch");
	char *path = NULL;

	if (mkdir(hidden, 0777) == 0 || errno == EEXIST)
		path = xasprintf("%s/%s.d", hidden, path_base(output));
	free(dir);
	free(hidden);
	return path;
}

static void record_add(const struct cc *c, size_t s, const char *output,
		       const char *depfile, struct strv *argv)
{
	struct strv effective = {0};
	char *record;

	user_words(c, s, 0, &effective);
	hot_flags_add(c, c->args.v[s].lang, &effective);
	record =
	    cc_record_make(c, effective.v, c->args.v[s].value, output, depfile);
	strv_add(argv, "-Xclang");
	strv_add(argv, "-record-command-line");
	strv_add(argv, "-Xclang");
	strv_add_own(argv, record);
	strv_free(&effective);
}

/* The flags of what is compiled, but does not become a module. */
static void foreign_flags_add(const struct cc *c, size_t s, struct strv *argv)
{
	const struct cc_arg *a = &c->args.v[s];

	if (a->lang == CC_LANG_HEADER)
		hot_flags_add(c, a->lang, argv); /* as those who include it */
	else if (!ends_with(a->value, ".s"))     /* unused there: a warning */
		strv_add(argv, "-fPIC");
}

static bool has_target(const struct cc *c)
{
	for (size_t i = 0; i < c->args.n; i++)
		if (starts_with(c->args.v[i].text, "-MT") ||
		    starts_with(c->args.v[i].text, "-MQ"))
			return true;
	return false;
}

/* The depfile that the user asked for. In a link command it is named after
 * what is linked, which this step, that makes an object, does not know. */
static void user_depfile_words(const struct cc *c, size_t s, bool linked,
			       struct strv *argv)
{
	const char *source = c->args.v[s].value, *output = c->args.output;

	for (size_t i = 0; i < c->args.n; i++)
		if (c->args.v[i].class == CC_DEP)
			cc_arg_add(argv, &c->args.v[i]);
	if (!linked || !c->args.dep)
		return;
	strv_add(argv, "-MF");
	strv_add_own(argv, cc_args_depfile(&c->args, source));
	if (has_target(c))
		return;
	strv_add(argv, "-MT");
	strv_add_own(argv, output ? xstrdup(output) : cc_args_object(source));
}

struct step {
	size_t source;     /* index of the input */
	const char *given; /* what -o gets, or NULL */
	unsigned keep;
	bool linked; /* the object is a step of ours to a program */
};

/* Builds the command. *DEPFILE: ours, to be filled from the user's or already
 * told to clang; NULL: none. */
static void step_argv(const struct cc *c, const struct step *s,
		      struct strv *argv, char **depfile)
{
	const struct cc_arg *source = &c->args.v[s->source];
	char *output =
	    s->given ? xstrdup(s->given) : cc_args_object(source->value);

	*depfile = NULL;
	user_words(c, s->source, s->keep, argv);
	user_depfile_words(c, s->source, s->linked, argv);
	if (!is_hot(c, s->source)) {
		foreign_flags_add(c, s->source, argv);
	} else {
		hot_flags_add(c, source->lang, argv);
		if (strcmp(output, "-") && !starts_with(output, "/dev/")) {
			*depfile = source->lang == CC_LANG_I
				       ? NULL
				       : depfile_place(output);
			record_add(c, s->source, output, *depfile, argv);
		}
	}
	if (*depfile && !c->args.dep) {
		strv_add(argv, "-MD");
		strv_add(argv, "-MF");
		strv_add(argv, *depfile);
	}
	if (s->given) {
		strv_add(argv, "-o");
		strv_add(argv, s->given);
	}
	free(output);
}

/* The user's depfile is his; a copy stays where the watcher looks. */
static void depfile_copy(const struct cc *c, size_t source, const char *to)
{
	char *from = cc_args_depfile(&c->args, c->args.v[source].value);
	char *data;
	size_t len;

	/* That it cannot be read makes no build fail: the watcher then knows
	 * of the source alone, and compiles again to learn the headers. */
	if (file_read(from, &data, &len, NULL) == 0) {
		file_write(to, data, len, NULL);
		free(data);
	}
	free(from);
}

static int step_run(struct cc *c, const struct step *s, bool last, char **err)
{
	struct strv argv = {0};
	char *depfile, *rsp;
	int shortened, r;

	step_argv(c, s, &argv, &depfile);
	rsp = xasprintf("%s.hotwatch-%d", s->given ? s->given : "a",
			(int)getpid());
	shortened = response_shorten(&argv, rsp, err);
	if (shortened < 0)
		return CC_ERROR;
	if (last && !shortened && !(depfile && c->args.dep))
		return cc_exec(argv.v, err);
	r = cc_run(argv.v, NULL, err);
	if (r == 0 && depfile && c->args.dep)
		depfile_copy(c, s->source, depfile);
	if (shortened)
		unlink(rsp);
	strv_free(&argv);
	free(depfile);
	free(rsp);
	return r;
}

int cc_compile(struct cc *c, char **err)
{
	size_t left = c->args.nsources;
	int status = 0;

	for (size_t i = 0; i < c->args.n; i++) {
		struct step s = {.source = i,
				 .given = c->args.output,
				 .keep = KEEP_SIDE | KEEP_LINK};
		int r;

		if (c->args.v[i].class != CC_INPUT ||
		    c->args.v[i].lang == CC_LANG_OBJECT)
			continue;
		r = step_run(c, &s, --left == 0 && status == 0, err);
		if (r < 0)
			return r;
		if (r > 0)
			status = r;
	}
	return status;
}

int cc_compile_source(struct cc *c, size_t i, const char *object, char **err)
{
	struct step s = {.source = i,
			 .given = object,
			 .keep = KEEP_SIDE,
			 .linked = true};

	return step_run(c, &s, false, err);
}
