/* SPDX-License-Identifier: MIT
 *
 * See cc-args.h. One table holds what is special of clang's options; the
 * longest entry that matches wins, as in clang's own parser, and an option
 * that no entry matches is a flag without a value. Options of other targets
 * (Darwin, CUDA) are not in it: --target and -arch send the whole command to
 * clang before they could matter.
 */
#include "watcher/cc-args.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

enum form {
	FLAG,   /* the word itself */
	JOINED, /* a prefix; the rest is the value */
	NEXT,   /* the next word is the value */
	EITHER  /* JOINED, or NEXT if nothing is joined */
};

enum { /* what an option does to the whole command */
	IS_OTHER = 1,
	IS_READ = 2,
	IS_NATIVE = 4,
	IS_UNSPLIT = 8,
	IS_ALIEN = 16,
	IS_FOREIGN = 32,
	IS_DEP = 64,
	IS_DEPF = 128 /* its value names the depfile */
};

struct option {
	const char *name;
	enum form form;
	enum cc_class class;
	unsigned is;
};

static const struct option options[] = {
    {"-c", FLAG, CC_ACTION, 0},
    {"--compile", FLAG, CC_ACTION, 0},
    {"-o", EITHER, CC_OUTPUT, 0},
    {"--output", NEXT, CC_OUTPUT, 0},
    {"--output=", JOINED, CC_OUTPUT, 0},
    {"-x", EITHER, CC_LANG, 0},
    {"--language", NEXT, CC_LANG, 0},
    {"--language=", JOINED, CC_LANG, 0},

    /* no object comes of it */
    {"-E", FLAG, CC_OTHER, IS_READ},
    {"--preprocess", FLAG, CC_OTHER, IS_READ},
    {"-S", FLAG, CC_OTHER, IS_READ},
    {"--assemble", FLAG, CC_OTHER, IS_READ},
    {"-M", FLAG, CC_OTHER, IS_READ},
    {"-MM", FLAG, CC_OTHER, IS_READ},
    {"--dependencies", FLAG, CC_OTHER, IS_READ},
    {"--user-dependencies", FLAG, CC_OTHER, IS_READ},
    {"-fsyntax-only", FLAG, CC_OTHER, IS_READ},
    {"--analyze", FLAG, CC_OTHER, IS_READ},
    {"-emit-llvm", FLAG, CC_OTHER, IS_READ},
    {"-emit-ast", FLAG, CC_OTHER, IS_READ},
    {"--precompile", FLAG, CC_OTHER, IS_READ},
    {"-emit-interface-stubs", FLAG, CC_OTHER, IS_READ},
    {"-emit-merged-ifs", FLAG, CC_OTHER, IS_READ},
    {"-verify-pch", FLAG, CC_OTHER, IS_READ},
    {"-extract-api", FLAG, CC_OTHER, IS_READ},
    {"-dM", FLAG, CC_OTHER, IS_OTHER},
    {"-###", FLAG, CC_OTHER, IS_OTHER},
    {"--version", FLAG, CC_OTHER, IS_OTHER},
    {"-version", FLAG, CC_OTHER, IS_OTHER},
    {"-dumpversion", FLAG, CC_OTHER, IS_OTHER},
    {"-dumpmachine", FLAG, CC_OTHER, IS_OTHER},
    {"-dumpspecs", FLAG, CC_OTHER, IS_OTHER},
    {"-help", FLAG, CC_OTHER, IS_OTHER},
    {"--help", JOINED, CC_OTHER, IS_OTHER},
    {"-print-", JOINED, CC_OTHER, IS_OTHER},
    {"--print-", JOINED, CC_OTHER, IS_OTHER},
    {"--autocomplete=", JOINED, CC_OTHER, IS_OTHER},
    {"-module-file-info", FLAG, CC_OTHER, IS_OTHER},

    /* not this target, or not this driver */
    {"-cc1", JOINED, CC_OTHER, IS_ALIEN},
    {"-target", NEXT, CC_OTHER, IS_ALIEN},
    {"--target=", JOINED, CC_OTHER, IS_ALIEN},
    {"-arch", NEXT, CC_OTHER, IS_ALIEN},
    {"-m32", FLAG, CC_OTHER, IS_ALIEN},
    {"-mx32", FLAG, CC_OTHER, IS_ALIEN},
    {"-m16", FLAG, CC_OTHER, IS_ALIEN},
    {"--driver-mode=", JOINED, CC_OTHER, IS_ALIEN},

    /* counters that the profile's runtime finds as one array */
    {"-fprofile-instr-generate", JOINED, CC_OTHER, IS_FOREIGN},
    {"-fprofile-generate", JOINED, CC_OTHER, IS_FOREIGN},
    {"-fcs-profile-generate", JOINED, CC_OTHER, IS_FOREIGN},
    {"-fcoverage-mapping", FLAG, CC_OTHER, IS_FOREIGN},
    {"--coverage", FLAG, CC_OTHER, IS_FOREIGN},
    {"-coverage", FLAG, CC_OTHER, IS_FOREIGN},
    {"-fprofile-arcs", FLAG, CC_OTHER, IS_FOREIGN},
    {"-ftest-coverage", FLAG, CC_OTHER, IS_FOREIGN},
    {"-fsanitize=fuzzer", JOINED, CC_OTHER, IS_FOREIGN},
    {"-fxray-instrument", FLAG, CC_OTHER, IS_FOREIGN},
    {"-fsanitize-coverage=", JOINED, CC_OTHER, IS_FOREIGN},
    {"-fembed-bitcode", JOINED, CC_OTHER, IS_FOREIGN},

    /* dependencies */
    {"-MD", FLAG, CC_DEP, IS_DEP},
    {"-MMD", FLAG, CC_DEP, IS_DEP},
    {"--write-dependencies", FLAG, CC_DEP, IS_DEP},
    {"--write-user-dependencies", FLAG, CC_DEP, IS_DEP},
    {"-Wp,-MD,", JOINED, CC_DEP, IS_DEP | IS_DEPF},
    {"-Wp,-MMD,", JOINED, CC_DEP, IS_DEP | IS_DEPF},
    {"-MF", EITHER, CC_DEP, IS_DEPF},
    {"-MT", EITHER, CC_DEP, 0},
    {"-MQ", EITHER, CC_DEP, 0},
    {"-MP", FLAG, CC_DEP, 0},
    {"-MG", FLAG, CC_DEP, 0},
    {"-MV", FLAG, CC_DEP, 0},
    {"--print-missing-file-dependencies", FLAG, CC_DEP, 0},

    /* more output */
    {"-MJ", EITHER, CC_SIDE, 0},
    {"-gen-cdb-fragment-path", NEXT, CC_SIDE, 0},
    {"-save-temps", JOINED, CC_SIDE, 0},
    {"--save-temps", JOINED, CC_SIDE, 0},
    {"-ftime-trace", JOINED, CC_SIDE, 0},
    {"-ftime-report", JOINED, CC_SIDE, 0},
    {"-serialize-diagnostics", NEXT, CC_SIDE, 0},
    {"--serialize-diagnostics", NEXT, CC_SIDE, 0},
    {"-fsave-optimization-record", JOINED, CC_SIDE, 0},
    {"-foptimization-record-file=", JOINED, CC_SIDE, 0},
    {"-fproc-stat-report", JOINED, CC_SIDE, 0},
    {"-fstack-usage", FLAG, CC_SIDE, 0},
    {"-v", FLAG, CC_SIDE, 0},
    {"--verbose", FLAG, CC_SIDE, 0},
    {"-H", FLAG, CC_SIDE, 0},

    /* the linker's */
    {"-l", EITHER, CC_LIB, 0},
    {"-L", EITHER, CC_LINK, 0},
    {"--library-directory", NEXT, CC_LINK, 0},
    {"--library-directory=", JOINED, CC_LINK, 0},
    {"-Wl,", JOINED, CC_LINK, 0},
    {"-Xlinker", NEXT, CC_LINK, 0},
    {"--for-linker", NEXT, CC_LINK, 0},
    {"--for-linker=", JOINED, CC_LINK, 0},
    {"-z", NEXT, CC_LINK, 0},
    {"-u", EITHER, CC_LINK, 0},
    {"--undefined", NEXT, CC_LINK, 0},
    {"-s", FLAG, CC_LINK, 0},
    {"-t", FLAG, CC_LINK, 0},
    {"-rpath", NEXT, CC_LINK, 0},
    {"-rdynamic", FLAG, CC_LINK, 0},
    {"-dynamic", FLAG, CC_LINK, 0},
    {"-pie", FLAG, CC_LINK, 0},
    {"-no-pie", FLAG, CC_LINK, 0},
    {"-nopie", FLAG, CC_LINK, 0},
    {"-fuse-ld=", JOINED, CC_LINK, 0},
    {"--ld-path=", JOINED, CC_LINK, 0},
    {"-rtlib=", JOINED, CC_LINK, 0},
    {"--rtlib=", JOINED, CC_LINK, 0},
    {"-unwindlib=", JOINED, CC_LINK, 0},
    {"--unwindlib=", JOINED, CC_LINK, 0},
    {"-static-libgcc", FLAG, CC_LINK, 0},
    {"-static-libstdc++", FLAG, CC_LINK, 0},
    {"-static-libsan", FLAG, CC_LINK, 0},
    {"-shared-libgcc", FLAG, CC_LINK, 0},
    {"-shared-libsan", FLAG, CC_LINK, 0},
    {"-shared", FLAG, CC_LINK, IS_NATIVE},
    {"--shared", FLAG, CC_LINK, IS_NATIVE},
    {"-r", FLAG, CC_LINK, IS_NATIVE},
    {"-static", FLAG, CC_LINK, IS_UNSPLIT},
    {"--static", FLAG, CC_LINK, IS_UNSPLIT},
    {"-static-pie", FLAG, CC_LINK, IS_UNSPLIT},
    {"-export-dynamic", FLAG, CC_LINK, 0},
    {"-nostdlib", FLAG, CC_LINK, IS_UNSPLIT},
    {"--no-standard-libraries", FLAG, CC_LINK, IS_UNSPLIT},
    {"-nodefaultlibs", FLAG, CC_LINK, IS_UNSPLIT},
    {"-nolibc", FLAG, CC_LINK, IS_UNSPLIT},
    {"-nostartfiles", FLAG, CC_LINK, IS_UNSPLIT},
    {"-T", EITHER, CC_LINK, IS_UNSPLIT},
    {"-e", EITHER, CC_LINK, IS_UNSPLIT},
    {"--entry", NEXT, CC_LINK, IS_UNSPLIT},

    /* take a value, and that is all */
    {"-A", EITHER, CC_OTHER, 0},
    {"-B", EITHER, CC_OTHER, 0},
    {"--prefix", NEXT, CC_OTHER, 0},
    {"-D", EITHER, CC_OTHER, 0},
    {"--define-macro", NEXT, CC_OTHER, 0},
    {"-U", EITHER, CC_OTHER, 0},
    {"--undefine-macro", NEXT, CC_OTHER, 0},
    {"-F", EITHER, CC_OTHER, 0},
    {"-G", EITHER, CC_OTHER, 0},
    {"-I", EITHER, CC_OTHER, 0},
    {"--include-directory", NEXT, CC_OTHER, 0},
    {"--include-directory-after", NEXT, CC_OTHER, 0},
    {"--include", NEXT, CC_OTHER, 0},
    {"--imacros", NEXT, CC_OTHER, 0},
    {"-include", EITHER, CC_OTHER, 0},
    {"-include-pch", NEXT, CC_OTHER, 0},
    {"-imacros", EITHER, CC_OTHER, 0},
    {"-isystem", EITHER, CC_OTHER, 0},
    {"-isystem-after", EITHER, CC_OTHER, 0},
    {"-iquote", EITHER, CC_OTHER, 0},
    {"-idirafter", EITHER, CC_OTHER, 0},
    {"-iprefix", EITHER, CC_OTHER, 0},
    {"-iwithprefix", EITHER, CC_OTHER, 0},
    {"-iwithprefixbefore", EITHER, CC_OTHER, 0},
    {"-isysroot", EITHER, CC_OTHER, 0},
    {"-iwithsysroot", EITHER, CC_OTHER, 0},
    {"-imultilib", NEXT, CC_OTHER, 0},
    {"-iframework", EITHER, CC_OTHER, 0},
    {"-iframeworkwithsysroot", EITHER, CC_OTHER, 0},
    {"-ivfsoverlay", EITHER, CC_OTHER, 0},
    {"-cxx-isystem", EITHER, CC_OTHER, 0},
    {"-stdlib++-isystem", EITHER, CC_OTHER, 0},
    {"--sysroot", NEXT, CC_OTHER, 0},
    {"--config", NEXT, CC_OTHER, 0},
    {"--param", NEXT, CC_OTHER, 0},
    {"-Xclang", NEXT, CC_OTHER, 0},
    {"-Xpreprocessor", NEXT, CC_OTHER, 0},
    {"--for-preprocessor", NEXT, CC_OTHER, 0},
    {"-Xassembler", NEXT, CC_OTHER, 0},
    {"--for-assembler", NEXT, CC_OTHER, 0},
    {"-Xanalyzer", NEXT, CC_OTHER, 0},
    {"-mllvm", NEXT, CC_OTHER, 0},
    {"-mthread-model", NEXT, CC_OTHER, 0},
    {"-ftrapv-handler", NEXT, CC_OTHER, 0},
    {"-working-directory", NEXT, CC_OTHER, IS_ALIEN},
    {"-working-directory=", JOINED, CC_OTHER, IS_ALIEN},
    {"-dumpdir", NEXT, CC_OTHER, 0},
    {"-fdebug-compilation-dir", NEXT, CC_OTHER, 0},
};

