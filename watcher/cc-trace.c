/* SPDX-License-Identifier: MIT
 *
 * The native link, run for what it says: its messages and status are what the
 * user would have got, and its trace (lld's --trace) is the truth about which
 * members of which archives a program takes. Nothing of the linker's search
 * and its rules is done again here.
 *
 * The result goes to /dev/null, without debug information: that keeps every
 * check but spares most of the work. (lld's relocatable -r instead was
 * rejected: it does not report undefined symbols.)
 *
 * Two members of one archive may have the same name, and the trace does not
 * tell which was meant; --why-extract names the symbol that one was taken for.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/archive.h"
#include "watcher/cc-program.h"
#include "watcher/cc-response.h"

enum file_kind {
	FILE_OTHER,
	FILE_OBJECT,
	FILE_SHARED
};

static enum file_kind kind_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr eh;
	ssize_t n = fd < 0 ? -1 : pread(fd, &eh, sizeof(eh), 0);

	if (fd >= 0)
		close(fd);
	if (n < (ssize_t)sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return FILE_OTHER;
	return eh.e_type == ET_DYN   ? FILE_SHARED
	       : eh.e_type == ET_REL ? FILE_OBJECT
				     : FILE_OTHER;
}

static struct unit *unit_add(struct program *p, const char *path)
{
	p->units = xrealloc(p->units, (p->nunits + 1) * sizeof(*p->units));
	p->units[p->nunits] = (struct unit){.path = xstrdup(path)};
	return &p->units[p->nunits++];
}

/* --- members -------------------------------------------------------------- */

/* An archive of the trace, and how often each of its names has come by. */
struct seen {
	struct archive *a;
	struct strv names; /* of members already taken, in order */
};

struct tracing {
	struct program *p;
	struct seen *seen;
	size_t nseen;
	char *why; /* what --why-extract wrote */
};

static struct seen *archive_seen(struct tracing *t, const char *path)
{
	struct archive *a;

	for (size_t i = 0; i < t->nseen; i++)
		if (!strcmp(t->seen[i].a->path, path))
			return &t->seen[i];
	if (archive_open(&a, path, NULL) < 0)
		return NULL;
	t->seen = xrealloc(t->seen, (t->nseen + 1) * sizeof(*t->seen));
	t->seen[t->nseen] = (struct seen){.a = a};
	return &t->seen[t->nseen++];
}

static size_t count_before(const struct seen *s, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < s->names.n; i++)
		n += !strcmp(s->names.v[i], name);
	return n;
}

/* The symbol for which the (N+1)th member called NAME of ARCHIVE was taken:
 * "reference\tarchive(name)\tsymbol" lines, in the trace's order. */
static char *why_symbol(const struct tracing *t, const char *archive,
			const char *name, size_t n)
{
	char *want = xasprintf("\t%s(%s)\t", archive, name);
	const char *at = t->why;
	char *symbol = NULL;

	while (at && (at = strstr(at, want)) != NULL) {
		at += strlen(want);
		if (n-- == 0) {
			symbol = xstrndup(at, strcspn(at, "\n"));
			break;
		}
	}
	free(want);
	return symbol;
}

static long member_offset(const struct tracing *t, const struct seen *s,
			  const char *name)
{
	size_t before = count_before(s, name), same = 0;
	char *symbol = NULL;
	long nth = 0, offset = 0;

	for (size_t i = 0; i < s->a->n; i++) {
		if (strcmp(s->a->members[i].name, name))
			continue;
		if (same++ == before)
			nth = s->a->members[i].offset;
	}
	if (same > 1)
		symbol = why_symbol(t, s->a->path, name, before);
	if (symbol)
		offset = archive_defines(s->a, symbol);
	free(symbol);
	return offset ? offset : nth;
}

/* "archive(member)". False if LINE is not that. */
static bool line_member(struct tracing *t, const char *line)
{
	const char *open = strrchr(line, '(');
	struct seen *s;
	struct unit *u;
	char *archive, *name;

	if (!open || open == line || !ends_with(line, ")"))
		return false;
	archive = xstrndup(line, (size_t)(open - line));
	s = archive_seen(t, archive);
	if (!s) {
		free(archive);
		return false;
	}
	name = xstrndup(open + 1, strlen(open) - 2);
	if (s->a->thin) {
		char *dir = path_dir(archive), *path = path_join(dir, name);

		u = unit_add(t->p, path);
		u->m.archive = path_absolute(t->p->cc->dir, archive);
		free(dir);
		free(path);
	} else {
		u = unit_add(t->p, archive);
		u->offset = member_offset(t, s, name);
		u->member = xstrdup(name);
		u->m.archive = path_absolute(t->p->cc->dir, archive);
		strv_add(&s->names, name);
	}
	free(archive);
	free(name);
	return true;
}

