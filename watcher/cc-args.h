/* SPDX-License-Identifier: MIT
 *
 * A clang command line, understood as far as a driver in front of clang has to:
 * what is asked for, which words are inputs, which belong to the compiler, to
 * the linker, or name files that are written beside. What is not known is
 * kept, in its place, for clang to judge.
 *
 * The words point into the list they were parsed from.
 */
#ifndef WATCHER_CC_ARGS_H
#define WATCHER_CC_ARGS_H

#include <stdbool.h>
#include <stddef.h>

struct strv;

enum cc_mode {
	CC_MODE_OTHER,   /* --version, -dM, ...: clang's own business */
	CC_MODE_READ,    /* -E, -M, -S, -fsyntax-only: no object comes of it */
	CC_MODE_COMPILE, /* -c, or a header to be precompiled */
	CC_MODE_LINK,    /* a program */
	CC_MODE_NATIVE   /* -shared, -r, -Wl,--version: lld, but not split */
};

enum cc_lang {          /* of an input */
	CC_LANG_OBJECT, /* nothing to compile: object, archive, library */
	CC_LANG_C,
	CC_LANG_I,      /* C that has been preprocessed */
	CC_LANG_HEADER, /* a C header to be precompiled */
	CC_LANG_ASM,
	CC_LANG_FOREIGN /* C++, LLVM's own, ... */
};

enum cc_class {
	CC_OTHER,  /* for every step */
	CC_INPUT,  /* a file, or - */
	CC_OUTPUT, /* -o */
	CC_LANG,   /* -x */
	CC_ACTION, /* -c */
	CC_DEP,    /* -MD and its kin */
	CC_SIDE,   /* has more files written beside the output */
	CC_LIB,    /* -l */
	CC_LINK    /* read by the linker alone */
};

struct cc_arg {
	enum cc_class class;
	enum cc_lang lang; /* of a CC_INPUT */
	const char *text;
	const char *value; /* joined or separate; of an input the path */
	bool separate;     /* value is a word of its own */
};

struct cc_args {
	struct cc_arg *v;
	size_t n;
	enum cc_mode mode;
	const char *output; /* of -o, the last; NULL: none */
	size_t ninputs, nsources;
	/* Why hotwatch cannot split this program, as the user wrote it
	 * ("-static"), or NULL. */
	const char *unsplit;
	bool alien;       /* another target, stdin, ...: all is clang's */
	bool foreign;     /* instrumented so that it must stay in one piece */
	bool dep;         /* a depfile was asked for */
	const char *depf; /* -MF, or what -Wp,-MD, names; NULL: by the output */
};

/* WORDS is without the compiler's own name, response files expanded (see
 * cc-response.h). */
void cc_args_parse(struct cc_args *a, char *const *words);
void cc_args_free(struct cc_args *a);

/* Adds the word, or the two words, of A to OUT. */
void cc_arg_add(struct strv *out, const struct cc_arg *a);

/*
 * The depfile that clang writes for the user, compiling SOURCE to OUTPUT (the
 * user's, or NULL). malloc'd.
 */
char *cc_args_depfile(const struct cc_args *a, const char *source);

/* The object that clang writes for SOURCE without -o. malloc'd. */
char *cc_args_object(const char *source);

#endif