/* What is said to the linker past clang: inside -Wl, and by -Xlinker. */
static const struct {
	const char *name;
	bool joined;
	unsigned is;
} linker_options[] = {
    {"-T", true, IS_UNSPLIT},        {"--script", true, IS_UNSPLIT},
    {"-static", false, IS_UNSPLIT},  {"--static", false, IS_UNSPLIT},
    {"-e", false, IS_UNSPLIT},       {"--entry", true, IS_UNSPLIT},
    {"-r", false, IS_NATIVE},        {"--relocatable", false, IS_NATIVE},
    {"-shared", false, IS_NATIVE},   {"--shared", false, IS_NATIVE},
    {"--version", false, IS_NATIVE}, {"--help", false, IS_NATIVE},
    {"--wrap", true, IS_UNSPLIT},    {"-wrap", true, IS_UNSPLIT},
};

static const struct {
	const char *name;
	enum cc_lang lang;
} languages[] =
    {
	{"c", CC_LANG_C},
	{"cpp-output", CC_LANG_I},
	{"c-header", CC_LANG_HEADER},
	{"assembler", CC_LANG_ASM},
	{"assembler-with-cpp", CC_LANG_ASM},
},
  suffixes[] = {
      {".c", CC_LANG_C},         {".i", CC_LANG_I},
      {".h", CC_LANG_HEADER},    {".s", CC_LANG_ASM},
      {".S", CC_LANG_ASM},       {".sx", CC_LANG_ASM},
      {".asm", CC_LANG_ASM},     {".cc", CC_LANG_FOREIGN},
      {".cp", CC_LANG_FOREIGN},  {".cpp", CC_LANG_FOREIGN},
      {".cxx", CC_LANG_FOREIGN}, {".c++", CC_LANG_FOREIGN},
      {".C", CC_LANG_FOREIGN},   {".CC", CC_LANG_FOREIGN},
      {".CPP", CC_LANG_FOREIGN}, {".CXX", CC_LANG_FOREIGN},
      {".C++", CC_LANG_FOREIGN}, {".cppm", CC_LANG_FOREIGN},
      {".ii", CC_LANG_FOREIGN},  {".m", CC_LANG_FOREIGN},
      {".mi", CC_LANG_FOREIGN},  {".mm", CC_LANG_FOREIGN},
      {".mii", CC_LANG_FOREIGN}, {".M", CC_LANG_FOREIGN},
      {".hh", CC_LANG_FOREIGN},  {".H", CC_LANG_FOREIGN},
      {".hpp", CC_LANG_FOREIGN}, {".hxx", CC_LANG_FOREIGN},
      {".ll", CC_LANG_FOREIGN},  {".bc", CC_LANG_FOREIGN},
      {".cl", CC_LANG_FOREIGN},  {".cu", CC_LANG_FOREIGN},
      {".f", CC_LANG_FOREIGN},   {".F", CC_LANG_FOREIGN},
      {".f90", CC_LANG_FOREIGN}, {".F90", CC_LANG_FOREIGN},
};