/* --- lines ---------------------------------------------------------------- */

/* What the trace does not explain is the linker's answer to an option of the
 * user's (-Wl,-M): it goes where it would have gone. */
static void line_read(struct tracing *t, const char *line)
{
	struct program *p = t->p;

	switch (kind_of(line)) {
	case FILE_OBJECT:
		unit_add(p, line);
		return;
	case FILE_SHARED: {
		char *path = path_absolute(p->cc->dir, line);

		if (strcmp(line, p->cc->tools.codeserver) != 0 &&
		    !strv_has(&p->libs, path))
			strv_add(&p->libs, path);
		free(path);
		return;
	}
	case FILE_OTHER:
		break;
	}
	if (!line_member(t, line) && !file_exists(line))
		text_printf(&p->cc->output, "%s\n", line);
}

static void lines_read(struct tracing *t, char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line)
			line_read(t, line);
	for (size_t i = 0; i < t->nseen; i++) {
		archive_close(t->seen[i].a);
		strv_free(&t->seen[i].names);
	}
	free(t->seen);
}

/*
 * What the compiler itself may need in any module, from where the C runtime's
 * start files lie: a reloaded version may call atexit where none did before.
 */
static void runtime_archives(struct program *p)
{
	static const struct {
		const char *beside, *name;
	} runtimes[] = {
	    {"crti.o", "libc_nonshared.a"},
	    {"crtbeginS.o", "libgcc.a"},
	    {"crtbegin.o", "libgcc.a"},
	    {"clang_rt.crtbegin-x86_64.o", "libclang_rt.builtins-x86_64.a"},
	    {"clang_rt.crtbegin.o", "libclang_rt.builtins.a"},
	};

	for (size_t i = 0; i < p->nunits; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(runtimes); k++) {
			char *dir, *path, *full;

			if (strcmp(path_base(p->units[i].path),
				   runtimes[k].beside))
				continue;
			dir = path_dir(p->units[i].path);
			path = path_join(dir, runtimes[k].name);
			full = path_absolute(p->cc->dir, path);
			if (file_exists(full) && !strv_has(&p->libs, full))
				strv_add(&p->libs, full);
			free(dir);
			free(path);
			free(full);
		}
	}
}

static int native_link(struct program *p, const char *trace, const char *why,
		       char **err)
{
	static const char *const ours[] = {
	    "-fuse-ld=lld", "-o",       "/dev/null", "-Wl,-S",
	    "-Wl,--trace",  "-Xlinker", NULL};
	/* what hotwatch/process.h and code.h declare */
	const char *const server[] = {"-Wl,--push-state,--as-needed",
				      p->cc->tools.codeserver,
				      "-Wl,--pop-state", NULL};
	struct cc_pipes to = {.out = trace};
	struct strv argv = {0};
	char *rsp = path_join(p->tmp, "native.rsp");
	int status;

	cc_native_words(p, &argv);
	strv_addv(&argv, server);
	strv_addv(&argv, ours);
	strv_add_own(&argv, xasprintf("--why-extract=%s", why));
	status = response_shorten(&argv, rsp, err);
	if (status >= 0)
		status = cc_run(argv.v, &to, err);
	strv_free(&argv);
	free(rsp);
	return status;
}

/* The depfile of the link (CMake asks for one) names what was linked: not
 * where our link has put it. */
static void depfile_mend(const struct program *p, const char *word)
{
	static const char option[] = "--dependency-file=",
			  wrong[] = "/dev/null:";
	const char *output = p->cc->args.output;
	char *path, *text = NULL, *mended;

	word = strstr(word, option);
	if (!word)
		return;
	word += strlen(option);
	path = xstrndup(word, strcspn(word, ","));
	if (file_read(path, &text, NULL, NULL) == 0 &&
	    starts_with(text, wrong)) {
		mended = xasprintf("%s:%s", output ? output : "a.out",
				   text + strlen(wrong));
		file_write(path, mended, strlen(mended), NULL);
		free(mended);
	}
	free(text);
	free(path);
}

int cc_trace(struct program *p, char **err)
{
	char *trace = path_join(p->tmp, "trace");
	char *why = path_join(p->tmp, "why"), *text = NULL;
	struct tracing t = {.p = p};
	int status = native_link(p, trace, why, err);

	if (status < 0 || file_read(trace, &text, NULL, err) < 0) {
		status = CC_ERROR;
		goto out;
	}
	file_read(why, &t.why, NULL, NULL);
	lines_read(&t, text);
	runtime_archives(p);
	for (size_t i = 0; i < p->cc->args.n; i++)
		if (p->cc->args.v[i].class == CC_LINK)
			depfile_mend(p, p->cc->args.v[i].text);
out:
	free(text);
	free(t.why);
	free(trace);
	free(why);
	return status;
}