static enum cc_lang lang_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
		if (!strcmp(languages[i].name, name))
			return languages[i].lang;
	return CC_LANG_FOREIGN;
}

static enum cc_lang lang_by_suffix(const char *path)
{
	const char *dot = strrchr(path_base(path), '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(suffixes[i].name, dot))
			return suffixes[i].lang;
	return CC_LANG_OBJECT;
}

static const struct option *option_find(const char *word)
{
	const struct option *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		size_t n = strlen(o->name);

		if (strncmp(word, o->name, n) || n <= best_len)
			continue;
		if (word[n] && o->form != JOINED && o->form != EITHER)
			continue;
		best = o;
		best_len = n;
	}
	return best;
}

/* NAME, LEN bytes: one word of the linker's own. */
static void linker_word(struct cc_args *a, const char *name, size_t len,
			unsigned *is)
{
	for (size_t i = 0; i < ARRAY_SIZE(linker_options); i++) {
		size_t n = strlen(linker_options[i].name);

		if (len < n || strncmp(name, linker_options[i].name, n) ||
		    (len > n && !linker_options[i].joined))
			continue;
		*is |= linker_options[i].is;
		if (linker_options[i].is & IS_UNSPLIT)
			a->unsplit = linker_options[i].name;
	}
}

static void linker_words(struct cc_args *a, const struct cc_arg *arg,
			 unsigned *is)
{
	const char *p = arg->value;

	if (arg->class != CC_LINK || !p ||
	    !(starts_with(arg->text, "-Wl,") ||
	      starts_with(arg->text, "-Xlinker") ||
	      starts_with(arg->text, "--for-linker")))
		return;
	for (;;) {
		size_t n = strcspn(p, ",");

		linker_word(a, p, n, is);
		if (!p[n])
			break;
		p += n + 1;
	}
}

/* The targets that are this one. */
static bool target_is_host(const char *triple)
{
	return starts_with(triple, "x86_64") && strstr(triple, "linux") &&
	       !strstr(triple, "x32") && !strstr(triple, "musl") &&
	       !strstr(triple, "android");
}

static unsigned effects(struct cc_args *a, const struct option *o,
			const struct cc_arg *arg)
{
	unsigned is = o->is;

	if (strstr(o->name, "-target") && target_is_host(arg->value))
		is &= ~(unsigned)IS_ALIEN;
	if (!strcmp(o->name, "--driver-mode=") && !strcmp(arg->value, "gcc"))
		is &= ~(unsigned)IS_ALIEN;
	if (o->class == CC_OUTPUT)
		a->output = arg->value;
	if (is & IS_DEPF)
		a->depf = arg->value;
	if (is & (IS_UNSPLIT | IS_FOREIGN))
		a->unsplit = o->name;
	linker_words(a, arg, &is);
	return is;
}

static void input_parse(struct cc_args *a, struct cc_arg *arg, const char *lang)
{
	arg->class = CC_INPUT;
	arg->value = arg->text;
	arg->lang = lang ? lang_by_name(lang) : lang_by_suffix(arg->text);
	a->alien |= !strcmp(arg->text, "-");
	a->ninputs++;
	a->nsources += arg->lang != CC_LANG_OBJECT;
}

/* Takes one option and its value; returns how many words these are. */
static size_t option_parse(struct cc_args *a, struct cc_arg *arg,
			   const char *next, unsigned *is)
{
	const struct option *o = option_find(arg->text);

	arg->class = CC_OTHER;
	if (!o)
		return 1;
	arg->class = o->class;
	if (o->form != FLAG)
		arg->value = arg->text + strlen(o->name);
	if (o->form == NEXT || (o->form == EITHER && !*arg->value)) {
		arg->value = next ? next : "";
		arg->separate = next != NULL;
		a->alien |= !next; /* clang reports it best */
	}
	*is |= effects(a, o, arg);
	return arg->separate ? 2 : 1;
}

static bool header_only(const struct cc_args *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].class == CC_INPUT && a->v[i].lang == CC_LANG_HEADER)
			return true;
	return false;
}

static bool has_class(const struct cc_args *a, enum cc_class class)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].class == class)
			return true;
	return false;
}

static enum cc_mode mode_of(const struct cc_args *a, unsigned is)
{
	bool compile = has_class(a, CC_ACTION);

	if (is & IS_OTHER)
		return CC_MODE_OTHER;
	if (is & IS_READ)
		return a->ninputs ? CC_MODE_READ : CC_MODE_OTHER;
	if (!a->ninputs)
		return compile || !has_class(a, CC_LINK) ? CC_MODE_OTHER
							 : CC_MODE_NATIVE;
	if (compile || header_only(a))
		return CC_MODE_COMPILE;
	return is & IS_NATIVE ? CC_MODE_NATIVE : CC_MODE_LINK;
}

void cc_args_parse(struct cc_args *a, char *const *words)
{
	const char *lang = NULL;
	bool only_inputs = false;
	unsigned is = 0;

	*a = (struct cc_args){0};
	a->v = xcalloc(lenv(words), sizeof(*a->v));
	while (*words) {
		struct cc_arg *arg = &a->v[a->n];

		arg->text = *words;
		if (!only_inputs && !strcmp(*words, "--")) {
			only_inputs = true;
			words++;
			continue;
		}
		a->n++;
		if (only_inputs || (*words)[0] != '-' || !(*words)[1]) {
			input_parse(a, arg, lang);
			words++;
			continue;
		}
		words += option_parse(a, arg, words[1], &is);
		if (arg->class == CC_LANG)
			lang = strcmp(arg->value, "none") ? arg->value : NULL;
	}
	a->alien |= (is & IS_ALIEN) != 0;
	a->foreign = (is & IS_FOREIGN) != 0;
	a->dep = (is & IS_DEP) != 0;
	a->mode = mode_of(a, is);
}

void cc_args_free(struct cc_args *a)
{
	free(a->v);
	*a = (struct cc_args){0};
}

void cc_arg_add(struct strv *out, const struct cc_arg *a)
{
	/* An input may begin with a dash, after "--" only. */
	if (a->class == CC_INPUT && a->text[0] == '-' && a->text[1]) {
		strv_add_own(out, xasprintf("./%s", a->text));
		return;
	}
	strv_add(out, a->text);
	if (a->separate)
		strv_add(out, a->value);
}

static char *suffix_replace(const char *path, const char *suffix)
{
	const char *base = path_base(path), *dot = strrchr(base, '.');
	size_t n = dot ? (size_t)(dot - path) : strlen(path);

	return xasprintf("%.*s%s", (int)n, path, suffix);
}

char *cc_args_object(const char *source)
{
	return suffix_replace(path_base(source), ".o");
}

char *cc_args_depfile(const struct cc_args *a, const char *source)
{
	if (a->depf)
		return xstrdup(a->depf);
	if (a->output)
		return suffix_replace(a->output, ".d");
	return suffix_replace(path_base(source), ".d");
}
